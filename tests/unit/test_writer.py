# SPDX-License-Identifier: GPL-3.0-only
"""Group commit: acknowledged means stored, whatever happens."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import URL, text
from support.mariadb import MariaDB
from support.store import Store

from PilotLoggingDIRAC import errors
from PilotLoggingDIRAC.errors import Rejected, Unavailable
from PilotLoggingDIRAC.model import Append, Appended, LogKey, Rules
from PilotLoggingDIRAC.redaction import NOTHING, Carry, Redactor
from PilotLoggingDIRAC.store import schema
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.look_through import PIECE
from PilotLoggingDIRAC.store.numbering import MAX_SESSIONS
from PilotLoggingDIRAC.store.upgrade import prepare
from PilotLoggingDIRAC.store.writer import GroupCommitWriter

SOURCE = str(Path(errors.__file__).parent.parent)
PLENTY = 64 * 2**20
SECONDS = 120
"""After which a future that is not answered counts as forgotten."""


def numbered(key: LogKey, seq: int, session: str = "pilot") -> Append:
    return Append(key, f"{session} {seq}\n".encode(), session=session, seq=seq)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def group_writer(database: Database) -> Iterator[GroupCommitWriter]:
    group_writer = GroupCommitWriter(database, max_pending_size=PLENTY)
    yield group_writer
    group_writer.close()


def test_acknowledged_means_readable_by_others(store: Store, group_writer: GroupCommitWriter, key: LogKey) -> None:
    others = Database(store.database.url)
    for seq in range(1, 20):
        assert group_writer.submit(numbered(key, seq)).result(SECONDS) == Appended(seq + 1, repeated=False)
        with others.reading() as connection:
            rows = connection.execute(text("SELECT COUNT(*) FROM PilotLogChunks")).scalar()
        assert rows == seq
    others.close()


def test_many_threads(store: Store, group_writer: GroupCommitWriter) -> None:
    """Each sends to a log of its own and to one of all; nothing is lost, doubled or answered to another."""
    common, threads_count, each = store.new_key(), 16, 20
    own = [store.new_key() for _ in range(threads_count)]
    answers: list[list[int | None]] = [[] for _ in own]

    def send(number: int) -> None:
        for seq in range(1, each + 1):
            group_writer.submit(numbered(common, seq, session=str(number)))
            answers[number].append(group_writer.submit(numbered(own[number], seq)).result(SECONDS).next_seq)

    with ThreadPoolExecutor(threads_count) as threads:
        list(threads.map(send, range(threads_count)))
    assert answers == [list(range(2, each + 2))] * threads_count
    expected = "".join(f"pilot {seq}\n" for seq in range(1, each + 1))
    assert [store.text(key) for key in own] == [expected] * threads_count
    lines = store.text(common).splitlines()
    assert sorted(lines) == sorted(f"{number} {seq}" for number in range(threads_count) for seq in range(1, each + 1))


def test_two_collectors_with_the_same_logs(store: Store) -> None:
    """Their transactions meet in the same rows; a message that both bring is stored once, numbered or not."""
    writers = [GroupCommitWriter(Database(store.database.url), PLENTY) for _ in range(2)]
    keys = [store.new_key() for _ in range(10)]
    futures = [
        writer.submit(numbered(key, seq) if seq % 2 else Append(key, b"2026-06-10T11:02:02.%06d\n" % seq))
        for seq in range(1, 15)
        for writer, order in zip(writers, (keys, keys[::-1]), strict=True)
        for key in order
    ]
    answers = [future.result(SECONDS) for future in futures]
    for each in writers:
        each.close()
    assert sum(not answer.repeated for answer in answers) == 10 * 14
    for key in keys:
        lines = store.text(key).splitlines()
        assert [line for line in lines if line.startswith("pilot")] == [f"pilot {seq}" for seq in range(1, 15, 2)]
        assert len(set(lines)) == len(lines) == 14


def test_a_refused_message_is_answered_and_the_others_are_stored(
    store: Store, group_writer: GroupCommitWriter, key: LogKey
) -> None:
    futures = [group_writer.submit(numbered(key, 1, session=str(number))) for number in range(MAX_SESSIONS + 5)]
    failed = [isinstance(future.exception(SECONDS), Rejected) for future in futures]
    assert failed == [False] * MAX_SESSIONS + [True] * 5
    assert store.record().lines == MAX_SESSIONS


def test_a_message_that_the_database_cannot_take_harms_no_other(
    store: Store, group_writer: GroupCommitWriter, key: LogKey
) -> None:
    """Whatever is the matter with it: those that were to be stored with it are."""
    damaged = store.new_key()
    store.send("one\n", key=damaged)
    with store.database.writing() as connection:
        statement = schema.logs.update().where(schema.logs.c.Stamp == damaged.stamp)
        connection.execute(statement.values(Numbering="{ no JSON"))
    with store.database.writing() as connection:  # what is submitted meanwhile is one transaction
        connection.execute(schema.logs.update().values(Host="busy"))
        first = group_writer.submit(numbered(key, 1))
        broken = group_writer.submit(Append(damaged, b"two\n"))
        second = group_writer.submit(numbered(key, 2))
    assert (first.result(SECONDS), second.result(SECONDS)) == (Appended(2, False), Appended(3, False))
    with pytest.raises(Unavailable, match=r"^The message could not be stored: JSONDecodeError: "):
        broken.result(SECONDS)
    assert store.text() == "pilot 1\npilot 2\n"


def test_a_request_that_is_given_up_harms_no_other(store: Store, group_writer: GroupCommitWriter, key: LogKey) -> None:
    """asyncio cancels the future of a request that it gives up, and does so at any moment."""
    group_writer.submit(numbered(key, 1)).result(SECONDS)
    with store.database.writing() as connection:
        connection.execute(schema.logs.update().values(Host="busy"))
        given_up = group_writer.submit(numbered(key, 2))
        others = [group_writer.submit(numbered(key, seq)) for seq in (3, 4)]
        given_up.cancel()
    for other in others:
        assert not other.result(SECONDS).repeated
    assert group_writer.submit(numbered(key, 5)).result(SECONDS) == Appended(6, repeated=False)


def test_too_much_that_waits_is_refused(store: Store, key: LogKey) -> None:
    group_writer = GroupCommitWriter(store.database, max_pending_size=10_000)
    store.send("one\n")
    with store.database.writing() as connection:
        connection.execute(schema.logs.update().values(Host="busy"))
        waiting: list[Future[Appended]] = []
        with pytest.raises(Unavailable, match=r"^The database is slower than the pilots of VO alpha at the moment: "):
            for seq in range(1, 100):
                waiting.append(group_writer.submit(Append(key, b"x" * 1000, session="a", seq=seq)))
    assert 4 <= len(waiting) <= 11
    assert [future.result(SECONDS).next_seq for future in waiting] == list(range(2, len(waiting) + 2))
    until(lambda: group_writer.pending_size == 0)
    assert group_writer.submit(numbered(key, 100, session="a")).result(SECONDS).next_seq == 101, "it is taken again"
    group_writer.close()


def test_closing_stores_what_waits(store: Store, key: LogKey) -> None:
    """More than fits one transaction; later messages are refused."""
    group_writer = GroupCommitWriter(store.database, max_pending_size=PLENTY)
    futures = [group_writer.submit(numbered(key, seq)) for seq in range(1, 1201)]
    group_writer.close()
    assert all(future.done() for future in futures)
    assert store.record().lines == 1200
    with pytest.raises(Unavailable, match=r"^The collector is stopping: "):
        group_writer.submit(numbered(key, 1201))
    group_writer.close()


def test_a_message_that_comes_while_it_closes_is_answered(store: Store, key: LogKey) -> None:
    """Stored or refused, but never left without an answer."""
    group_writer = GroupCommitWriter(store.database, max_pending_size=PLENTY)
    closing = threading.Thread(target=group_writer.close, daemon=True)

    class SlowName(str):
        """Lets the writer close in the middle of a submission, if it can."""

        def __hash__(self) -> int:
            if closing.ident is None:
                closing.start()
                time.sleep(0.2)
            return super().__hash__()

    append = numbered(LogKey(SlowName(key.vo), key.stamp), 1)
    assert group_writer.submit(append).result(SECONDS) == Appended(2, repeated=False)
    closing.join(SECONDS)


def test_one_vo_that_floods_is_no_trouble_for_another(store: Store, key: LogKey) -> None:
    """It is told to come back later, the other one is not, and gets its turn before the flood has been stored."""
    group_writer = GroupCommitWriter(store.database, max_pending_size=2_000_000)
    store.send("one\n")
    other = LogKey("beta", key.stamp)
    order: list[str] = []
    with store.database.writing() as connection:
        connection.execute(schema.logs.update().values(Host="busy"))
        flood: list[Future[Appended]] = []
        with pytest.raises(Unavailable, match=r"^The database is slower than the pilots of VO alpha at the moment: "):
            for seq in itertools.count(1):
                flood.append(group_writer.submit(numbered(key, seq)))
                flood[-1].add_done_callback(lambda _: order.append("alpha"))
        quiet = [group_writer.submit(numbered(other, seq)) for seq in range(1, 101)]
        for future in quiet:
            future.add_done_callback(lambda _: order.append("beta"))
    assert [future.result(SECONDS).next_seq for future in quiet] == list(range(2, 102))
    assert [future.result(SECONDS).next_seq for future in flood] == list(range(2, len(flood) + 2))
    group_writer.close()
    # What was taken before the other one came, up to 500, and one transaction with both.
    assert order.index("beta") <= 1000
    assert len(flood) > 1400


REDACTED = Rules(redactor=Redactor())


@pytest.mark.parametrize("awkward", [b"://a:b@", b"curl -u a:b\n"])
def test_text_that_is_hard_to_search_holds_up_nobody(store: Store, key: LogKey, awkward: bytes) -> None:
    """Neither another VO nor other pilots of its own, and all of it is answered; what is not searched is one line."""
    group_writer = GroupCommitWriter(store.database, PLENTY, longest=0.5)
    text = awkward * (6_000_000 // len(awkward))
    long = [Append(each, text, session="a", seq=1, rules=REDACTED) for each in (key, store.new_key())]
    answers = [group_writer.submit(append) for append in long]
    behind = group_writer.submit(Append(key, b"behind it\n", session="a", seq=2, rules=REDACTED))
    others = [LogKey("beta", key.stamp), LogKey("alpha", "f" * 32)]
    for seq in range(1, 4):
        short = [Append(other, b"MY_TOKEN=fakefake1\n", session="a", seq=seq, rules=REDACTED) for other in others]
        for future in [group_writer.submit(append) for append in short]:
            assert future.result(SECONDS) == Appended(seq + 1, repeated=False)
    assert not any(answer.done() for answer in (*answers, behind))
    for append, answer in zip(long, answers, strict=True):
        left_out = answer.result(SECONDS).left_out
        assert 0 < left_out < len(text)
        line = f"[... {left_out} bytes left out here: they could not be searched for secrets in time ...]\n"
        assert store.text(append.key).count(line) == 1
    assert group_writer.submit(long[0]).result(SECONDS).repeated, "it is stored, and need not come again"
    assert behind.result(SECONDS) == Appended(3, repeated=False)
    assert store.text(LogKey("beta", key.stamp)) == "MY_TOKEN=[redacted]\n" * 3
    group_writer.close()


def test_a_vos_pattern_that_takes_too_long_costs_the_text_and_no_more(
    store: Store, group_writer: GroupCommitWriter, key: LogKey
) -> None:
    slow = Rules(redactor=Redactor({"Nested": "(((a?b?){0,8}){0,8}){0,8}y|a"}))
    texts = (b"one\n", b"ab" * 10_000 + b"\n", b"two\n")
    futures = [
        group_writer.submit(Append(key, text, session="a", seq=seq, rules=slow)) for seq, text in enumerate(texts, 1)
    ]
    assert [future.result(SECONDS).left_out for future in futures] == [0, 20_001, 0]
    line = "[... 20001 bytes left out here: they could not be searched for secrets in time ...]\n"
    assert store.text() == f"one\n{line}two\n"


LONG = b"".join(b"2026-06-10T11:02:02.%06dZ INFO [A] line\n" % number for number in range(2 * PIECE // 40))


@pytest.mark.parametrize("session", [None, "a"])
def test_a_long_text_is_stored_for_what_its_log_had_before(
    store: Store, group_writer: GroupCommitWriter, key: LogKey, session: str | None
) -> None:
    """The writer expects a line's beginning and all of it new; where that is not so, it looks at it once more."""

    def message(seq: int, data: bytes) -> Append:
        return Append(key, data, session=session, seq=None if session is None else seq, rules=REDACTED)

    beginning = b"2026-06-10T11:02:01.823512Z MY_PASSWORD=hunter2hun"
    store.append(message(1, beginning))
    with store.database.writing() as connection:  # what is submitted meanwhile is one transaction
        connection.execute(schema.logs.update().values(Host="busy"))
        sent = [b"ter2hunter2\n" + LONG + b"MY_TOKEN=fakefake", b"cdefgh1\n" + LONG[:-1] + b"0\n", b"end of it\n"]
        answers = [group_writer.submit(message(seq, data)) for seq, data in enumerate(sent, 2)]
    assert [answer.result(SECONDS) for answer in answers] == [
        Appended(None if session is None else seq + 1, False) for seq in (2, 3, 4)
    ]
    for seq, data in enumerate(sent[:2], 2):
        assert group_writer.submit(message(seq, data)).result(SECONDS).repeated
    long = LONG.decode()
    assert store.text() == (
        "2026-06-10T11:02:01.823512Z MY_PASSWORD=[redacted]\n" + long + "MY_TOKEN=[redacted]\n" + long[:-1] + "0\n"
        "end of it\n"
    )
    assert not store.index().gaps


