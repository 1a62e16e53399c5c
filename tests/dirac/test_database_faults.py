# SPDX-License-Identifier: GPL-3.0-only
"""The database away, hanging, locked, read-only, full, damaged: pilots are told to come back later within seconds,
nothing is acknowledged that is not stored, the collector goes on answering, and all is well again without a restart."""

from __future__ import annotations

import base64
import os
import pwd
import random
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from harness.client import REJECTED, UNAVAILABLE, Answer
from harness.sender import batch
from harness.stacks import RunningStack, dev_stack, dumped, milliseconds_of, running
from harness.waiting import until
from harness.watched_senders import WatchedSender, get_on, watched

ANSWER_SECONDS = 90.0
"""No sender waits longer. A statement may take 15 s, and what waited behind it tries to connect for 5 s, twice; and a
busy machine takes its time. Without a limit of ours it would be the server's own, which are hours."""
LOOP_SECONDS = 9.0
"""Who does not need the database waits less. Behind those who wait for it, it is 10 s for a lock, 15 for an answer."""
Fault = Callable[[RunningStack], AbstractContextManager[Any]]


def component(stack: RunningStack, name: str, action: str) -> None:
    done = dev_stack("component", stack.directory, name, action)
    assert done.returncode == 0, done.stderr


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """A tmpfs of that size in the place of a folder, if that is permitted."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "pilotlogging-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path, left: int = 0) -> Iterator[None]:
    """A file that takes all room but so many bytes."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as stream:
            while (free := shutil.disk_usage(folder).free - left) > 0:
                try:
                    stream.write(bytes(min(free, 2**20)))
                except OSError:
                    break
        yield
    finally:
        ballast.unlink()


def watch_collector(stack: RunningStack, seconds: float) -> set[str]:
    """For so long, the collector answers whoever does not need the database; gives what it said of it."""
    client, said = stack.client("operator"), set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        milliseconds, answer = milliseconds_of(lambda: client("ping"))
        assert answer["OK"]
        assert milliseconds < 1000 * LOOP_SECONDS
        milliseconds, answer = milliseconds_of(lambda: client("getStatistics"))
        assert milliseconds < 1000 * LOOP_SECONDS
        said.add(answer.value["databaseProblem"])
        time.sleep(0.1)
    return said


def all_refused(senders: list[WatchedSender]) -> bool:
    return all(sender.refusals for sender in senders)


# MariaDB


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A collector on a MariaDB whose disk is small, where that can be had."""
    directory = tmp_path_factory.mktemp("mariadb")
    with small_disk(directory / "mariadb", "320m"), running(directory, "--database", "mariadb") as stack:
        yield stack


@contextmanager
def stopped(stack: RunningStack, how: str = "stop") -> Iterator[None]:
    component(stack, "mariadb", how)
    try:
        yield
    finally:
        component(stack, "mariadb", "start")


def killed(stack: RunningStack) -> AbstractContextManager[None]:
    return stopped(stack, "kill")


@contextmanager
def altered(stack: RunningStack, statement: str, undoing: str) -> Iterator[None]:
    stack.run_sql(statement)
    try:
        yield
    finally:
        stack.run_sql(undoing)


def read_only(stack: RunningStack) -> AbstractContextManager[None]:
    return altered(stack, "SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")


def disconnect_all_but(administrator: Any, *kept: Any) -> None:
    """Close the connections of PilotLogDB's user but these."""
    mine = {each.thread_id() for each in kept}
    with administrator.cursor() as cursor:
        cursor.execute("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'PilotLogDB'")
        for (number,) in cursor.fetchall():
            if number not in mine:
                with suppress(MySQLdb.Error):  # it has just gone by itself
                    cursor.execute(f"KILL {number}")


def administrator(stack: RunningStack) -> Any:
    owner = pwd.getpwuid(os.geteuid()).pw_name
    return MySQLdb.connect(unix_socket=f"{stack.plan.sockets}/mariadb.sock", user=owner)


