# SPDX-License-Identifier: GPL-3.0-only
"""What people know from kubectl logs, journalctl, stern and git, in the commands for readers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.client import Client
from harness.sender import batch
from harness.show import client_environment, command, run_command
from harness.stacks import RunningStack
from harness.terminal import at_terminal, is_mapped, seen
from harness.waiting import until

COMMANDS = ("config", "download", "list", "search", "show", "status")
ESCAPE = "\x1b["


def line(minute: int, level: str = "INFO") -> str:
    return f"2026-06-10T11:{minute:02}:00.000000Z {level} [Step] line {minute}\n"


TEXT = "".join(line(minute, "ERROR" if minute % 10 == 5 else "INFO") for minute in range(40))


@dataclass(frozen=True)
class Pilots:
    """Two finished pilots whose stamps begin alike, and the site that only they have."""

    beginning: str
    one: str
    two: str
    site: str


@pytest.fixture(scope="module")
def pilots(stack: RunningStack) -> Pilots:
    beginning = uuid.uuid4().hex[:10]
    one, two = (f"{beginning}{digit}{uuid.uuid4().hex[:21]}" for digit in "ab")
    site = f"LCG.{uuid.uuid4().hex[:12]}.org"
    pilot = stack.client("alpha_pilot")
    for stamp, code in ((one, "0"), (two, "3")):
        pilot("appendLog", batch(stamp, 1, TEXT, context={"site": site, "ce": f"ce{code}"}, final={"retCode": code}))
    return Pilots(beginning, one, two, site)


def said(errors: str) -> list[str]:
    assert "Traceback" not in errors
    return [text.split(": ", 1)[1] for text in errors.splitlines() if text.startswith("dirac-pilot-logs-")]


def test_several_logs_one_after_the_other(stack: RunningStack, pilots: Pilots) -> None:
    unknown = uuid.uuid4().hex
    code, output, errors = run_command(stack, "show", pilots.one, unknown, pilots.two, pilots.one, "-n2")
    last = line(38) + line(39)
    assert output.decode() == f"==> {pilots.one} <==\n{last}\n==> {pilots.two} <==\n{last}"
    assert (code, said(errors)) == (1, [f"There is no log {unknown} of VO alpha."])
    code, output, _ = run_command(stack, "show", pilots.one, pilots.two)
    assert code == 0
    assert output.decode() == f"==> {pilots.one} <==\n{TEXT}\n==> {pilots.two} <==\n{TEXT}"
    code, output, _ = run_command(stack, "show", pilots.one, pilots.two, "--json", "--tail=1")
    assert [json.loads(each)["stamp"] for each in output.splitlines()] == [pilots.one, pilots.two]


def test_several_logs_while_they_are_written(stack: RunningStack, pilot: Client) -> None:
    stamps = [uuid.uuid4().hex for _ in range(3)]
    for number, stamp in enumerate(stamps):
        pilot("appendLog", batch(stamp, 1, "".join(line(minute) for minute in range(15 + number))))
    follower = stack.start("show", [command("show"), "-f", *stamps], client_environment(stack, "alpha_user"))

    def of(stamp: str) -> list[str]:
        lines = follower.output.read_text().splitlines(keepends=True)
        return [each.removeprefix(f"{stamp[:8]} ") for each in lines if each.startswith(f"{stamp[:8]} ")]

    expected = {stamp: [line(minute) for minute in range(5 + n, 15 + n)] for n, stamp in enumerate(stamps)}
    until(lambda: all(of(stamp) == expected[stamp] for stamp in stamps), what="the last ten lines of each")
    for number, stamp in enumerate(stamps):
        pilot("appendLog", batch(stamp, 2, line(50 + number), final={"retCode": 0} if number else None))
        expected[stamp].append(line(50 + number))
    until(lambda: all(of(stamp) == expected[stamp] for stamp in stamps), what="what is new of each")
    until(lambda: follower.errors.read_text().count("this log is closed") == 2, what="two are at their end")
    assert follower.process.poll() is None
    pilot("appendLog", batch(stamps[0], 3, line(59), final={"retCode": 0}))
    assert follower.wait() == 0, follower.said
    assert of(stamps[0]) == [*expected[stamps[0]], line(59)]
    assert follower.output.read_text().count("\n") == sum(map(len, expected.values())) + 1


def test_the_last_lines_and_those_of_a_time(stack: RunningStack, pilots: Pilots) -> None:
    def shown(*arguments: str) -> str:
        code, output, errors = run_command(stack, "show", pilots.one, *arguments)
        assert code == 0, errors
        return output.decode()

    assert shown("-n", "3") == "".join(line(minute) for minute in (37, 38, 39))
    assert shown("--tail=0") == ""
    assert shown("--tail=1000") == shown("--tail=all") == TEXT
    assert shown("--errors", "--tail=2") == line(25, "ERROR") + line(35, "ERROR")
    assert shown("--since=2026-06-10T11:38") == line(38) + line(39)
    assert shown("--since=2026-06-10T11:10", "--until=2026-06-10T11:12:00Z") == line(10) + line(11)
    assert shown("--since=2026-06-10T11:10", "-n1", "--level=error") == line(35, "ERROR")
    assert shown("--since=1d12h") == ""
    assert shown("--follow") == "".join(TEXT.splitlines(keepends=True)[-10:])
    assert shown("--follow", "--tail=all") == TEXT
    assert shown("--follow", "--since=2026-06-10T11:20").startswith(line(20))


def test_gaps_are_shown_among_the_last_lines(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, line(1)))
    pilot("appendLog", batch(stamp, 4, line(4), final={"retCode": 0}))
    code, output, _ = run_command(stack, "show", stamp, "-n5")
    gap = "[... messages 2 to 3 are missing here (session s) ...]\n"
    assert (code, output.decode()) == (0, line(1) + gap + line(4))


def test_abbreviated_stamps(stack: RunningStack, pilots: Pilots) -> None:
    unique = pilots.one[:12]
    for typed in (unique, f"  {unique.upper()} ", f"{pilots.one.upper()}\t", f"{pilots.one}.log"):
        code, output, errors = run_command(stack, "show", typed)
        assert (code, output.decode()) == (0, TEXT), errors
    code, output, errors = run_command(stack, "show", pilots.beginning.upper())
    assert (code, output) == (1, b"")
    assert said(errors) == [f"{pilots.beginning} is ambiguous; 2 stamps begin so:"]
    for stamp in (pilots.one, pilots.two):
        assert re.search(rf"^  {stamp}  alpha  Complete  \S+ \S+  {pilots.site}$", errors, re.MULTILINE)
    code, _, errors = run_command(stack, "show", "abc")
    assert code == 1
    assert "4 characters at least" in said(errors)[0]


def test_abbreviated_stamps_are_downloaded(stack: RunningStack, pilots: Pilots, tmp_path: Path) -> None:
    code, _, errors = run_command(stack, "download", pilots.one[:14], pilots.beginning, cwd=tmp_path)
    assert code == 1
    assert said(errors) == [
        f"{pilots.beginning} is ambiguous; 2 stamps begin so:",
        "1 downloaded: pilot-logs",
    ]
    assert (tmp_path / "pilot-logs" / "alpha" / f"{pilots.one}.log").read_text() == TEXT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("search one two", "takes one text that is not empty; put one with blanks in quotes"),
        ("search text --site=a --site=b", "--site is given twice"),
        ("list --site=", "--site takes a text that is not empty, not ''"),
        ("list pilot", "takes no argument such as 'pilot'"),
        ("list --sort=Logs", "sorts logs by one of VO, Stamp, "),
        ("list --by=site --sort=Lines", "sorts counts by one of Value, Logs, "),
        ("list --nonsense", "option --nonsense not recognized; see dirac-pilot-logs-list --help"),
        ("list --since=5x", "--since takes a time in UTC such as "),
        ("download --to=", "--to takes a text that is not empty, not ''"),
        ("show STAMP --job=1", "takes stamps or references, or --job"),
        ("show STAMP --check --grep=x", "takes --check or --grep, not both"),
        ("show STAMP --check -f", "takes --check or --follow, not both"),
        ("show STAMP --errors --level=INFO", "takes --errors or --level, not both"),
        ("show STAMP --follow --until=1h", "takes --follow or --until, not both"),
        ("show STAMP -i", "takes --ignore-case with --grep only"),
        ("show STAMP -n x", "--tail takes a number of lines, or all, not 'x'"),
        ("status now", "takes no argument such as 'now'"),
        ("status --hours=soon", "--hours takes a duration such as 90, 45s, "),
        ("config show --vo=alpha --nonsense", "option --nonsense not recognized; see dirac-pilot-logs-config --help"),
    ],
)
def test_nothing_is_dropped_without_a_word(stack: RunningStack, pilots: Pilots, arguments: str, sentence: str) -> None:
    word, *given = arguments.replace("STAMP", pilots.one).split()
    code, output, errors = run_command(stack, word, *given)
    assert (code, output) == (2, b""), errors
    (first,) = said(errors)
    assert first.startswith(sentence)


def test_a_text_that_looks_like_a_file_of_dirac(stack: RunningStack, pilot: Client, stamp: str) -> None:
    site = uuid.uuid4().hex
    pilot("appendLog", batch(stamp, 1, "Reading dirac.cfg\n", context={"site": site}))
    code, output, errors = run_command(stack, "search", "dirac.cfg", f"--site={site}")
    assert (code, output.decode()) == (0, f"{stamp}:1:Reading dirac.cfg\n"), errors


@pytest.mark.parametrize("word", COMMANDS)
def test_help_is_on_standard_output(stack: RunningStack, word: str) -> None:
    code, output, errors = run_command(stack, word, "--help")
    assert (code, errors) == (0, "")
    assert f"dirac-pilot-logs-{word} [options]" in output.decode()


def test_counts(stack: RunningStack, pilots: Pilots) -> None:
    code, output, errors = run_command(stack, "list", "--by=site", f"--site={pilots.site}")
    assert (code, said(errors)) == (0, [])
    head, row = output.decode().splitlines()
    assert head.split() == ["Site", "Logs", "Open", "Failed", "Silent", "With", "errors", "Last", "line"]
    assert row.split()[:4] == [pilots.site, "2", "1", "2"], "nothing is open or silent"
    code, output, errors = run_command(
        stack, "list", "--by=CE", f"--site={pilots.site}", "--json", "--sort=value", "--ascending"
    )
    rows = [json.loads(each) for each in output.splitlines()]
    assert [(row["CE"], row["Logs"], row["Failed"], row["Open"]) for row in rows] == [
        ("ce0", 1, 0, 0),
        ("ce3", 1, 1, 0),
    ]
    code, output, errors = run_command(stack, "list", "--by=exit", f"--site={pilots.site}", "--limit=1")
    assert (code, said(errors)) == (0, ["1 of 2 values; see --limit."])
    shown = seen(at_terminal(stack, "list", "--by=exit", f"--site={pilots.site}", "--no-pager"))
    assert shown[0] == 0
    assert {"0", "3"} <= {
        each.split()[0] for each in re.sub(r"\x1b\[[0-9;]*m", "", shown[1]).splitlines() if each.split()
    }


def test_a_pager(stack: RunningStack, pilots: Pilots) -> None:
    mark = {"PAGER": "X=1 sed s/^/paged:/"}
    code, shown = seen(at_terminal(stack, "show", pilots.one, "-n2", "--color=never", **mark))
    assert code == 0
    assert f"paged:{line(38)}paged:{line(39)}" in shown
    code, shown = seen(at_terminal(stack, "list", f"--site={pilots.site}", "--limit=1", **mark))
    assert code == 0
    assert re.search("paged:.*1 of 2 logs", shown), "what is said meanwhile goes through it, too"
    for word, *arguments in (
        ("show", pilots.one, "--no-pager"),
        ("show", pilots.one, "--json"),
        ("show", pilots.one, "--follow"),
        ("show", pilots.one, "--check"),
        ("list", f"--site={pilots.site}", "--json"),
    ):
        code, shown = seen(at_terminal(stack, word, *arguments, **mark))
        assert "paged:" not in shown, arguments
        assert shown.count("\n") >= 2
    for pager in ("no-such-pager -x", "cat", "", "'"):
        code, shown = seen(at_terminal(stack, "show", pilots.one, "--color=never", PAGER=pager))
        assert (code, shown.count("[Step]")) == (0, 40), pager


def test_a_pager_that_is_left_early(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "a line\n" * 500_000, final={}), compressed=True)
    code, shown = seen(at_terminal(stack, "show", stamp, PAGER="head -3"))
    assert (code, shown.count("a line")) == (0, 3)
    assert "Traceback" not in shown
    child = at_terminal(stack, "show", stamp)  # less, which waits for a key
    child.expect(r"a line[^\n]*\n:")
    child.sendintr()  # Ctrl-C is less's own affair
    child.send("q")
    _, shown = seen(child)
    assert "Traceback" not in shown
    child = at_terminal(stack, "show", stamp, "--tail=3")  # what fits the screen does not wait
    code, shown = seen(child)
    assert (code, shown.count("a line")) == (0, 3)


@pytest.mark.parametrize(
    ("variables", "arguments", "coloured"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": "1"}, ["--color=always"], True),
        ({"CLICOLOR": "0"}, [], False),
        ({"TERM": "dumb"}, [], False),
    ],
    ids=str,
)
def test_colours_on_a_terminal(
    stack: RunningStack, pilots: Pilots, variables: dict[str, str], arguments: list[str], coloured: bool
) -> None:
    commands = [
        ("show", pilots.one, "--errors"),
        ("list", f"--site={pilots.site}"),
        ("list", "--by=site", f"--site={pilots.site}"),
        ("search", "line 5", f"--site={pilots.site}"),
        ("status",),
    ]
    for word, *given in commands if "NO_COLOR" in variables or not variables else commands[:1]:
        _, shown = seen(at_terminal(stack, word, *given, *arguments, **({"PAGER": "cat"} | variables)))
        assert ("\x1b[3" in shown or "\x1b[1" in shown) == coloured, (word, shown)


def test_colours_in_a_pipe(stack: RunningStack, pilots: Pilots, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, arguments, coloured in (
        ("", ["--color=always"], True),
        ("", [], False),
        ("CLICOLOR_FORCE", [], True),
    ):
        with monkeypatch.context() as patch:
            if variable:
                patch.setenv(variable, "1")
            _, output, _ = run_command(stack, "show", pilots.one, "--errors", *arguments)
        assert (ESCAPE in output.decode()) == coloured, arguments


def test_ctrl_c_ends_it_as_it_ends_git(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "one\n"))
    for arguments in ([stamp], [stamp, uuid.uuid4().hex, stamp]):
        child = at_terminal(stack, "show", "-f", *arguments)
        child.expect("one")
        child.sendintr()
        _, shown = seen(child)
        assert child.signalstatus == signal.SIGINT
        assert "Traceback" not in shown
    shell = 'trap : INT; "$0" -f "$1"; echo "code $?"'
    environment = client_environment(stack, "alpha_user")
    process = subprocess.Popen(
        ["bash", "-c", shell, str(command("show")), stamp],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "one\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.read() == "code 130\n"
    process.stdout.close()
    process.wait()


@pytest.mark.parametrize("word", ["config", "show", "status"])
def test_ctrl_c_while_dirac_is_imported(stack: RunningStack, word: str) -> None:
    child = at_terminal(stack, word, "--help")
    until(lambda: not child.isalive() or is_mapped(child.pid, "cryptography"), what="DIRAC is being imported")
    child.sendintr()
    _, shown = seen(child)
    assert "Traceback" not in shown
    assert child.signalstatus == signal.SIGINT or child.exitstatus == 0, "unless it was quicker"