def test_a_buffer_that_comes_again_with_much_more_behind_it(
    store: Store, group_writer: GroupCommitWriter, key: LogKey
) -> None:
    first = b"2026-06-10T11:02:01.823512Z MY_PASSWORD=hunter2hun"
    grown = first + b"ter2hunter2\n" + LONG
    for data, repeated in ((first, False), (grown, False), (grown, True), (grown + b"MY_TOKEN=fakefake1\n", False)):
        answer = group_writer.submit(Append(key, data, rules=REDACTED)).result(SECONDS)
        assert answer == Appended(None, repeated)
    assert store.text() == f"{first[:40].decode()}[redacted]\n{LONG.decode()}MY_TOKEN=[redacted]\n"


class Counting(Redactor):
    """Counts the bytes that it looks at."""

    looked_at = 0

    def redacted(self, data: bytes, carry: Carry = NOTHING) -> tuple[bytes, Carry]:
        self.looked_at += len(data)
        return super().redacted(data, carry)


@pytest.mark.parametrize("session", [None, "a"])
def test_what_is_sent_again_costs_nothing_however_long_it_is(
    store: Store, group_writer: GroupCommitWriter, key: LogKey, session: str | None
) -> None:
    """Also while the first copy is still being looked through, which then is given up by whoever sent it."""
    redactor = Counting()
    seq = None if session is None else 1
    append = Append(key, LONG * 20, session=session, seq=seq, rules=Rules(redactor=redactor))
    answers = [group_writer.submit(append) for _ in range(5)]
    assert [answer.result(SECONDS).repeated for answer in answers] == [False] + [True] * 4
    assert redactor.looked_at == len(append.data)
    assert store.text() == (LONG * 20).decode()


