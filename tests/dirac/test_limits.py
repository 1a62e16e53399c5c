# SPDX-License-Identifier: GPL-3.0-only
"""The limits of a VO and of the disk, through a real collector; each refusal says what to do."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from harness.client import UNAVAILABLE, Client
from harness.sender import batch
from harness.stacks import RunningStack, dumped

_LOG_LIMIT = 20_000
_QUOTA = 200_000
_LINE = "2026-06-10T11:02:02.%06dZ INFO [A] line\n"


@pytest.fixture(scope="module")
def limited(own_stack: Callable[..., RunningStack]) -> RunningStack:
    """VO alpha has limits on its text, VO beta on its messages."""
    options = {
        "/Operations/alpha/Pilot/MaxLogSize": _LOG_LIMIT,
        "/Operations/alpha/Pilot/Quota": _QUOTA,
        "/Operations/beta/Pilot/MaxMessageRate": 2,
        "/Operations/beta/Pilot/MaxOpenLogs": 3,
    }
    return own_stack(*(word for path, value in options.items() for word in ("--option", f"{path}={value}")))


def _sent(client: Client, stamp: str, text: str) -> tuple[int, str] | None:
    """None for S_OK, else number and sentence of the refusal."""
    answer = client("sendMessage", dumped(text), stamp, "")
    return None if answer["OK"] else answer.refusal


def test_a_long_log_keeps_its_beginning_and_its_end(limited: RunningStack, stamp: str) -> None:
    pilot, user = limited.client("alpha_pilot"), limited.client("alpha_user")
    for seq in range(1, 101):
        assert pilot("appendLog", batch(stamp, seq, (_LINE % seq) * 10))["OK"]
    text, page = user.text_of(stamp), user.pages(stamp)[-1]
    assert text.startswith((_LINE % 1) * 10)
    assert text.endswith((_LINE % 100) * 10)
    (marker,) = [line for line in text.splitlines() if "left out" in line]
    assert marker == f"[... {page['truncated']} bytes left out here: the log had grown past its limit (MaxLogSize) ...]"
    assert page["bytes"] == len(text) <= _LOG_LIMIT
    assert len(text) - len(marker) - 1 + page["truncated"] == len((_LINE % 1) * 1000)
    assert (page["lines"], page["gaps"]) == (1000, [])
    assert user("getLogs", stamp, "alpha").value["StdOut"] == text
    assert pilot("finaliseLogs", dumped({"retCode": "1"}), stamp, "")["OK"]
    limited.run_agent()
    assert limited.archived("alpha", stamp).read_text() == text


def test_a_quota_refuses_text_and_takes_goodbyes(limited: RunningStack, stamp: str) -> None:
    pilot = limited.client("alpha_pilot")
    assert _sent(pilot, stamp, "one\n") is None
    refusals = [_sent(pilot, uuid.uuid4().hex, "q" * 19_000 + f"{n}\n") for n in range(12)]
    refused = [refusal for refusal in refusals if refusal]
    assert refused
    assert refusals[0] is None
    number, sentence = refused[0]
    assert number == UNAVAILABLE
    assert f"quota (Quota) is {_QUOTA}" in sentence
    assert "send it later" in sentence
    assert pilot("finaliseLogs", dumped({"retCode": "1"}), stamp, "")["OK"]
    new = uuid.uuid4().hex
    for answer in (
        pilot("finaliseLogs", dumped({"retCode": "1"}), new, ""),
        pilot("appendLog", batch(new, 1, "", context={"site": "S"})),
    ):
        assert answer.refusal[0] == UNAVAILABLE, "a new log has to wait"
        assert f"quota (Quota) is {_QUOTA}" in answer.refusal[1]
    assert _sent(limited.client("beta_pilot"), stamp, "another VO\n") is None


def test_a_rate_refuses_for_a_while(limited: RunningStack, stamp: str) -> None:
    pilot = limited.client("beta_pilot")
    refusals: list[tuple[int, str] | None] = []
    while not any(refusals):  # on a slow machine so many messages take a while themselves
        assert len(refusals) < 2000
        refusals += [_sent(pilot, stamp, _LINE % n) for n in range(len(refusals), len(refusals) + 60)]
    number, sentence = next(refusal for refusal in refusals if refusal)
    assert (number, sentence) == (
        UNAVAILABLE,
        f"Pilot {stamp} sends more than its share of 2 messages a second (MaxMessageRate): send it later.",
    )
    assert refusals.index((number, sentence)) >= 8, "what was not used before may be used at once"
    assert _sent(pilot, uuid.uuid4().hex, "another pilot\n") is None, "its VO's other pilots are not held up"
    assert limited.client("beta_user").text_of(stamp).splitlines(keepends=True) == [
        _LINE % n for n, refusal in enumerate(refusals) if refusal is None
    ]


def test_open_logs_are_limited_and_those_that_are_open_go_on(limited: RunningStack) -> None:
    stamps = [uuid.uuid4().hex for _ in range(3)]
    with limited.database() as connection:
        connection.execute("DELETE FROM PilotLogs WHERE VO = 'beta'")
    limited.collector(0, "stop")
    limited.collector(0, "start")
    pilot = limited.client("beta_pilot")
    assert [_sent(pilot, stamp, "one\n") for stamp in stamps] == [None] * 3
    limited.collector(0, "stop")
    limited.collector(0, "start")  # it looks at its start, and each half minute
    pilot = limited.client("beta_pilot")
    number, sentence = _sent(pilot, uuid.uuid4().hex, "one too many\n") or (0, "")
    assert (number, "MaxOpenLogs" in sentence) == (UNAVAILABLE, True)
    assert _sent(pilot, stamps[0], "it goes on\n") is None


def test_a_disk_that_is_nearly_full(own_stack: Callable[..., RunningStack], stamp: str) -> None:
    section = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
    stack = own_stack("--option", f"{section}/MinFreeDisk=1kB")
    assert _sent(stack.client("alpha_pilot"), stamp, "zero\n") is None
    path = stack.layout.configuration
    path.write_text(re.sub("(MinFreeDisk *= *)1kB", r"\g<1>900000GB", path.read_text()))
    stack.collector(0, "stop")
    stack.collector(0, "start")
    pilot = stack.client("alpha_pilot")
    number, sentence = _sent(pilot, stamp, "one\n") or (0, "")
    assert number == UNAVAILABLE
    assert "MinFreeDisk" in sentence
    assert pilot("appendLog", batch(stamp, 1, "one\n")).refusal[0] == UNAVAILABLE
    assert pilot("appendLog", batch(stamp, 1, "")).refusal[0] == UNAVAILABLE
    assert pilot("finaliseLogs", dumped({"retCode": "3"}), uuid.uuid4().hex, "").refusal[0] == UNAVAILABLE
    assert pilot("finaliseLogs", dumped({"retCode": "3"}), stamp, "")["OK"]
    assert stack.client("alpha_user")("readLog", stamp).value["exitCode"] == 3
    stack.run_agent()
    assert stack.rows("SELECT State FROM PilotLogs") == [{"State": "Archived"}], "logs in delivery go on"
