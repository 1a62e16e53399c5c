# SPDX-License-Identifier: GPL-3.0-only
"""SQLite's ``-wal`` does not grow without end, whoever reads meanwhile."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.writer import GroupCommitWriter

LIMIT = 2**20
KEY = LogKey("alpha", "0" * 32)
NOISE = random.Random(7)


@pytest.fixture
def database(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    path = shutil.copy(sqlite_template, tmp_path / "db.sqlite")
    database = Database(URL.create("sqlite", database=str(path)), wal_limit=LIMIT)
    yield database
    database.close()


def write(database: Database, wal: Path) -> int:
    """Many messages, one after the other; gives the greatest length of the ``-wal``."""
    writer = GroupCommitWriter(database, 2**26)
    longest = 0
    for seq in range(1, 61):
        append = Append(KEY, NOISE.randbytes(2**17).hex().encode(), session="a", seq=seq)
        assert writer.submit(append).result(120).next_seq == seq + 1
        longest = max(longest, wal.stat().st_size)
    writer.close()
    return longest


def test_with_readers_that_overlap(database: Database, tmp_path: Path) -> None:
    """At no moment there is none: each begins before the one before it ends."""
    ending, reading = threading.Event(), threading.Event()
    counts: list[int] = []

    def read() -> None:
        current = database.reading()
        counts.append(current.__enter__().execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one())
        while not ending.wait(0.02):
            following = database.reading()
            counts.append(following.__enter__().execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one())
            current.__exit__(None, None, None)
            current = following
            reading.set()
        current.__exit__(None, None, None)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert reading.wait(120)
        longest = write(database, tmp_path / "db.sqlite-wal")
    finally:
        ending.set()
        reader.join(120)
    assert longest < 4 * LIMIT
    assert counts == sorted(counts)


def test_a_reader_that_stays_holds_up_nobody_for_long_and_it_is_emptied_when_he_goes(
    database: Database, tmp_path: Path
) -> None:
    wal = tmp_path / "db.sqlite-wal"
    with database.reading() as connection:
        before = connection.execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one()
        assert write(database, wal) > 4 * LIMIT
        assert connection.execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one() == before
    database._wal._next = 0.0  # the pause is over
    database.tidy()
    assert wal.stat().st_size == 0
    with database.reading() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one() == 60
