# SPDX-License-Identifier: GPL-3.0-only
"""Several collectors on one MariaDB: they keep no state of their own, so any of them takes any message."""

from __future__ import annotations

import multiprocessing
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
from harness.client import FORM, Client, form
from harness.persistent_sender import go_on, hanging, sending
from harness.sender import batch
from harness.show import show
from harness.stacks import RunningStack, dumped
from harness.waiting import until
from sqlalchemy import URL, Engine, event
from support.mariadb import MariaDB

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.store.schema import VERSION
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase

COLLECTORS = 3
_CHANGE = "UPDATE PilotLogSchema SET Version = Version + 1"


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    """Three collectors that started at once on an empty database."""
    return own_stack("--collectors", str(COLLECTORS), "--database", "mariadb")


@pytest.fixture
def pilots(stack: RunningStack) -> list[Client]:
    """One pilot's connections to all collectors."""
    return [stack.client("alpha_pilot", number) for number in range(COLLECTORS)]


def test_all_start_at_once_on_an_empty_database(stack: RunningStack) -> None:
    assert stack.run_sql("SELECT COUNT(*), MAX(Version) FROM PilotLogSchema").split() == ["1", str(VERSION)]
    for number in range(COLLECTORS):
        log = stack.log_of(f"collector-{number}")
        assert "Traceback" not in log
        assert "PilotLogDB is not as it should be" not in log


def _use_first(url: URL, together: Barrier, outcomes: Queue[Any]) -> None:
    """What each of several processes does with a database that has no tables yet and is slow to commit."""
    event.listen(Engine, "commit", lambda _: time.sleep(0.5))
    database = PreparedDatabase(url)
    together.wait()
    try:
        with database.reading() as connection:
            outcomes.put(connection.exec_driver_sql("SELECT COUNT(*) FROM PilotLogSchema").scalar_one())
    except Exception as error:
        outcomes.put(str(error))


def test_many_processes_make_the_tables_at_the_same_moment(mariadb_server: MariaDB) -> None:
    """As the collectors and agents of several hosts do that all start with a new release."""
    context = multiprocessing.get_context("fork")
    url, together, outcomes = mariadb_server.new_database(), context.Barrier(4), context.Queue()
    processes = [context.Process(target=_use_first, args=(url, together, outcomes)) for _ in range(4)]
    for process in processes:
        process.start()
    assert [outcomes.get(timeout=120) for _ in processes] == [1] * len(processes)
    for process in processes:
        process.join(120)


@pytest.mark.parametrize("before", [_CHANGE, "SELECT Version FROM PilotLogSchema FOR UPDATE"], ids=("wrote", "locked"))
def test_a_process_that_hangs_in_a_transaction_loses_its_locks(mariadb_server: MariaDB, before: str) -> None:
    """Or the log that it writes, and all that others commit together with it, would be refused until it ends.

    A collector locks its logs before it writes: one that hangs between the two holds up others just so.
    """
    url = mariadb_server.new_database()
    hanging_one, other = PreparedDatabase(url), PreparedDatabase(url)
    with pytest.raises(Unavailable), hanging_one.writing() as connection:
        connection.exec_driver_sql(before)
        other.transact(lambda connection: connection.exec_driver_sql(_CHANGE))
        connection.exec_driver_sql("SELECT 1")
    with other.reading() as connection:
        assert connection.exec_driver_sql("SELECT Version - 1 FROM PilotLogSchema").scalar_one() == VERSION
    for database in (hanging_one, other):
        database.close()


def test_a_pilot_that_changes_collector_leaves_one_log(stack: RunningStack, pilots: list[Client], stamp: str) -> None:
    expected = ""
    for seq in range(1, 31):
        expected += f"line {seq} €\n"
        assert pilots[seq % 3]("appendLog", batch(stamp, seq, f"line {seq} €\n")).value["nextSeq"] == seq + 1
        # The reply was lost, and another collector is asked to take it again.
        assert pilots[(seq + 1) % 3]("appendLog", batch(stamp, seq, f"line {seq} €\n")).value["nextSeq"] == seq + 1
    for number in range(COLLECTORS):
        reader = stack.client("alpha_user", number)
        page = reader("readLog", stamp).value
        assert (page["text"], page["gaps"]) == (expected, [])
        assert reader("listLogs", {"Stamp": stamp}).value["total"] == 1


