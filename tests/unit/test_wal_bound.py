# SPDX-License-Identifier: GPL-3.0-only
"""SQLite's ``-wal`` does not grow without end, whoever reads meanwhile."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store import chunks, logs
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.quarantine import companion_of
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase
from PilotLoggingDIRAC.store.wal_bound import WALBound
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
    empty(database, wal)
    with database.reading() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one() == 60


def empty(database: Database, wal: Path) -> None:
    """As a writer does after each commit, until it has been done."""
    until = time.monotonic() + 120
    while wal.stat().st_size and time.monotonic() < until:
        database._wal._next = 0.0  # the pause is over
        with database.writing():
            pass
        database.tidy()
        time.sleep(0.02)
    assert wal.stat().st_size == 0


WRITER = """
import os, random, signal, sys
from sqlalchemy import URL, text
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.writer import GroupCommitWriter

database = Database(URL.create("sqlite", database=sys.argv[1]))
with database.reading() as connection:
    connection.execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one()
    writer = GroupCommitWriter(database, 2**26)
    for seq in range(1, 61):
        data = random.randbytes(2**17).hex().encode()
        writer.submit(Append(LogKey("alpha", "0" * 32), data, session="a", seq=seq)).result(120)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def leave_after_crash(file: Path) -> None:
    """What somebody leaves who is killed while a reader stays: nearly all is in the ``-wal``."""
    killed = subprocess.run([sys.executable, "-c", WRITER, file], timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL


def test_neither_the_start_nor_a_commit_after_a_crash_copies_what_was_left(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be held up for seconds a GB, and all that wait behind it. Meanwhile it is copied beside them."""
    file = Path(shutil.copy(sqlite_template, tmp_path / "db.sqlite"))
    wal = companion_of(file, "-wal")
    leave_after_crash(file)
    left = wal.stat().st_size
    assert left > 4 * LIMIT
    content, goes_on, copy = file.read_bytes(), threading.Event(), WALBound._copy
    monkeypatch.setattr(WALBound, "_copy", lambda bound: goes_on.wait(120) and copy(bound))
    database = PreparedDatabase(URL.create("sqlite", database=str(file)), wal_limit=LIMIT)
    writer = GroupCommitWriter(database, 2**26)
    try:
        for seq in range(61, 71):
            assert writer.submit(Append(KEY, b"text\n", session="a", seq=seq)).result(120).next_seq == seq + 1
        assert file.read_bytes() == content
        assert wal.stat().st_size > left
        goes_on.set()
        empty(database, wal)
        with database.reading() as connection:
            assert connection.execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar_one() == 70
            assert connection.execute(text("PRAGMA quick_check")).scalar_one() == "ok"
        writer.submit(Append(KEY, b"text\n" * 2**17, session="a", seq=71)).result(120)
        with database.writing() as connection:
            assert connection.execute(text("PRAGMA wal_autocheckpoint")).scalar_one() == 1000
    finally:
        goes_on.set()
        writer.close()
        database.close()


def test_copying_ends_when_the_database_is_closed(tmp_path: Path, sqlite_template: Path) -> None:
    file = Path(shutil.copy(sqlite_template, tmp_path / "db.sqlite"))
    leave_after_crash(file)
    database = Database(URL.create("sqlite", database=str(file)), wal_limit=LIMIT)
    with database.writing():
        pass
    database.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "PilotLogDB-copy"]


def test_who_takes_a_whole_log_slowly_is_no_reader_that_stays(database: Database, tmp_path: Path) -> None:
    """The agent writes it to a disk that may be slow, before it is delivered."""
    wal = tmp_path / "db.sqlite-wal"
    writer = GroupCommitWriter(database, 2**26)
    for seq in range(1, 201):
        writer.submit(Append(KEY, b"%d\n" % seq, session="a", seq=seq)).result(120)
    with database.reading() as connection:
        record = logs.find(connection, KEY)
        assert record is not None
        index = chunks.index_of(connection, record)
    taken = chunks.stream_text(database, record.log_id, index)
    text = next(taken)
    writer.submit(Append(KEY, NOISE.randbytes(2**19).hex().encode(), session="a", seq=201)).result(120)
    writer.close()
    assert database.drop_remnants()
    assert wal.stat().st_size == 0
    assert text + b"".join(taken) == b"".join(b"%d\n" % seq for seq in range(1, 201))
