# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-erase`` as an operator runs it: text goes from collector, archive and readers' sight."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from harness.client import Client
from harness.sender import batch
from harness.show import client_environment, command, run_command
from harness.stacks import RunningStack
from harness.terminal import at_terminal, seen
from harness.waiting import PATIENCE, until

SECRET = "hunter2-Zm9v"
STARS = "*" * len(SECRET)
TEXT = f"2026-06-10T11:02:01.000000Z INFO [Step] hello\n2026-06-10T11:02:02.000000Z ERROR [Step] it is {SECRET}\n"


def erase(stack: RunningStack, *arguments: str, said: str = "", caller: str = "operator") -> tuple[int, str, str]:
    """With something at its standard input; exit code, standard output and standard error."""
    done = subprocess.run(
        [command("erase"), *arguments],
        input=said,
        capture_output=True,
        text=True,
        env=client_environment(stack, caller),
        timeout=180,
        check=False,
        start_new_session=True,  # there is no terminal to be asked at
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def files_of_database(stack: RunningStack) -> list[Path]:
    return list(stack.layout.sqlite.parent.glob(f"{stack.layout.sqlite.name}*"))


@pytest.fixture
def log(pilot: Client, stamp: str) -> str:
    """The stamp of an open log with a secret."""
    pilot("appendLog", batch(stamp, 1, TEXT))
    return stamp


def test_a_secret_goes_from_an_open_log_and_from_the_archive(
    stack: RunningStack, pilot: Client, user: Client, log: str, tmp_path: Path
) -> None:
    code, output, errors = erase(stack, log, "--VO=alpha", "--text=-", "--dry-run", said=f"{SECRET}\n")
    assert (code, output) == (0, f"1 line of log {log} of VO alpha would be erased. Nothing was changed.\n"), errors
    code, _, errors = erase(stack, log, "--VO=alpha", "--text=-", said=SECRET)
    assert (code, "give --yes" in errors, SECRET in user.text_of(log)) == (1, True, True)
    code, output, errors = erase(stack, log, "--VO=alpha", "--text=-", "--yes", said=SECRET)
    assert (code, output) == (0, f"Text of 1 line of log {log} of VO alpha was erased.\n"), errors
    # Its pilot goes on, sends again what it does not know to be stored, and ends.
    for seq, text in ((1, TEXT), (2, f"late {SECRET}\n")):
        pilot("appendLog", batch(log, seq, text, **({"final": {"retCode": "0"}} if seq == 2 else {}))).value  # noqa: B018
    stack.run_agent_until(lambda: stack.archived("alpha", log).exists())
    assert SECRET in stack.archived("alpha", log).read_text()
    code, output, _ = erase(stack, log[:8], "--VO=alpha", f"--text={SECRET}", "--yes")
    assert (code, "LocalDirectory" in output) == (0, True)
    hidden = TEXT.replace(SECRET, STARS) + f"late {STARS}\n"
    assert user.text_of(log) == hidden
    archived = stack.archived("alpha", log)
    stack.run_agent_until(lambda: archived.exists() and archived.read_text() == hidden)
    assert [file.name for file in archived.parent.glob(f"{log}*")] == [archived.name]
    stack.expire(log)
    assert user.text_of(log) == hidden
    by_whom = r"[... text of 1 line was erased here by "
    _, shown, _ = run_command(stack, "show", log)
    assert [line[: len(by_whom)] for line in shown.decode().splitlines()].count(by_whom) == 2
    run_command(stack, "download", log, f"--to={tmp_path}")
    assert (tmp_path / "alpha" / f"{log}.log").read_text() == shown.decode()
    assert by_whom in user("getLogs", log, "alpha").value["StdOut"]
    _, checked, _ = run_command(stack, "show", log, "--check")
    assert b"No message is missing.\nText of 1 line was erased here by" in checked


def test_lines_and_all_at_a_terminal(stack: RunningStack, user: Client, log: str) -> None:
    child = at_terminal(stack, "erase", log, "--VO=alpha", "--lines=1", X509_USER_PROXY=_operator(stack))
    child.expect(r"for good\? \[y/N\] ")
    child.sendline("n")
    assert seen(child)[0] == 1
    assert user.text_of(log) == TEXT
    child = at_terminal(stack, "erase", log, "--VO=alpha", "--lines=1", X509_USER_PROXY=_operator(stack))
    child.expect(r"for good\? \[y/N\] ")
    child.sendline("y")
    assert seen(child)[0] == 0
    first, second, _ = user.text_of(log).split("\n")
    assert (set(first), SECRET in second) == ({"*"}, True)
    assert erase(stack, log, "--VO=alpha", "--all", "--yes")[0] == 0
    assert set(user.text_of(log)) == {"*", "\n"}
    code, _, errors = erase(stack, log, "--VO=alpha", "--all", "--yes")
    assert (code, "There is nothing of it" in errors) == (1, True)


def test_the_question_comes_to_the_terminal_while_the_text_comes_from_elsewhere(
    stack: RunningStack, user: Client, log: str
) -> None:
    line = f"printf %s {SECRET} | {command('erase')} {log} --VO=alpha --text=-"
    child = pexpect.spawn(
        "/bin/sh", ["-c", line], env=client_environment(stack, "operator"), encoding="utf-8", timeout=PATIENCE
    )
    child.expect(r"for good\? \[y/N\] ")
    child.sendline("y")
    assert seen(child)[0] == 0
    assert user.text_of(log) == TEXT.replace(SECRET, STARS)


def _operator(stack: RunningStack) -> str:
    return str(stack.layout.credentials / "operator.pem")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "takes one stamp"),
        ("LOG", "takes one of --text, --lines and --all"),
        ("LOG --all --lines=1", "takes one of --text, --lines and --all"),
        ("LOG --lines=3-2", "--lines takes the number of a line, or two with a hyphen: 7, or 7-9, not '3-2'"),
    ],
)
def test_a_wrong_call(stack: RunningStack, log: str, arguments: str, sentence: str) -> None:
    code, _, errors = erase(stack, *arguments.replace("LOG", log).split())
    assert (code, sentence in errors) == (2, True), errors