# The database is away


def test_a_full_disk_and_back(tmp_path: Path, sqlite_template: Path) -> None:
    """As SQLite says it: nothing is acknowledged that is not stored."""
    database = Database(URL.create("sqlite", database=str(shutil.copy(sqlite_template, tmp_path / "db.sqlite"))))
    key = LogKey("alpha", "0" * 32)

    def set_largest_size(pages: str) -> None:
        with database.writing() as connection:
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    with database.reading() as connection:
        pages = int(connection.execute(text("PRAGMA page_count")).scalar_one())
    set_largest_size(str(pages + 20))
    group_writer = GroupCommitWriter(database, PLENTY)
    noise = random.Random(7)
    acknowledged = []
    with pytest.raises(Unavailable, match=r"database or disk is full\.$"):
        for seq in range(1, 100):
            append = Append(key, noise.randbytes(2000).hex().encode(), session="a", seq=seq)
            group_writer.submit(append).result(SECONDS)
            acknowledged.append(seq)
    assert len(acknowledged) > 5
    set_largest_size("1000000")
    group_writer.submit(numbered(key, len(acknowledged) + 1, session="a")).result(SECONDS)
    with database.reading() as connection:
        stored = connection.execute(text("SELECT Seq FROM PilotLogChunks ORDER BY ChunkID")).scalars().all()
    assert stored == [*acknowledged, len(acknowledged) + 1]
    group_writer.close()
    database.close()


