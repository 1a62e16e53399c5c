# SPDX-License-Identifier: GPL-3.0-only
"""appendLog: once, in order, no hidden gap."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.client import REJECTED, Client, form
from harness.sender import batch
from harness.stacks import RunningStack


def _gaps(page: dict[str, Any]) -> list[tuple[int, str, int, int]]:
    return [(gap["offset"], gap["session"], gap["first"], gap["last"]) for gap in page["gaps"]]


def test_answer(pilot: Client, stamp: str) -> None:
    assert pilot("appendLog", batch(stamp, 1, "one\n")).value == {
        "nextSeq": 2,
        "retryAfter": 0,
        "minimumLevel": "DEBUG",
    }


def test_a_number_is_stored_once_however_often_it_is_sent(pilot: Client, user: Client, stamp: str) -> None:
    for seq, text in ((1, "one\n"), (1, "one\n"), (2, "two\n"), (1, "one\n"), (2, "two\n"), (3, "three\n")):
        assert pilot("appendLog", batch(stamp, seq, text))["OK"]
    assert pilot("appendLog", batch(stamp, 1, "one\n")).value["nextSeq"] == 4
    page = user("readLog", stamp).value
    assert (page["text"], page["gaps"], page["lines"]) == ("one\ntwo\nthree\n", [], 3)


def test_the_first_text_under_a_number_stays(pilot: Client, user: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "what happened\n"))
    assert pilot("appendLog", batch(stamp, 1, "what I wish had happened\n"))["OK"]
    assert user("readLog", stamp).value["text"] == "what happened\n"


def test_equal_text_under_other_numbers_is_kept(pilot: Client, user: Client, stamp: str) -> None:
    for seq in (1, 2, 3):
        pilot("appendLog", batch(stamp, seq, "the same\n" * 20))
    assert user("readLog", stamp).value["text"] == "the same\n" * 60


def test_a_gap_is_shown_where_it_is_until_it_is_filled(pilot: Client, user: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "één\n"))
    assert pilot("appendLog", batch(stamp, 5, "five\n")).value["nextSeq"] == 6
    page = user("readLog", stamp).value
    assert page["text"] == "één\nfive\n"
    assert _gaps(page) == [(4, "s", 2, 4)]  # in characters of the text
    pilot("appendLog", batch(stamp, 3, "three\n"))
    page = user("readLog", stamp).value
    assert page["text"] == "één\nthree\nfive\n"
    assert _gaps(page) == [(4, "s", 2, 2), (10, "s", 4, 4)]
    for seq in (2, 4):
        pilot("appendLog", batch(stamp, seq, f"{seq}\n"))
    page = user("readLog", stamp).value
    assert (page["text"], page["gaps"]) == ("één\n2\nthree\n4\nfive\n", [])


def test_a_session_may_begin_with_0_and_a_missing_beginning_is_a_gap(pilot: Client, user: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 0, "zero\n", session="from-0"))
    pilot("appendLog", batch(stamp, 2, "two\n", session="from-2"))
    page = user("readLog", stamp).value
    assert _gaps(page) == [(5, "from-2", 1, 1)]


def test_sessions_of_one_log_are_numbered_apart(pilot: Client, user: Client, stamp: str) -> None:
    for seq in (1, 2):
        for session in ("wrapper", "pilot:4711"):
            assert pilot("appendLog", batch(stamp, seq, f"{session} {seq}\n", session=session))["OK"]
    page = user("readLog", stamp).value
    assert page["text"] == "wrapper 1\npilot:4711 1\nwrapper 2\npilot:4711 2\n"
    assert page["gaps"] == []


def test_final_and_context(stack: RunningStack, pilot: Client, user: Client, stamp: str) -> None:
    context = {"site": "LCG.Somewhere.org", "ce": "ce01", "queue": "q", "host": "wn7", "pilotReference": "https://x/1"}
    pilot("appendLog", batch(stamp, 1, "a\n", context=context | {"pilotVersion": "9", "unheard": [1]}))
    assert user("readLog", stamp).value["state"] == "Open"
    pilot("appendLog", batch(stamp, 2, "b\n", context={"host": "wn8\x1b[31m"}, final={"retCode": "3"}))
    page = user("readLog", stamp).value
    assert (page["state"], page["finalised"], page["exitCode"], page["text"]) == ("Complete", True, 3, "a\nb\n")
    (row,) = user("listLogs", {"Stamp": stamp}).value["rows"]
    assert (row["Site"], row["CE"], row["Queue"]) == ("LCG.Somewhere.org", "ce01", "q")
    assert (row["Host"], row["PilotReference"], row["PilotVersion"]) == ("wn8?[31m", "https://x/1", "9")


def test_warnings_and_errors_are_counted(pilot: Client, user: Client, stamp: str) -> None:
    head = "2026-06-10T11:02:02"
    lines = [f"{head}.000001Z WARN [A] x", f"{head},000002Z ERROR    [B] y", "ERROR is no header", f"{head}.3Z INFO z"]
    pilot("appendLog", batch(stamp, 1, "\n".join(lines)))
    (row,) = user("listLogs", {"Stamp": stamp}).value["rows"]
    assert (row["Lines"], row["Warnings"], row["Errors"]) == (3, 1, 1)
    assert row["Bytes"] == len("\n".join(lines))


def test_without_a_vo_it_is_that_of_the_credentials(pilot: Client, user: Client, stamp: str) -> None:
    for seq, vo in enumerate((None, ""), 1):
        assert pilot("appendLog", batch(stamp, seq, f"{seq}\n", vo=vo))["OK"]
    assert user("readLog", stamp).value["text"] == "1\n2\n"


def test_another_vo_is_refused(stack: RunningStack, pilot: Client, stamp: str) -> None:
    number, sentence = pilot("appendLog", batch(stamp, 1, "x\n", vo="beta")).refusal
    assert number == REJECTED
    assert "alpha" in sentence
    assert stack.as_host()("listLogs", {"Stamp": stamp}).value["total"] == 0


def test_a_host_names_the_vo(stack: RunningStack, stamp: str) -> None:
    host = stack.as_host()
    assert host("appendLog", batch(stamp, 1, "x\n", vo="beta"))["OK"]
    assert stack.client("beta_user")("readLog", stamp).value["text"] == "x\n"
    for vo in ("gamma", None, ""):
        assert host("appendLog", batch(stamp, 1, "x\n", vo=vo)).refusal[0] == REJECTED


def test_gzip(pilot: Client, user: Client, stamp: str) -> None:
    text = "".join(f"line {number} ünïcödé\n" for number in range(5000))
    assert pilot("appendLog", batch(stamp, 1, text), compressed=True)["OK"]
    assert pilot("sendMessage", '"and stock\\n"', stamp, "alpha", compressed=True)["OK"]
    assert user.text_of(stamp) == text + "and stock\n"


def test_gzip_that_unfolds_beyond_all_measure(stack: RunningStack, pilot: Client, user: Client, stamp: str) -> None:
    """400 kB that would be 400 MB: refused, and the collector did not take that memory."""
    (collector,) = (p for p in stack.plan.processes.values() if p.name == "collector-0")
    compressor = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    beginning = compressor.compress(form("appendLog", batch(stamp, 1, "x")) + b"&x=") + compressor.flush(
        zlib.Z_FULL_FLUSH
    )
    block = compressor.compress(b"0" * 2**20) + compressor.flush(zlib.Z_FULL_FLUSH)  # stands for itself
    body = beginning + 400 * block
    answer = pilot.post(body, {"Content-Encoding": "gzip"})
    assert answer.refusal[0] == REJECTED
    assert pilot("appendLog", batch(stamp, 1, "after\n"))["OK"]
    assert user("readLog", stamp).value["text"] == "after\n"
    with open(f"/proc/{collector.pid}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak < 700 * 1024


def test_many_at_once_on_one_log(stack: RunningStack, user: Client, stamp: str) -> None:
    """Four connections send the same numbers of one session at the same time: each is stored once, in order."""
    clients = [stack.client("alpha_pilot") for _ in range(4)]
    problems: list[Any] = []

    def send(client: Client) -> None:
        for seq in range(1, 41):
            answer = client("appendLog", batch(stamp, seq, f"line {seq}\n"))
            if not answer["OK"]:
                problems.append(answer)

    with ThreadPoolExecutor(len(clients)) as threads:
        list(threads.map(send, clients))
    assert not problems
    page = user("readLog", stamp).value
    assert (page["text"], page["gaps"]) == ("".join(f"line {seq}\n" for seq in range(1, 41)), [])


@pytest.mark.parametrize("seq", [10**9, 2**53])
def test_a_great_number(pilot: Client, user: Client, stamp: str, seq: int) -> None:
    assert pilot("appendLog", batch(stamp, seq, "late\n")).value["nextSeq"] == seq + 1
    assert _gaps(user("readLog", stamp).value) == [(0, "s", 1, seq - 1)]


def test_too_many_sessions_and_gaps_are_refused_and_harm_nobody(pilot: Client, user: Client, stamp: str) -> None:
    for number in range(64):
        assert pilot("appendLog", batch(stamp, 1, f"{number}\n", session=f"s{number}"))["OK"]
    assert pilot("appendLog", batch(stamp, 1, "x\n", session="one-more")).refusal[0] == REJECTED
    for number in range(256):
        assert pilot("appendLog", batch(stamp, 3 + 2 * number, "gap\n", session="s0"))["OK"]
    assert pilot("appendLog", batch(stamp, 10_000, "x\n", session="s0")).refusal[0] == REJECTED
    page = user("readLog", stamp).value
    assert page["text"].endswith("gap\n")
    assert "x" not in page["text"]
    assert len(page["gaps"]) == 256
