# SPDX-License-Identifier: GPL-3.0-only
"""A damaged SQLite file: reported, set aside bit for bit, never overwritten; and the service goes on with a new one."""

from __future__ import annotations

import errno
import json
import os
import random
import secrets
import shutil
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, select

from PilotLoggingDIRAC.errors import ConfigurationError, PilotLoggingError, Unavailable
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store import quarantine, schema
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.quarantine import companion_of, list_quarantined
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase
from PilotLoggingDIRAC.store.wal_check import lost_commits

PIECES = ("", "-wal", "-shm")
PAGE = 4096
RANDOM = random.Random(7)


class Part:
    """A component of its own: its database, and what it told the operator."""

    def __init__(self, file: Path, **more: Any) -> None:
        self.told: list[str] = []
        self.file = file
        self.database = PreparedDatabase(URL.create("sqlite", database=str(file)), self.told.append, **more)

    def send(self, number: int, size: int = 100) -> None:
        append = Append(LogKey("alpha", f"{number:032d}"), RANDOM.randbytes(size))
        self.database.transact(lambda connection: append_all(connection, [append], self.database.now(connection)))

    def send_again(self, number: int) -> None:
        """As a sender does: until it is acknowledged."""
        for _ in range(5):
            try:
                return self.send(number)
            except Unavailable:
                continue
        raise AssertionError("not taken after five times")

    def logs(self) -> list[int]:
        with self.database.reading() as connection:
            return sorted(int(stamp) for stamp in connection.execute(select(schema.logs.c.Stamp)).scalars())

    def close(self) -> None:
        self.database.close()


@pytest.fixture
def file(database_folder: Path) -> Iterator[Path]:
    folder = database_folder / secrets.token_hex(8)
    folder.mkdir()
    yield folder / "PilotLogDB.sqlite"
    shutil.rmtree(folder)


@pytest.fixture
def part(file: Path) -> Iterator[Callable[..., Part]]:
    """Makes components that use the file; they are closed at the end."""
    parts: list[Part] = []

    def make(**more: Any) -> Part:
        parts.append(Part(file, **more))
        return parts[-1]

    yield make
    for each in parts:
        each.close()


def leave_after_crash(file: Path, logs: int = 40) -> None:
    """A file and its -wal as a killed collector leaves them: most logs in the file, the last ten in the -wal."""
    first = Part(file.with_name("first"))
    for number in range(logs - 10):
        first.send(number, 3000)
    first.close()  # empties the -wal into the file
    first = Part(first.file)
    for number in range(logs - 10, logs):
        first.send(number, 3000)
    for ending in ("", "-wal"):
        shutil.copy(companion_of(first.file, ending), companion_of(file, ending))
    first.close()
    first.file.unlink()


def leave_in_order(file: Path, logs: int = 40) -> None:
    """A file as a collector leaves it that was ended in good order: no -wal."""
    leave_after_crash(file, logs)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT COUNT(*) FROM PilotLogs").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    companion_of(file, "-wal").unlink(missing_ok=True)


