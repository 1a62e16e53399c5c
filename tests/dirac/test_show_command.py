# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-show`` as people run it: a process with a user's proxy."""

from __future__ import annotations

import subprocess
import threading
import uuid

import pexpect
import pytest
from harness.client import Client
from harness.sender import batch
from harness.show import COMMAND, client_environment, on_terminal, run_command, show
from harness.stacks import RunningStack
from harness.waiting import PATIENCE, until

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


BAR = "".join(f"\r{percent:3}%|{'█' * percent}{' ' * (100 - percent)}|\x1b[K" for percent in range(101))
"""Of 21 kB."""
HEADER = "2026-06-10T11:02:02.823512Z INFO [Install] "


def test_a_progress_bar_is_shown_in_its_last_state(stack: RunningStack, pilot: Client, stamp: str) -> None:
    text = f"{HEADER}10%\r100%\r\n{HEADER}{BAR}\n"
    pilot("appendLog", batch(stamp, 1, text, context={"pilotReference": f"https://{stamp}"}, final={}))
    assert show(stack, stamp)[1].decode() == text, "a pipe gets all states"
    last = f"{HEADER}100%|{'█' * 100}|"
    cut = f"{last} [the last state of {len(f'{HEADER}{BAR}'.encode()) + 1} bytes]"
    for arguments, lines in (
        ((), [f"{HEADER}100%", last]),
        (("-n", "2"), [f"{HEADER}100%", cut]),
        (("--grep", r"\] 100%$"), [f"{HEADER}100%"]),
    ):
        command = [COMMAND, stamp, "--color=never", *arguments]
        code, shown, errors = on_terminal(command, client_environment(stack, "alpha_user"))
        assert code == 0, errors
        assert shown.decode().splitlines() == lines
    assert show(stack, stamp, "-n", "1")[1].decode() == f"{cut}\n"
    hits = run_command(stack, "search", "--regex", r"\] 100%\|█+\|$", f"--reference={stamp}")[1].decode()
    assert hits.startswith(f"{stamp}:2:{last} [")


@pytest.mark.parametrize("arguments", ["", "-n all"])
def test_a_bar_is_followed_on_a_terminal(stack: RunningStack, pilot: Client, stamp: str, arguments: str) -> None:
    pilot("appendLog", batch(stamp, 1, f"one\n{HEADER}10%"))
    environment = client_environment(stack, "alpha_user") | {"TERM": "xterm", "NO_COLOR": "1"}
    terminal = pexpect.spawn(str(COMMAND), [stamp, "-f", *arguments.split()], env=environment, timeout=PATIENCE)
    terminal.expect_exact("one\r\n10%")
    pilot("appendLog", batch(stamp, 2, "\r20%\r"))
    terminal.expect_exact("\r\x1b[K20%")
    pilot("appendLog", batch(stamp, 3, "100%\ntwo\n", final={}))
    terminal.expect_exact(f"\r\x1b[K{HEADER}100%\r\ntwo\r\n")
    terminal.expect(pexpect.EOF)
    assert terminal.before == b""
    terminal.close()


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