def test_a_locked_file_and_back(tmp_path: Path, key: LogKey) -> None:
    url = URL.create("sqlite", database=str(tmp_path / "db.sqlite"))
    database, other = Database(url, busy_seconds=0.2), Database(url)
    prepare(database)
    group_writer = GroupCommitWriter(database, PLENTY)
    with other.writing():
        with pytest.raises(Unavailable, match=r"database is locked\.$"):
            group_writer.submit(numbered(key, 1)).result(SECONDS)
    assert group_writer.submit(numbered(key, 2)).result(SECONDS) == Appended(3, repeated=False)
    with database.reading() as connection:
        assert connection.execute(text("SELECT Seq FROM PilotLogChunks")).scalars().all() == [2]
    group_writer.close()


def test_connections_that_are_cut_and_back(mariadb_server: MariaDB, mariadb_database: Database, key: LogKey) -> None:
    group_writer = GroupCommitWriter(mariadb_database, PLENTY)
    for seq in range(1, 6):
        assert group_writer.submit(numbered(key, seq, session="cut")).result(SECONDS).next_seq == seq + 1
        mariadb_server.run_sql("KILL HARD USER tester")
    group_writer.close()


def test_a_server_that_is_killed_and_back(mariadb_server: MariaDB) -> None:
    """Nothing that was acknowledged is lost, and the writer goes on by itself."""
    database = Database(mariadb_server.new_database())
    prepare(database)
    group_writer = GroupCommitWriter(database, PLENTY)
    key = LogKey("alpha", "0" * 32)
    acknowledged: list[int] = []
    refusals: list[BaseException | None] = []
    stopping = threading.Event()

    def send() -> None:
        seq = 0
        while not stopping.is_set():
            seq += 1
            future = group_writer.submit(numbered(key, seq))
            if (problem := future.exception(SECONDS)) is None:
                acknowledged.append(seq)
            else:
                refusals.append(problem)
                stopping.wait(0.05)

    sender = ThreadPoolExecutor(1)
    sending = sender.submit(send)
    try:
        until(lambda: len(acknowledged) > 20)
        mariadb_server.kill()
        until(lambda: len(refusals) > 2)
        before = len(acknowledged)
        mariadb_server.start()
        until(lambda: len(acknowledged) > before + 20)
    finally:
        stopping.set()
        sending.result(SECONDS)
        sender.shutdown()
        group_writer.close()
    assert {type(problem) for problem in refusals} == {Unavailable}
    with database.reading() as connection:
        stored = connection.execute(text("SELECT Seq FROM PilotLogChunks")).scalars().all()
    database.close()
    assert len(set(stored)) == len(stored)
    assert set(acknowledged) <= set(stored)


