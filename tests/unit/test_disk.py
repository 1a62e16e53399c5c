# SPDX-License-Identifier: GPL-3.0-only
"""The low-water mark on the database's disk."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store.disk import DiskGuard
from PilotLoggingDIRAC.store.engine import Database, room


class Disk:
    def __init__(self, left: int | None) -> None:
        self.left = left
        self.looked = threading.Semaphore(0)

    def look(self) -> int | None:
        self.looked.release()
        return self.left

    def wait(self) -> None:
        """Until it has been looked at twice: the first look may have begun before a change."""
        while self.looked.acquire(blocking=False):
            pass
        for _ in range(2):
            assert self.looked.acquire(timeout=120)


@pytest.fixture
def disk() -> Disk:
    return Disk(5000)


@pytest.fixture
def guard(disk: Disk) -> Iterator[DiskGuard]:
    guard = DiskGuard(disk.look, least=1000, every=0.01)
    yield guard
    guard.close()


def test_enough_room(disk: Disk, guard: DiskGuard) -> None:
    disk.wait()
    assert guard.left == 5000
    guard.check()


def test_too_little_room_until_there_is_some_again(disk: Disk, guard: DiskGuard) -> None:
    disk.left = 999
    disk.wait()
    with pytest.raises(
        Unavailable, match=r"has only 999 bytes left \(MinFreeDisk\), .*: send it later, or to another"
    ) as no:
        guard.check()
    assert no.value.reason == "disk"
    disk.left = 1000
    disk.wait()
    guard.check()


def test_a_disk_that_cannot_be_seen_refuses_nothing(disk: Disk, guard: DiskGuard) -> None:
    disk.left = None
    disk.wait()
    guard.check()


def test_off() -> None:
    guard = DiskGuard(lambda: 1, least=0)
    guard.check()
    guard.close()


def test_a_disk_that_does_not_answer_holds_up_nobody() -> None:
    hang = threading.Event()

    def look() -> int:
        hang.wait()
        return 0

    guard = DiskGuard(look, least=1000)
    guard.check()
    hang.set()
    guard.close()


def test_what_the_database_says(database: Database) -> None:
    left = database.disk_left()
    if database.file is None:
        assert left is None  # a server without the plugin DISKS, as they come
    else:
        assert left is not None
        status = os.statvfs(database.file.path.parent)
        assert abs(left - database.free_inside() - status.f_bavail * status.f_frsize) < 2**30


def test_what_expired_text_leaves_free_is_room(store: Store, archives: Archives, key: LogKey) -> None:
    """Or a disk that was full once would refuse text for ever: the database's files do not shrink."""
    database, noise = store.database, random.Random(7)
    for seq in range(1, 17):
        store.append(Append(key, noise.randbytes(2**19).hex().encode(), session="a", seq=seq))
    store.finalise(key)
    before = database.free_inside()
    archives.add()
    archives.deliver(store.record(key).log_id)
    store.expire(key)
    # MariaDB frees places after the transaction, when nobody can see the old rows any more.
    deadline = time.monotonic() + 120
    while database.free_inside() < before + 6 * 2**20:
        assert time.monotonic() < deadline, (before, database.free_inside())
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("disk", "sum_of_both"), [(2**40, 2**40 + 2**30), (2**28, 2**28 + 2**30), (2**20, 2**20), (0, 0)]
)
def test_a_disk_without_room_for_a_journal_is_full(disk: int, sum_of_both: int) -> None:
    assert room(disk, 2**30) == sum_of_both


def test_looking_makes_no_file(tmp_path: Path) -> None:
    database = Database(URL.create("sqlite", database=str(tmp_path / "db.sqlite")))
    assert database.disk_left()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_gone() -> None:
    assert Database(URL.create("sqlite", database="/nowhere/at/all")).disk_left() is None