def test_a_stock_pilot_too(stack: RunningStack, pilots: list[Client], stamp: str) -> None:
    lines = [f"2026-06-10T11:02:02.{number:06}Z INFO [Pilot] {number}\n" for number in range(6)]
    assert pilots[0]("sendMessage", dumped(lines[0]), stamp, "alpha")["OK"]
    assert pilots[1]("sendMessage", dumped(lines[0] + lines[1]), stamp, "alpha")["OK"]
    assert pilots[2]("sendMessage", dumped(lines[0] + lines[1]), stamp, "alpha")["OK"]
    assert pilots[2]("sendMessage", dumped("".join(lines[2:])), stamp, "alpha")["OK"]
    assert pilots[0]("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha")["OK"]
    page = stack.client("alpha_user", 1)("readLog", stamp).value
    assert (page["text"], page["state"]) == ("".join(lines), "Complete")


def test_the_same_numbers_through_all_at_once(stack: RunningStack, pilots: list[Client]) -> None:
    """Every collector gets every message of the same ten logs at the same time."""
    stamps = [uuid.uuid4().hex for _ in range(10)]
    refused = []

    def send(client: Client) -> None:
        for seq in range(1, 16):
            for stamp in stamps:
                answer = client("appendLog", batch(stamp, seq, f"{seq}\n"))
                if not answer["OK"]:
                    refused.append(answer)

    with ThreadPoolExecutor(len(pilots)) as threads:
        list(threads.map(send, pilots))
    assert not refused
    reader = stack.client("alpha_user")
    for stamp in stamps:
        page = reader("readLog", stamp).value
        assert (page["text"], page["gaps"]) == ("".join(f"{seq}\n" for seq in range(1, 16)), [])


def _lose_the_reply(stack: RunningStack, collector: int, stamp: str, text: str) -> None:
    """Send a stock message and never read the reply: it is stored, and the sender does not know."""
    client = stack.client("alpha_pilot", collector)
    _begin(client, "sendMessage", dumped(text), stamp, "alpha")
    reader = stack.client("alpha_user", 1)
    until(lambda: reader("readLog", stamp).get("Value", {}).get("text") == text, what="it is stored")
    client.close()


def _begin(client: Client, method: str, *arguments: Any) -> None:
    client.connection.request("POST", client.address.path, form(method, *arguments), {"Content-Type": FORM})


def test_a_stock_message_is_sent_again_to_another_after_a_lost_reply(
    stack: RunningStack, pilots: list[Client], stamp: str
) -> None:
    lines = [f"2026-06-10T11:02:02.{number:06}Z INFO [Pilot] {number}\n" for number in range(3)]
    _lose_the_reply(stack, 0, stamp, lines[0])
    # The same; and with more lines behind it, whose reply is lost too; and the same again
    assert pilots[1]("sendMessage", dumped(lines[0]), stamp, "alpha")["OK"]
    _lose_the_reply(stack, 2, stamp, lines[0] + lines[1])
    assert pilots[0]("sendMessage", dumped(lines[0] + lines[1]), stamp, "alpha")["OK"]
    assert pilots[1]("sendMessage", dumped(lines[2]), stamp, "alpha")["OK"]
    assert stack.client("alpha_user", 2).text_of(stamp) == "".join(lines)


def test_honest_messages_that_look_alike_are_all_kept(stack: RunningStack, pilots: list[Client], stamp: str) -> None:
    lines = [f"2026-06-10T11:02:{number:02}.000000Z INFO [Pilot] still alive\n" for number in range(6)]
    for number, line in enumerate(lines):
        assert pilots[number % COLLECTORS]("sendMessage", dumped(line), stamp, "alpha")["OK"]
    assert stack.client("alpha_user").text_of(stamp) == "".join(lines)


def test_a_gap_is_shown_in_its_place_until_it_is_filled(stack: RunningStack, pilots: list[Client], stamp: str) -> None:
    for collector, seq in enumerate((1, 2, 5)):
        assert pilots[collector]("appendLog", batch(stamp, seq, f"{seq}\n"))["OK"]
    page = stack.client("alpha_user", 2)("readLog", stamp).value
    assert page["text"] == "1\n2\n5\n"
    assert page["gaps"] == [{"offset": 4, "session": "s", "first": 3, "last": 4}]
    code, output, errors = show(stack, stamp)
    assert (code, output.decode()) == (0, "1\n2\n[... messages 3 to 4 are missing here (session s) ...]\n5\n"), errors
    for collector, seq in ((1, 4), (2, 3)):
        assert pilots[collector]("appendLog", batch(stamp, seq, f"{seq}\n"))["OK"]
    page = stack.client("alpha_user", 0)("readLog", stamp).value
    assert (page["text"], page["gaps"]) == ("1\n2\n3\n4\n5\n", [])