@contextmanager
def rights_revoked(stack: RunningStack) -> Iterator[None]:
    user = "PilotLogDB.* {} 'PilotLogDB'@'%'"
    with altered(stack, f"REVOKE ALL ON {user.format('FROM')}", f"GRANT ALL ON {user.format('TO')}"):
        with closing(administrator(stack)) as connection:
            disconnect_all_but(connection)  # who is connected keeps its rights
        yield


def connect(stack: RunningStack) -> Any:
    plan = stack.plan
    return MySQLdb.connect(
        host="127.0.0.1",
        port=plan.ports["mariadb"],
        user="PilotLogDB",
        password=plan.passwords["PilotLogDB"],
        database="PilotLogDB",
    )


@contextmanager
def too_many_connections(stack: RunningStack) -> Iterator[None]:
    """Somebody else has all of them."""
    with ExitStack() as undo:
        boss = undo.enter_context(closing(administrator(stack)))
        boss.query("SET GLOBAL max_connections = 10")
        undo.callback(boss.query, "SET GLOBAL max_connections = 200")
        taken: list[Any] = []

        def take_all() -> bool:
            try:
                while True:
                    taken.append(undo.enter_context(closing(connect(stack))))
            except MySQLdb.Error:
                disconnect_all_but(boss, *taken)
            return len(taken) >= 9  # the administrator's is the tenth

        until(take_all, 20, "all connections are taken")
        yield


AWAY: dict[str, Fault] = {
    "stopped": stopped,
    "killed in mid-load": killed,
    "read-only": read_only,
    "rights revoked": rights_revoked,
    "too many connections": too_many_connections,
}


@pytest.mark.parametrize("fault", AWAY.values(), ids=AWAY)
def test_mariadb_that_refuses(mariadb: RunningStack, fault: Fault) -> None:
    with watched(mariadb) as senders, fault(mariadb):
        until(lambda: all_refused(senders), what="all senders are told to come back later")
        said = watch_collector(mariadb, 0.5)
        if fault is not read_only:  # that can be read, and its refusals are counted
            assert any("PilotLogDB cannot do that now" in problem for problem in said)
    figures = mariadb.client("operator")("getStatistics").value
    assert figures["databaseProblem"] == ""
    assert figures["refused"]["database"] >= len(senders)
    assert max(sender.slowest for sender in senders) < ANSWER_SECONDS


def test_mariadb_whose_disk_is_full(mariadb: RunningStack) -> None:
    """With large columns MariaDB 10.11 may find no way out and end itself; then it is started again as by systemd."""
    home = mariadb.layout.home("mariadb")
    if not home.is_mount():
        pytest.skip("this needs the right to mount a tmpfs")
    noise, stored = random.Random(7), 0
    client = mariadb.client("alpha_pilot")
    with watched(mariadb) as senders:
        with full(home, left=2**20):
            answer = Answer(OK=True)
            while answer["OK"]:
                assert stored < 2000, "the disk is never full"
                answer = client("appendLog", batch("f" * 32, stored + 1, noise.randbytes(10_000).hex()))
                stored += answer["OK"]
            assert answer.refusal[0] == UNAVAILABLE
            watch_collector(mariadb, 1)

        def alive() -> None:
            if not mariadb.plan.processes["mariadb"].is_running():
                component(mariadb, "mariadb", "start")

        get_on(senders, meanwhile=alive)
    # The last one was not acknowledged; it may be stored if the server ended itself when it had just done so.
    assert len(mariadb.client("alpha_user").text_of("f" * 32)) in (20_000 * stored, 20_000 * (stored + 1))
    assert max(sender.slowest for sender in senders) < ANSWER_SECONDS


@contextmanager
def paused(stack: RunningStack) -> Iterator[None]:
    component(stack, "mariadb", "pause")
    try:
        yield
    finally:
        component(stack, "mariadb", "resume")