def test_who_may(own_stack: Callable[..., RunningStack], stack: RunningStack, user: Client, log: str) -> None:
    """Operators, of each VO; whom the CS names, of the logs that they may read."""
    code, _, errors = erase(stack, log, "--all", "--yes", caller="alpha_user")
    assert (code, "does not let you" in errors or "Unauthorized" in errors) == (1, True), errors
    assert user.text_of(log) == TEXT
    rule = "/Systems/WorkloadManagement/Services/TornadoPilotLogging/Authorization/eraseLog=NormalUser"
    named = own_stack("--collectors", "1", "--option", rule)
    for vo in ("alpha", "beta"):
        named.client(f"{vo}_pilot")("appendLog", batch(log, 1, TEXT, vo=vo)).value  # noqa: B018
    assert erase(named, log, "--all", "--yes", caller="alpha_user")[0] == 0
    code, _, errors = erase(named, log, "--VO=beta", "--all", "--yes", caller="alpha_user")
    assert (code, "You may not read the logs of VO beta." in errors) == (1, True)
    assert SECRET in named.client("beta_user").text_of(log, "beta")


def test_a_collector_that_is_killed_has_erased_or_not(
    stack: RunningStack, pilot: Client, user: Client, stamp: str
) -> None:
    """Either it is not begun, or the next start goes on with it: nothing is left in the database's files."""
    written = f"of pilot {stamp}: {TEXT}"  # no other log has the same bytes
    assert pilot("appendLog", batch(stamp, 1, written))["OK"]
    (row,) = stack.rows("SELECT Data FROM PilotLogChunks NATURAL JOIN PilotLogs WHERE Stamp = ?", stamp)
    trace = row["Data"]
    assert any(trace in file.read_bytes() for file in files_of_database(stack))
    process = subprocess.Popen(
        [command("erase"), stamp, "--VO=alpha", "--text", SECRET, "--yes"],
        env=client_environment(stack, "operator"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: process.poll() is not None or SECRET not in user.text_of(stamp), 60, "it is erased")
    stack.collector(0, "kill")
    process.kill()
    process.communicate(timeout=180)
    stack.collector(0, "start")
    again = stack.client("alpha_user")
    text = again.text_of(stamp)
    assert text == written.replace(SECRET, STARS)

    def without() -> bool:
        return not any(trace in file.read_bytes() for file in files_of_database(stack))

    until(without, 30, "no file has it any more")
