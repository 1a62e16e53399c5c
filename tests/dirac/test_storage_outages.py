# SPDX-License-Identifier: GPL-3.0-only
"""Slow and failing storage of one VO, under the real agent; what it does to the others.

A slow storage here takes 3 s a call and a turn 2 s, instead of 30 s and a minute.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import extension
from harness.sender import batch
from harness.stacks import RunningStack
from harness.waiting import until

AGENT = "/Systems/WorkloadManagement/Agents/PilotLoggingAgent"
SLOW, TURN = 3.0, 2.0


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack], tmp_path_factory: pytest.TempPathFactory) -> RunningStack:
    """VO alpha uses the plugin of the throw-away extension, which the agents know; beta has LocalDirectory."""
    folder = tmp_path_factory.mktemp("extension")
    path = (extension.install(folder / "source", folder / "installed"),)
    return own_stack("--option", "/Operations/alpha/Pilot/LoggingPlugins=Recording", path=path)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Where the plugin of the throw-away extension keeps its files and its journal."""
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_is_left(stack: RunningStack) -> Iterator[None]:
    """No test hands a backlog to the next one."""
    yield
    with stack.database() as connection:
        for table in ("PilotLogs", "PilotLogChunks", "PilotLogDeliveries"):
            connection.execute(f"DELETE FROM {table}")


def recording(tape: Path, **more: Any) -> dict[str, Any]:
    """The options of VO alpha's plugin."""
    section = "/Operations/alpha/Pilot/Recording"
    return {f"{section}/{name}": value for name, value in ({"Folder": tape} | more).items()}


def journal(tape: Path, what: str) -> list[str]:
    """The stamps of each ``begin`` or ``stored``."""
    try:
        lines = (tape / "journal").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [words[2] for words in map(str.split, lines) if words[0] == what]


def send(stack: RunningStack, count: int, vo: str) -> list[str]:
    pilot = stack.client(f"{vo}_pilot")
    stamps = [uuid.uuid4().hex for _ in range(count)]
    for stamp in stamps:
        assert pilot("appendLog", batch(stamp, 1, f"text of {stamp}\n", vo=vo, final={"retCode": 0}))["OK"]
    return stamps


def latency(stack: RunningStack) -> float:
    """Seconds from the goodbye of a pilot of VO beta until its log is in the archive."""
    begun = time.monotonic()
    (stamp,) = send(stack, 1, "beta")
    until(stack.archived("beta", stamp).exists, 40)
    return time.monotonic() - begun


def attempts(stack: RunningStack) -> list[int]:
    return sorted(row["Attempts"] for row in stack.rows("SELECT Attempts FROM PilotLogDeliveries WHERE Attempts > 0"))


def one_place(tape: Path, takes: float) -> dict[str, Any]:
    return {f"{AGENT}/MaxWorkers": 1, f"{AGENT}/TurnTime": f"{TURN}s"} | recording(tape, Takes=takes)


def test_slow_storage_of_one_vo_does_not_delay_another(stack: RunningStack, tape: Path) -> None:
    """Though there is one place for both. The slow one goes on too."""
    with stack.cycling_agent(one_place(tape, SLOW)):
        alone = latency(stack)
        slow = send(stack, 60, "alpha")
        until(lambda: journal(tape, "begin"))
        beside = [latency(stack) for _ in range(2)]
        # Behind all of the slow one's logs it would be three minutes.
        assert max(beside) < 60, alone
        stored = len(journal(tape, "stored"))
        until(lambda: len(journal(tape, "stored")) > stored, 40, "the slow one goes on")
        assert len(journal(tape, "stored")) < len(slow), "it was at work all the time"
    begun = journal(tape, "begin")
    assert len(begun) == len(set(begun)), "each log is begun once"


def test_a_transfer_that_hangs_takes_no_place_from_another_vo(stack: RunningStack, tape: Path) -> None:
    (hangs,) = send(stack, 1, "alpha")
    with stack.cycling_agent(one_place(tape, 300)):
        until(lambda: journal(tape, "begin") == [hangs])
        latency(stack)
    assert (journal(tape, "begin"), journal(tape, "stored")) == ([hangs], [])


def test_storage_that_fails_is_tried_with_a_few_logs_and_the_rest_follows_at_once(
    stack: RunningStack, tape: Path
) -> None:
    stamps = send(stack, 12, "alpha")
    (tape / "fails").write_text("plainly")
    with stack.cycling_agent(recording(tape)) as agent:
        until(lambda: len(attempts(stack)) == 3)
        until(lambda: "Storage is down VO alpha: Recording" in agent.said)
        assert attempts(stack) == [1, 1, 1]
        assert journal(tape, "begin") == stamps[:3], "the others are left alone"
        (entry,) = stack.client("operator")("getStatistics").value["deliveries"]
        assert (entry["vo"], entry["plugin"], entry["logs"], entry["failing"]) == ("alpha", "Recording", 12, 3)
        assert (entry["untried"], entry["lastError"]) == (9, "The recording tape is full.")
        latency(stack)
    (tape / "fails").unlink()
    with stack.database() as connection:
        first = "SELECT min(LogID) FROM PilotLogDeliveries WHERE Plugin = 'Recording'"
        over = "UPDATE PilotLogDeliveries SET NextAttempt = '2020-01-01 00:00:00.000000' WHERE LogID = "
        connection.execute(f"{over}({first})")
    # The pause of the storage itself is a minute, and known to the agent that has seen it fail; this is another one.
    with stack.cycling_agent(recording(tape)):
        until(
            lambda: len(journal(tape, "stored")) == 12, 40, "the pauses of the others have ended with that of the first"
        )
    assert journal(tape, "stored") == [*stamps[3:], *stamps[:3]]
    assert attempts(stack) == []


@pytest.mark.parametrize("how", ["crashes", "hangs"])
def test_a_log_that_brings_down_its_process_does_not_keep_the_others_waiting(
    stack: RunningStack, tape: Path, how: str
) -> None:
    stamps = send(stack, 3, "alpha")
    options = recording(tape, Takes="100s") | {f"{AGENT}/WorkerTime": "8s"}
    if how == "crashes":
        options |= {f"{AGENT}/WorkerTime": "1h"}
    with stack.cycling_agent(options) as agent:
        until(lambda: journal(tape, "begin")[:1] == stamps[:1])
        if how == "crashes":
            (line,) = (tape / "journal").read_text().splitlines()
            os.kill(int(line.split()[3]), signal.SIGSEGV)
        until(lambda: journal(tape, "begin")[:2] == stamps[:2], what="the next log has its turn")
        of_first = "SELECT d.* FROM PilotLogDeliveries d JOIN PilotLogs USING (LogID) WHERE Attempts > 0 AND Stamp = ?"
        (row,) = stack.rows(of_first, stamps[0])
        assert row["Owner"] is None
        assert ("exit code -11" if how == "crashes" else "longer than 8 s (WorkerTime)") in row["LastError"]
        until(lambda: row["LastError"] in agent.said, what="it is said")