# The process is killed

WRITING = """
import itertools, sys, threading
from sqlalchemy import make_url
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.look_through import PIECE
from PilotLoggingDIRAC.store.writer import GroupCommitWriter

key = LogKey("alpha", "0" * 32)
writer = GroupCommitWriter(Database(make_url(sys.argv[1])), 64 * 2**20)
room = threading.Semaphore(50)

def acknowledge(seq, future):
    sys.stdout.write(f"{seq} {future.result().next_seq}\\n")
    sys.stdout.flush()
    room.release()

for seq in itertools.count(1):
    room.acquire()
    future = writer.submit(Append(key, b"%d\\n" % seq, session="a", seq=seq))
    future.add_done_callback(lambda future, seq=seq: acknowledge(seq, future))
"""


def test_a_process_that_is_killed_in_the_middle(store: Store, key: LogKey) -> None:
    """Every number that it printed is stored, each once; and another process goes on where it was."""
    url = store.database.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, url], env={"PYTHONPATH": SOURCE}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    printed = [process.stdout.readline() for _ in range(500)]
    process.kill()
    printed += process.communicate()[0].splitlines()[:-1]  # the last line may be half a line
    lines = [int(line) for line in store.text().splitlines()]
    assert lines == list(range(1, len(lines) + 1))
    assert {int(line.split()[0]) for line in printed} <= set(lines)
    again, new = (Append(key, b"%d\n" % seq, session="a", seq=seq) for seq in (len(lines), len(lines) + 1))
    assert [answer.repeated for answer in store.append(again, new)] == [True, False]


def test_a_message_that_the_database_refuses_harms_no_other(
    store: Store, group_writer: GroupCommitWriter, key: LogKey
) -> None:
    """MariaDB refuses what is too long for a column; SQLite takes it. The others of the transaction are stored."""
    refused = Append(store.new_key(), b"text\n", session="pilot", seq=1, context={"Site": "x" * 10_000})
    with store.database.writing() as connection:
        connection.execute(schema.logs.update().values(Host="busy"))
        first = group_writer.submit(numbered(key, 1))
        middle = group_writer.submit(refused)
        last = group_writer.submit(numbered(key, 2))
    assert [future.result(SECONDS).next_seq for future in (first, last)] == [2, 3]
    if store.database.is_sqlite:
        assert middle.result(SECONDS).next_seq == 2
    else:
        with pytest.raises(Unavailable, match=r"^PilotLogDB refuses that: .*Site"):
            middle.result(SECONDS)
