# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-show`` as people run it: a process with a user's proxy."""

from __future__ import annotations

import subprocess
import threading
import uuid

import pytest
from harness.client import Client
from harness.sender import batch
from harness.show import COMMAND, client_environment, on_terminal, show
from harness.stacks import RunningStack
from harness.waiting import until

HOSTILE = "\x1b[2J\x1b]0;owned\x07red\x9b31m \u202egpj.exe \x00\x08 \ud800 tab\tend\r\nünï €𝄞\n"


def _own_words(errors: str) -> list[str]:
    """What the command says on standard error, without what DIRAC logs there."""
    return [line for line in errors.splitlines() if line.startswith("dirac-pilot-logs-show: ")]


def test_a_running_log_is_shown_as_it_is_and_nothing_else(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, HOSTILE))
    code, output, errors = show(stack, stamp)
    assert code == 0, errors
    assert output == HOSTILE.encode("utf-8", "surrogatepass")
    assert _own_words(errors) == []


def test_a_finished_log_of_many_pages_with_a_gap(stack: RunningStack, pilot: Client, stamp: str) -> None:
    text = "a line of some length ünï €\n" * 100_000  # 3 MB, more than one page with the other one
    pilot("appendLog", batch(stamp, 1, text), compressed=True)
    pilot("appendLog", batch(stamp, 4, text, final={"retCode": 0}), compressed=True)
    code, output, errors = show(stack, stamp)
    assert code == 0, errors
    shown = output.decode()
    assert shown.startswith(text)
    assert shown.endswith(text)
    assert shown[len(text) : -len(text)] == "[... messages 2 to 3 are missing here (session s) ...]\n"


def test_follow_goes_on_to_the_end(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "one\n"))
    follower = stack.start("show", [COMMAND, stamp, "--follow"], client_environment(stack, "alpha_user"))
    until(lambda: follower.output.read_text() == "one\n", what="the first line is shown")
    pilot("appendLog", batch(stamp, 2, "two\n"))
    until(lambda: follower.output.read_text() == "one\ntwo\n", what="a line is shown when it comes")
    assert follower.process.poll() is None
    pilot("appendLog", batch(stamp, 3, "three\n", final={"retCode": 0}))
    assert follower.wait(20) == 0
    assert follower.output.read_text() == "one\ntwo\nthree\n"


def test_follow_outlives_a_collector_that_is_away(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "one\n"))
    follower = stack.start("show", [COMMAND, stamp, "--follow"], client_environment(stack, "alpha_user"))
    until(lambda: follower.output.read_text() == "one\n")
    stack.collector(0, "stop")
    threading.Event().wait(1.5)  # long enough for a poll of it to fail
    stack.collector(0, "start")
    stack.client("alpha_pilot")("appendLog", batch(stamp, 2, "two\n", final={}))
    assert follower.wait(60) == 0, follower.said
    assert follower.output.read_text() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("arguments", "caller", "sentence"),
    [
        (["STAMP"], "beta_user", "There is no log STAMP of VO beta."),
        (["STAMP", "--VO=alpha"], "beta_user", "You may not read the logs of VO alpha."),
        ([uuid.uuid4().hex], "alpha_user", "There is no log "),
        (["no-stamp"], "alpha_user", "No stamp in the list of logs begins with no-stamp."),
        (
            ["no_stamp"],
            "alpha_user",
            "'no_stamp' is neither a stamp (32 characters of 0-9 and a-z, or a UUID) nor the ",
        ),
    ],
    ids=["not in the own VO", "other VO", "unknown", "the beginning of none", "no stamp"],
)
def test_refusals_are_one_sentence_and_exit_code_1(
    stack: RunningStack, pilot: Client, stamp: str, arguments: list[str], caller: str, sentence: str
) -> None:
    pilot("appendLog", batch(stamp, 1, "secret\n"))
    code, output, errors = show(stack, *(word.replace("STAMP", stamp) for word in arguments), caller=caller)
    assert (code, output) == (1, b"")
    (said,) = _own_words(errors)
    assert said.startswith(f"dirac-pilot-logs-show: {sentence.replace('STAMP', stamp)}")
    assert "Traceback" not in errors


def test_an_operator_names_the_vo(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "one\n"))
    code, output, _ = show(stack, stamp, "-V", "alpha", caller="operator")
    assert (code, output) == (0, b"one\n")


def test_a_terminal_is_not_steered_by_a_log(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, HOSTILE, final={}))
    code, shown, errors = on_terminal([COMMAND, stamp], client_environment(stack, "alpha_user"))
    assert code == 0, errors
    text = shown.decode().replace("\r\n", "\n")  # the terminal's own doing
    assert not {c for c in text if (ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160}
    assert "\u202e" not in text
    assert "\u241b[2J" in text
    assert "tab\tend" in text
    assert text.endswith("ünï €𝄞\n")


def test_a_reader_who_has_seen_enough(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "a line\n" * 500_000, final={}), compressed=True)
    process = subprocess.Popen(
        [COMMAND, stamp], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=client_environment(stack, "alpha_user")
    )
    assert process.stdout
    assert process.stdout.readline() == b"a line\n"
    process.stdout.close()
    assert process.stderr
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(30) == 0
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def test_the_script_says_what_it_wants(stack: RunningStack) -> None:
    code, output, errors = show(stack)
    assert code != 0
    assert "Traceback" not in output.decode() + errors