def scribble(path: Path, start: int, size: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(start)
        stream.write(RANDOM.randbytes(size))


def root_page(file: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as connection:
        row = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
    return int(row[0])


def bytes_of(file: Path) -> dict[str, bytes]:
    """What is in the file and in its -wal; one that is not there is an empty one."""
    return {
        end: companion_of(file, end).read_bytes() if companion_of(file, end).exists() else b"" for end in ("", "-wal")
    }


def the_set_aside(file: Path) -> Path:
    (only,) = list_quarantined(file)
    return only


def spoil_page(file: Path) -> None:
    scribble(file, PAGE * (root_page(file, "PilotLogs") - 1), PAGE)


def halve(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 + 100)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "random header": lambda file: scribble(file, 0, 100),
    "magic word": lambda file: scribble(file, 0, 4),
    "page in the middle": spoil_page,
    "truncated": halve,
}
DAMAGES_AFTER_CRASH: dict[str, Callable[[Path], Any]] = {
    "empty": lambda file: os.truncate(file, 0),
    "missing": lambda file: file.unlink(),
    "frame in the middle of the -wal": lambda file: scribble(companion_of(file, "-wal"), 32 + 24 + 100, 16),
    "frame's head in the middle of the -wal": lambda file: scribble(companion_of(file, "-wal"), 32 + 24 + PAGE, 24),
    "head of the -wal": lambda file: scribble(companion_of(file, "-wal"), 0, 32),
}


@pytest.mark.parametrize(
    ("leave", "damage"),
    [(leave_in_order, damage) for damage in DAMAGES.values()]
    + [(leave_after_crash, damage) for damage in DAMAGES_AFTER_CRASH.values()],
    ids=[*DAMAGES, *DAMAGES_AFTER_CRASH],
)
def test_damaged_at_the_start(
    file: Path, part: Callable[[], Part], leave: Callable[[Path], None], damage: Callable[[Path], Any]
) -> None:
    leave(file)
    damage(file)
    before = bytes_of(file)
    collector, agent = part(), part()
    collector.send_again(1000)
    assert agent.logs() == [1000]
    aside = the_set_aside(file)
    assert bytes_of(aside) == before
    (told,) = collector.told
    assert str(aside) in told
    assert ".recover" in told
    assert agent.told == []
    # It stays as it is whatever is done with the new one, and even when all are closed.
    for number in range(1001, 1030):
        agent.send(number)
    collector.close()
    agent.close()
    assert bytes_of(aside) == before
    assert part().logs() == [1000, *range(1001, 1030)]
    assert the_set_aside(file) == aside


def test_what_the_wal_makes_good_is_no_damage(file: Path, part: Callable[[], Part]) -> None:
    """A checkpoint that was cut off leaves a page half-written; the -wal has all of it."""
    leave_after_crash(file)
    scribble(file, 0, PAGE)
    collector = part()
    collector.send(1000)
    assert collector.logs() == [*range(40), 1000]
    assert collector.told == []


def test_what_was_set_aside_can_be_recovered(file: Path, part: Callable[[], Part]) -> None:
    """As docs/operating.md says."""
    if not shutil.which("sqlite3"):
        pytest.skip("there is no sqlite3: install the Debian package sqlite3")
    leave_in_order(file)
    scribble(file, PAGE * (root_page(file, "PilotLogChunks") - 1), PAGE)
    part().send_again(1000)
    aside = the_set_aside(file)
    copy = file.parent / "copy"
    for ending in ("", "-wal"):
        shutil.copy(companion_of(aside, ending), companion_of(copy, ending))
    # ".recover" saves more, but not all builds of sqlite3 have it.
    dump = subprocess.run(["sqlite3", copy, ".dump"], capture_output=True, check=False).stdout
    recovered = file.parent / "recovered"
    whole = dump.replace(b"ROLLBACK; -- due to errors", b"COMMIT;")
    subprocess.run(["sqlite3", recovered], input=whole, check=True, capture_output=True)
    with closing(sqlite3.connect(recovered)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    # It is a PilotLogDB, which an agent can deliver from.
    saved = Part(recovered)
    assert saved.logs() == list(range(40))
    saved.send(40)
    saved.close()
    assert saved.told == []


def test_a_transaction_that_was_cut_off_is_no_damage(file: Path, part: Callable[[], Part]) -> None:
    leave_after_crash(file)
    wal = companion_of(file, "-wal")
    complete = wal.read_bytes()
    for cut in (1, 2000, PAGE + 30):
        wal.write_bytes(complete[:-cut])
        assert not lost_commits(wal)
    opened = part()
    assert opened.logs() == list(range(39))
    assert opened.told == []


def test_frames_of_an_earlier_round_are_no_damage(file: Path, part: Callable[[], Part]) -> None:
    """SQLite begins the -wal anew in place: behind the new frames stand old ones."""
    collector = part()
    for number in range(20):
        collector.send(number, 3000)
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    size = companion_of(file, "-wal").stat().st_size
    collector.send(20)
    assert companion_of(file, "-wal").stat().st_size == size
    assert not lost_commits(companion_of(file, "-wal"))


def test_who_waited_for_his_turn_to_look_takes_it_for_no_other_file(file: Path, part: Callable[[], Part]) -> None:
    """Of threads that open it at once after a crash, one looks and opens it while the others wait."""
    leave_after_crash(file)
    opened = part()
    assert opened.logs() == list(range(40))
    opened.database.file._inspect()
    assert opened.told == []
    assert not list_quarantined(file)
    assert opened.logs() == list(range(40))


def test_threads_that_open_it_at_once_look_at_it_once(
    file: Path, part: Callable[[], Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at a long -wal takes a while, and one of them would have to wait for all."""
    leave_after_crash(file)
    opened, looks = part(), 0
    others = [threading.Thread(target=opened.database.free_inside) for _ in range(3)]

    def look(wal: Path) -> bool:
        nonlocal looks
        looks += 1
        for other in others:
            if other.ident is None:
                other.start()
        time.sleep(0.5)  # they wait by then; should they come later, nothing is wrong either
        return lost_commits(wal)

    monkeypatch.setattr("PilotLoggingDIRAC.store.sqlite_file.lost_commits", look)
    assert opened.logs() == list(range(40))
    for other in others:
        other.join(120)
    assert looks == 1
    assert opened.told == []
    assert not list_quarantined(file)


def read_whole(wal: Path) -> list[tuple[bool, bool, bool]]:
    """Of each frame whether its checksum is right, whether it is of this round, and whether it is a commit: as the
    format says, number by number."""
    content = wal.read_bytes()
    salts, sums, frames = content[16:24], struct.unpack(">2I", content[24:32]), []
    valid = True
    for place in range(32, len(content) - PAGE - 23, PAGE + 24):
        frame = content[place : place + PAGE + 24]
        for low, high in struct.iter_unpack("<2I" if content[3] == 0x82 else ">2I", frame[:8] + frame[24:]):
            first = (sums[0] + low + sums[1]) & 0xFFFFFFFF
            sums = (first, (sums[1] + high + first) & 0xFFFFFFFF)
        valid = valid and frame[8:16] == salts and sums == struct.unpack(">2I", frame[16:24])
        frames.append((valid, frame[8:16] == salts, frame[4:8] != bytes(4)))
    return frames


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_each_frame_that_is_damaged_is_told_from_a_last_one_that_was_cut_off(
    file: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no hard links")))
    leave_after_crash(file, 16)
    wal = companion_of(file, "-wal")
    complete = wal.read_bytes()
    (file.parent / f"{wal.name}.walcheck").mkdir()  # of a process that was killed meanwhile
    found = set()
    for place in range(0, len(complete) // (PAGE + 24), 1 if links else 5):
        # Page, length after a commit, marks, checksum, data.
        for within in RANDOM.sample((2, 5, 10, 18, 24 + RANDOM.randrange(PAGE)), 2):
            spoilt = bytearray(complete)
            spoilt[32 + place * (PAGE + 24) + within] ^= 0x55
            wal.write_bytes(spoilt)
            frames = read_whole(wal)
            first = next(number for number, (valid, *_) in enumerate(frames) if not valid)
            commits = [number for number, (_, *marks) in enumerate(frames) if number >= first and all(marks)]
            expected = bool(commits) and any(current for _, current, _ in frames[commits[0] + 1 :])
            assert lost_commits(wal) == expected, (place, within)
            assert wal.read_bytes() == spoilt
            found.add(expected)
    assert found == {True, False}
    assert not list(file.parent.glob("*.walcheck"))


def spoil(file: Path) -> None:
    """All but the first page, and what of it is in the -wal: whoever reads next sees it."""
    for path in (file, companion_of(file, "-wal")):
        if path.stat().st_size > PAGE:
            scribble(path, PAGE, path.stat().st_size - PAGE)


def test_damaged_while_several_work_with_it(file: Path, part: Callable[[], Part]) -> None:
    collector, agent, idle = part(), part(), part()
    for number in range(30):
        collector.send(number, 3000)
        assert number in agent.logs()
        idle.logs()
    spoil(file)
    before = file.read_bytes()
    with pytest.raises(Unavailable, match=r"damaged and has been replaced: send it again\.$"):
        while True:
            agent.logs()
            collector.send(7, 3000)
    collector.send_again(1000)
    agent.send_again(1001)
    # This one had no part in it; it still has the damaged file open.
    idle.send(1002)
    assert collector.logs() == agent.logs() == idle.logs() == [1000, 1001, 1002]
    assert the_set_aside(file).read_bytes() == before
    assert sorted(len(each.told) for each in (collector, agent, idle)) == [0, 0, 1]


def test_closing_the_damaged_file_leaves_the_new_one_alone(file: Path, part: Callable[[], Part]) -> None:
    """SQLite empties a -wal when its last connection is closed, and removes it by its name."""
    idle, collector = part(), part()
    for number in range(30):
        idle.send(number, 3000)
        collector.logs()
    spoil(file)
    before = bytes_of(file)
    with pytest.raises(Unavailable, match="replaced"):
        while True:
            collector.logs()
            idle.logs()
    collector.send(1000)
    new_wal = companion_of(file, "-wal").stat().st_ino
    idle.close()
    collector.send(1001)
    assert companion_of(file, "-wal").stat().st_ino == new_wal
    assert collector.logs() == [1000, 1001]
    assert bytes_of(the_set_aside(file)) == before


def test_a_commit_into_a_file_that_is_set_aside_meanwhile_is_not_acknowledged(
    file: Path, part: Callable[[], Part]
) -> None:
    slow, other = part(), part()
    slow.send(1)
    other.send(2)
    with pytest.raises(Unavailable, match=r"replaced in the meantime: send it again\.$"):
        with slow.database.writing() as connection:
            append_all(connection, [Append(LogKey("alpha", "3" * 32), b"x\n")], slow.database.now(connection))
            assert other.database.file
            other.database.file.found_damaged(other.database.file.identity, "says a test")
    slow.send(4)
    assert slow.logs() == other.logs() == [4]


class _Killed(BaseException):
    pass


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process dies before the given step among those that change the folder."""
    left = step

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            if left == 0:
                raise _Killed
            left -= 1
            return function(*arguments, **more)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(quarantine.os, "link", dying(os.link))
        patch.setattr(quarantine.os, "fsync", dying(os.fsync))
        patch.setattr(quarantine.Path, "unlink", dying(Path.unlink))
        yield


@pytest.mark.parametrize("step", range(8))
def test_killed_while_it_is_set_aside(
    file: Path, part: Callable[[], Part], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whatever was done by then, the next process finishes it, and each piece is there as it was."""
    leave_after_crash(file)
    companion_of(file, "-shm").write_bytes(b"shared memory")
    before = bytes_of(file)
    with killed_at(step, monkeypatch), pytest.raises(_Killed):
        quarantine.isolate(file)
    collector = part()
    collector.send_again(1000)
    if step == 0:  # it had not begun, and the file is sound
        assert collector.logs() == [*range(40), 1000]
        return
    assert collector.logs() == [1000]
    assert bytes_of(the_set_aside(file)) == before
    # Before the last step only its own word to the operator is missing.
    assert len(collector.told) == (step < 7)


def test_where_it_cannot_be_set_aside_it_is_left_alone(
    file: Path, part: Callable[[], Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system without hard links."""
    leave_in_order(file)
    scribble(file, 0, 100)
    before = bytes_of(file)

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(quarantine.os, "link", refuse)
    collector = part()
    with pytest.raises(Unavailable, match=r"damaged .* cannot be set aside: .* by hand\.$"):
        collector.send(1)
    assert bytes_of(file) == before
    assert list_quarantined(file) == []
    assert collector.told


def another_applications_database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")


def another_applications_damaged_database(file: Path) -> None:
    another_applications_database(file)
    scribble(file, 0, 100)


@pytest.mark.parametrize(
    "make",
    [
        lambda file: file.write_bytes(b"root:x:0:0\n" * 1000),
        another_applications_database,
        another_applications_damaged_database,
    ],
    ids=["text", "database", "damaged database"],
)
def test_a_file_of_something_else_is_left_alone(
    file: Path, part: Callable[[], Part], make: Callable[[Path], Any]
) -> None:
    make(file)
    before = bytes_of(file)
    collector = part()
    with pytest.raises(ConfigurationError, match=r"^/Systems/.*/PilotLogDB/SQLiteFile leads to .*name another file\.$"):
        collector.send(1)
    assert bytes_of(file)[""][100:] == before[""][100:]  # SQLite notes in its head that a database uses WAL now
    assert list_quarantined(file) == []
    if make is another_applications_database:
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("cookies",)]


def test_an_empty_file_is_a_new_one(file: Path, part: Callable[[], Part]) -> None:
    file.touch()
    collector = part()
    collector.send(1)
    assert collector.logs() == [1]
    assert collector.told == []


def test_a_directory_in_its_place(file: Path, part: Callable[[], Part]) -> None:
    collector = part()
    collector.send(1)
    collector.close()
    for ending in PIECES:
        companion_of(file, ending).unlink(missing_ok=True)
    file.mkdir()
    with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: "):
        collector.send(2)
    file.rmdir()
    collector.send(3)
    assert collector.logs() == [3]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file(file: Path, part: Callable[[], Part]) -> None:
    leave_after_crash(file)
    file.chmod(0)
    collector = part()
    with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: "):
        collector.logs()
    file.chmod(0o600)
    assert collector.logs() == list(range(40))
    assert list_quarantined(file) == []


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", options, "pilotlogging-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this needs the right to mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_no_damage(file: Path) -> None:
    with mounted(file.parent, "size=2m"):
        collector = Part(file)
        collector.send(1)
        ballast = file.parent / "ballast"
        with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(65536))
        stored = [1]
        with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: "):
            for number in range(2, 1000):
                collector.send(number, 20000)
                stored.append(number)
        assert collector.logs() == stored
        late = Part(file)  # as an agent that starts now
        with pytest.raises(Unavailable):
            late.send(5000, 50000)
        assert late.logs() == stored
        ballast.unlink()
        late.send(6000)
        collector.send(6001)
        assert collector.logs() == [*stored, 6000, 6001]
        assert list_quarantined(file) == []
        assert collector.told == late.told == []
        collector.close()
        late.close()


def test_a_read_only_disk_is_no_damage(file: Path) -> None:
    with mounted(file.parent, "size=4m"):
        collector = Part(file)
        collector.send(1)
        os.chdir("/")
        # By force, as the kernel does after an error of the disk; files that are open for writing forbid the other way.
        subprocess.run(["mount", "-o", "bind", str(file.parent), str(file.parent)], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", str(file.parent)], check=True)
            late = Part(file)
            with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: "):
                late.send(2)
            subprocess.run(["mount", "-o", "remount,bind,rw", str(file.parent)], check=True)
            late.send(3)
            assert late.logs() == collector.logs() == [1, 3]
            assert list_quarantined(file) == []
            late.close()
        finally:
            subprocess.run(["umount", "--lazy", str(file.parent)], check=True)
        collector.close()


@pytest.mark.parametrize("pieces", [[""], PIECES], ids=["the file", "all pieces"])
def test_removed_under_a_running_process(file: Path, part: Callable[[], Part], pieces: list[str]) -> None:
    """Everybody goes on with a new file, and what was left of the old one is kept."""
    collector, agent = part(), part()
    collector.send(1)
    assert agent.logs() == [1]
    wal = companion_of(file, "-wal").read_bytes()
    for ending in pieces:
        companion_of(file, ending).unlink()
    collector.send(2)
    assert collector.logs() == agent.logs() == [2]
    assert "removed or replaced" in collector.told[0]
    if len(pieces) == 1:
        assert companion_of(the_set_aside(file), "-wal").read_bytes() == wal


def test_replaced_under_a_running_process(file: Path, part: Callable[[], Part]) -> None:
    """An operator puts a copy back: all go over to it, and do not empty the old one's -wal into it."""
    collector, agent = part(), part()
    collector.send(1)
    agent.send(2)
    backup = file.parent / "backup"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    collector.send(3)
    backup.rename(file)
    assert agent.logs() == collector.logs() == [1, 2]
    agent.send(4)
    collector.send(5)
    agent.close()
    collector.close()
    assert part().logs() == [1, 2, 4, 5]
    assert any("removed or replaced" in told for told in agent.told)


def test_a_locked_database_is_no_damage(file: Path, part: Callable[..., Part]) -> None:
    collector = part()
    collector.send(1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(PilotLoggingError, match="locked"):
            part(busy_seconds=0.1).send(2)
        other.execute("ROLLBACK")
    collector.send(3)
    assert list_quarantined(file) == []


SENDING = """
import json, sys, time
from pathlib import Path
from sqlalchemy import URL
from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase

file, first, stop = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
told, acknowledged, number = [], [], first
database = PreparedDatabase(URL.create("sqlite", database=str(file)), told.append)
while not stop.exists():
    number += 1
    append = Append(LogKey("alpha", f"{number:032d}"), b"x" * 2000)
    begun = time.time()
    try:
        database.transact(lambda connection: append_all(connection, [append], database.now(connection)))
        acknowledged.append([begun, number])
        with database.reading() as connection:  # what nobody reads, nobody finds damaged
            for question in ("SUM(Lines) FROM PilotLogs", "SUM(LENGTH(Data)) FROM PilotLogChunks"):
                connection.exec_driver_sql("SELECT " + question).all()
    except Unavailable:
        pass
print(json.dumps([len(told), acknowledged]))
"""


def test_several_processes_see_the_same_damage(file: Path, part: Callable[[], Part]) -> None:
    """Each damaged file is set aside once, and what is begun behind that and acknowledged is in the new one."""
    environment = os.environ | {"PYTHONPATH": str(Path(quarantine.__file__).parents[2])}
    stop = file.with_name("stop")
    senders = [
        subprocess.Popen(
            [sys.executable, "-c", SENDING, str(file), str(number * 10**6), str(stop)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for number in range(1, 5)
    ]

    reader = part()

    def wait_for(condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stored() -> int:
        with suppress(Unavailable):  # it is the first to see some damage
            return len(reader.logs())
        return 0

    def damage() -> None:
        """Again and again, until it is noticed: what is being carried over from the -wal makes a page sound again."""
        before = len(list_quarantined(file))
        deadline = time.monotonic() + 120
        while len(list_quarantined(file)) == before:
            assert time.monotonic() < deadline
            with suppress(FileNotFoundError):
                if b"PilotLog" in file.read_bytes():  # else it is a new one, and nobody's yet
                    spoil(file)
            noticed = time.monotonic() + 2
            while len(list_quarantined(file)) == before and time.monotonic() < noticed:
                time.sleep(0.05)

    damaged = 3
    try:
        wait_for(file.exists)
        for _ in range(damaged):
            wait_for(lambda: stored() > 20)
            damage()
        time.sleep(0.2)  # far more than file systems' clocks are behind
        before = stored()
        wait_for(lambda: stored() > before + 20)
    finally:
        stop.touch()
    told, acknowledged = len(reader.told), []
    for sender in senders:
        output, errors = sender.communicate(timeout=120)
        assert sender.returncode == 0, errors
        sentences, numbers = json.loads(output)
        told += sentences
        acknowledged += numbers
    aside = list_quarantined(file)
    assert len(aside) == told >= damaged
    last = max(path.stat().st_ctime for path in aside)
    late = {number for begun, number in acknowledged if begun > last + 0.05}
    assert late
    assert late <= set(part().logs())