@contextmanager
def write_locked(stack: RunningStack) -> Iterator[None]:
    with closing(sqlite3.connect(stack.layout.sqlite, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_databases_that_hang(mariadb: RunningStack, sqlite: RunningStack) -> None:
    """MariaDB frozen, and at the same time SQLite's lock held for longer than we wait for it.

    More readers ask than the collector has threads for them: they wait for their answers as well, but not for ever, and
    hold up neither ``ping`` nor ``getStatistics``.
    """

    def hang(stack: RunningStack, fault: Fault, seconds: float) -> list[WatchedSender]:
        stamp = "e" * 32
        stack.client("alpha_pilot")("sendMessage", dumped("one\n"), stamp, "alpha")
        waited: list[float] = []

        def read() -> None:
            client = stack.client("alpha_user")
            waited.append(milliseconds_of(lambda: client("readLog", stamp))[0])

        readers = [threading.Thread(target=read, daemon=True) for _ in range(12)]
        with watched(stack) as senders:
            with fault(stack):
                for reader in readers:
                    reader.start()
                watch_collector(stack, seconds)
                until(lambda: any(sender.refusals for sender in senders), 30, "senders are told to come back later")
            for reader in readers:
                reader.join(2 * ANSWER_SECONDS)
        assert len(waited) == len(readers)
        assert max(waited) < 1000 * ANSWER_SECONDS
        assert max(sender.slowest for sender in senders) < ANSWER_SECONDS
        return senders

    with ThreadPoolExecutor(2) as threads:
        silence = threads.submit(hang, mariadb, paused, 16)
        lock = threads.submit(hang, sqlite, write_locked, 15)
        frozen, locked = silence.result(), lock.result()
    assert any("PilotLogDB" in sentence for sender in frozen for sentence in sender.refusals)
    assert any("database is locked" in sentence for sender in locked for sentence in sender.refusals)


# SQLite


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A collector on a SQLite file whose disk is small, where that can be had."""
    directory = tmp_path_factory.mktemp("sqlite")
    option = "/Systems/WorkloadManagement/Services/TornadoPilotLogging/MinFreeDisk=2MiB"
    with small_disk(directory / "pilotlogdb", "32m"), running(directory, "--option", option) as stack:
        yield stack


@pytest.fixture
def folder(sqlite: RunningStack) -> Path:
    """Where the file is, on a disk of its own."""
    folder: Path = sqlite.layout.sqlite.parent
    if not folder.is_mount():
        pytest.skip("this needs the right to mount a tmpfs")
    return folder


def test_little_room_refuses_new_text_and_nothing_else(sqlite: RunningStack, folder: Path, stamp: str) -> None:
    pilot, user = sqlite.client("alpha_pilot"), sqlite.client("alpha_user")
    assert pilot("sendMessage", dumped("one\n"), stamp, "alpha")["OK"]
    with full(folder, left=3 * 2**19):
        until(lambda: not pilot("sendMessage", dumped("two\n"), stamp, "alpha")["OK"], 5, "new text is refused")
        number, sentence = pilot("sendMessage", dumped("two\n"), stamp, "alpha").refusal
        assert number == UNAVAILABLE
        assert (
            "(MinFreeDisk), free places in the database included: send it later, or to another collector." in sentence
        )
        text = user.text_of(stamp)
        assert pilot("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha")["OK"]
        # Delivery goes on: it makes room.
        sqlite.run_agent_until(lambda: sqlite.archived("alpha", stamp).exists())
    assert sqlite.archived("alpha", stamp).read_text() == text
    until(lambda: pilot("sendMessage", dumped("three\n"), stamp, "alpha")["OK"], 5, "new text is taken again")
    figures = sqlite.client("operator")("getStatistics").value
    assert figures["refused"]["disk"] >= 2
    assert figures["disk"]["least"] == 2 * 2**20


def test_sqlite_whose_disk_is_full(sqlite: RunningStack, folder: Path) -> None:
    """One message larger than what is left, above the low-water mark."""
    text = base64.b64encode(random.Random(7).randbytes(7_500_000)).decode()  # which cannot be compressed
    with watched(sqlite) as senders:
        with full(folder, left=6 * 2**20):
            client = sqlite.client("alpha_pilot")
            number, sentence = client("appendLog", batch("f" * 32, 1, text)).refusal
            assert number == UNAVAILABLE
            watch_collector(sqlite, 0.5)
        get_on(senders)
    assert "full" in sentence
    assert sqlite.client("alpha_user")("readLog", "f" * 32)["OK"] is False
    assert list(folder.glob("*.corrupt-*")) == []


def test_sqlite_on_a_disk_that_becomes_read_only(sqlite: RunningStack, folder: Path) -> None:
    """As a kernel does after errors of the disk."""
    with watched(sqlite) as senders:
        # Files that are open for writing keep it from being read-only for all; so the folder is seen through another
        # mount from now on, and the collector has to open the file anew.
        with ExitStack() as undo:
            subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
            undo.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
            assert not os.access(folder, os.W_OK)
            watch_collector(sqlite, 0.5)
            late = sqlite.start_agent(cycles=1, home="late-agent")
            late.wait()
            assert "PilotLogDB cannot do that now" in late.said
        get_on(senders)
    assert list(folder.glob("*.corrupt-*")) == []


def test_a_file_that_is_removed_under_the_collector(sqlite: RunningStack) -> None:
    """What was in it is gone, and that is said; what is acknowledged from then on is stored."""
    pilot, user, operator = (sqlite.client(name) for name in ("alpha_pilot", "alpha_user", "operator"))
    pilot("appendLog", batch("d" * 32, 1, "before\n"))
    file = sqlite.layout.sqlite
    file.unlink()
    until(lambda: pilot("appendLog", batch("d" * 32, 2, "after\n"))["OK"], 10, "the collector uses a new file")
    assert user.text_of("d" * 32) == "after\n"
    assert "was removed or replaced under a running process" in sqlite.log_of("collector-0")
    # Committed text may be in its -wal, which was left behind.
    (aside,) = operator("getStatistics").value["setAside"]
    assert Path(f"{aside}-wal").exists()
    Path(f"{aside}-wal").unlink()
    Path(f"{aside}-shm").unlink(missing_ok=True)


def test_a_file_that_is_damaged_under_collector_and_agent(sqlite: RunningStack) -> None:
    """It is set aside by whoever sees it first; both go on with the same new one."""
    file = sqlite.layout.sqlite
    with sqlite.cycling_agent(), watched_until_damaged(sqlite) as stamps:
        noise = random.Random(7).randbytes(32 * 2**20)
        with ExitStack() as opened:  # before the first is written to: a new file must stay whole
            paths = (file, Path(f"{file}-wal"))
            streams = [opened.enter_context(path.open("r+b", buffering=0)) for path in paths]
            for stream in streams:
                stream.seek(4096)
                stream.write(noise[: max(0, os.fstat(stream.fileno()).st_size - 4096)])
        pilot, user = sqlite.client("alpha_pilot"), sqlite.client("alpha_user")
        until(lambda: list(file.parent.glob("*.corrupt-*")), 20, "the damage is seen")
        until(lambda: pilot("appendLog", batch(stamps[0], 1, "new\n", final={"retCode": 0}))["OK"], 10)
        assert user.text_of(stamps[0]) == "new\n"
        until(lambda: sqlite.archived("alpha", stamps[0]).exists(), 30, "the agent delivers from the new file")
    operator = sqlite.client("operator")
    (aside,) = operator("getStatistics").value["setAside"]
    assert Path(aside).exists()
    assert "is damaged" in sqlite.log_of("collector-0") + "".join(program.said for program in sqlite._programs)
    for path in file.parent.glob("*.corrupt-*"):
        path.unlink()
    assert operator("getStatistics").value["setAside"] == []


@contextmanager
def watched_until_damaged(stack: RunningStack) -> Iterator[list[str]]:
    """Text in the file, and pilots that go on sending while it is damaged and whatever they are answered."""
    stop = threading.Event()
    stamps = ["a" * 31 + digit for digit in "1234"]
    wrong: list[Any] = []

    def send(stamp: str) -> None:
        client, seq = stack.client("alpha_pilot"), 0
        while not stop.is_set():
            seq += 1
            answer = client("appendLog", batch(stamp, seq, f"{seq} {'x' * 2000}\n", session="other"))
            if not answer["OK"] and answer["Errno"] == REJECTED:
                wrong.append(answer)
            time.sleep(0.02)

    threads = [threading.Thread(target=send, args=(stamp,), daemon=True) for stamp in stamps[1:]]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        yield stamps
    finally:
        stop.set()
        for thread in threads:
            thread.join(120)
    assert wrong == []