def test_two_collectors_get_the_same_number_at_the_same_moment(
    stack: RunningStack, pilots: list[Client], stamp: str
) -> None:
    times = 200
    together = threading.Barrier(2, timeout=120)

    def send(client: Client) -> set[int]:
        expected = set()
        for seq in range(1, times + 1):
            together.wait()
            expected.add(client("appendLog", batch(stamp, seq, f"{seq}\n")).value["nextSeq"] - seq)
        return expected

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(send, pilots[:2])) == [{1}, {1}]
    page = stack.client("alpha_user", 2)("readLog", stamp).value
    assert (page["text"], page["gaps"]) == ("".join(f"{seq}\n" for seq in range(1, times + 1)), [])
    assert stack.run_sql(f"SELECT `Lines` FROM PilotLogs WHERE Stamp = '{stamp}'").strip() == str(times)


def test_a_collector_is_killed_while_pilots_send(stack: RunningStack) -> None:
    with sending(stack, stack.urls) as senders:
        stack.collector(2, "kill")
        go_on(senders)
        stack.collector(2, "start")
    assert max(sender.errors for sender in senders) <= 10, "others were found soon"


def test_all_collectors_are_restarted_while_pilots_send(stack: RunningStack) -> None:
    with sending(stack, stack.urls, count=4):
        for number in range(COLLECTORS):
            stack.collector(number, "stop")
            stack.collector(number, "start")


def test_one_collector_hangs_and_the_others_go_on(stack: RunningStack, stamp: str) -> None:
    """What hangs in it is stored when it wakes up, after the senders have long gone elsewhere."""
    with sending(stack, stack.urls, timeout=3) as senders:
        with hanging(stack, 0, senders):
            pass


def test_a_stock_message_arrives_after_its_longer_resend(stack: RunningStack, pilots: list[Client], stamp: str) -> None:
    lines = [f"2026-06-10T11:02:02.{number:06}Z INFO [Pilot] {number}\n" for number in range(3)]
    assert pilots[0]("ping")["OK"]
    stack.collector(0, "pause")
    try:
        _begin(pilots[0], "sendMessage", dumped(lines[0]), stamp, "alpha")
        assert pilots[1]("sendMessage", dumped(lines[0] + lines[1]), stamp, "alpha")["OK"]
    finally:
        stack.collector(0, "resume")
    assert pilots[0].connection.getresponse().status == 200
    assert pilots[2]("sendMessage", dumped(lines[2]), stamp, "alpha")["OK"]
    assert stack.client("alpha_user", 1).text_of(stamp) == "".join(lines)


def test_the_agent_delivers_from_it(stack: RunningStack, pilots: list[Client], stamp: str) -> None:
    text = "ünï €𝄞\x00\x1b[1m\n" * 1000
    assert pilots[0]("appendLog", batch(stamp, 1, text))["OK"]
    assert pilots[1]("appendLog", batch(stamp, 3, text, final={"retCode": 1}))["OK"]
    expired = f"SELECT ExpiredChunkID = LastChunkID FROM PilotLogs WHERE Stamp = '{stamp}'"
    stack.run_agent_until(lambda: stack.run_sql(expired).strip() == "1", {"/Operations/alpha/Pilot/KeepDelivered": 0})
    assert stack.archived("alpha", stamp).read_bytes().decode() == text + text
    reader = stack.client("alpha_user", 2)
    assert reader.text_of(stamp, size=1001) == text + text
    page = reader("readLog", stamp).value
    assert (page["state"], page["exitCode"]) == ("Archived", 1)
    assert [gap["first"] for gap in page["gaps"]] == [2]


def test_two_collectors_start_at_once_on_an_empty_sqlite_file(own_stack: Callable[..., RunningStack]) -> None:
    """They make the tables at their first request: here that comes to both at the same time."""
    stack = own_stack("--collectors", "2")
    answers = []

    def send(number: int, stamp: str) -> None:
        answers.append(stack.client("alpha_pilot", number)("sendMessage", dumped("x\n"), stamp, "alpha")["OK"])

    stamps = [uuid.uuid4().hex for _ in range(8)]
    threads = [threading.Thread(target=send, args=(n % 2, stamp)) for n, stamp in enumerate(stamps)]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) == len(stamps))
    assert all(answers)
    assert stack.client("alpha_user")("listLogs", {"Stamp": stamps}).value["total"] == len(stamps)
    assert stack.rows("SELECT Version FROM PilotLogSchema") == [{"Version": VERSION}]
