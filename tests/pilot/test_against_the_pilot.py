# SPDX-License-Identifier: GPL-3.0-only
"""The worker-node module in whole pilots: our miniature of DIRAC's, and DIRAC's own where PILOT names a checkout of it.

Each test compares a pilot that has the module with the collector's log, and with a pilot that has everything but it.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from harness.stacks import RunningStack
from harness.waiting import until
from pilot.harness import (
    MODULE,
    PARTS,
    Pilot,
    complete,
    differences,
    newest,
    oldest,
    remote_log,
    through_module,
    through_pilot,
    unharmed,
)

Make = Callable[..., Pilot]

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{6}Z")
SECRET = "6Gh-hunter2-w7Qz"
CLASSIC = "a\nDB_PASSWORD=hunter2\nb\nb\nc\n"


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ("TIME INFO [PilotLogging] mine\n" + CLASSIC, None),
        (CLASSIC.replace("hunter2", "[redacted]"), None),
        (CLASSIC.replace("b\nb\n", "b\n"), "-b"),
        (CLASSIC.replace("c\n", "c\nc\n"), "+c"),
        (CLASSIC.replace("c\n", "c"), "-"),
        (CLASSIC.replace("hunter2", "[redacted]").replace("c", "C"), "+C"),
        (CLASSIC.replace("DB_PASSWORD=hunter2", "[redacted]=x"), "+[redacted]=x"),
        ("DB_PASSWORD=[redacted]\na\nb\nb\nc\n", "-DB_PASSWORD=hunter2"),
        ("", "-a"),
    ],
)
def test_the_comparison_finds_what_differs(remote: str, found: str | None) -> None:
    lines = differences(CLASSIC, remote).splitlines()
    assert (found in lines) if found is not None else not lines


@pytest.mark.parametrize("output", ["append", "pipe"])
def test_other_outputs(stack: RunningStack, make: Make, output: str) -> None:
    commands = ["Speak", "RunShell", "WriteBytes"]
    pilot, other = make(commands), make(commands, module=None)
    result = pilot.run(output=output)
    unharmed(pilot, result, other, other.run(output=output))
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    # What is no text cannot be sent as it is.
    classic = result.output.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    assert not differences(classic.removeprefix("the batch system was here\n"), log.text)


@pytest.mark.parametrize(
    "commands, environment, python",
    [(["Unprintable"], {}, oldest), (["Unprintable"], {}, None), (["Speak"], {"LC_ALL": "C"}, oldest)],
    ids=["oldest", "this Python", "oldest in a locale without them"],
)
def test_what_cannot_be_printed_is_the_pilots_matter(
    stack: RunningStack,
    make: Make,
    commands: Sequence[str],
    environment: Mapping[str, str],
    python: Callable[[], Path] | None,
) -> None:
    chosen = python and python()
    pilot = make(commands, environment=environment, python=chosen)
    other = make(commands, environment=environment, python=chosen, module=None)
    result = pilot.run()
    unharmed(pilot, result, other, other.run())
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    assert (log.finalised, log.exit_code) == (True, result.exit_code)
    assert "UnicodeEncodeError" not in result.output or "UnicodeEncodeError" in log.text


@pytest.mark.parametrize("separate_errors", [False, True], ids=["one output", "two outputs"])
def test_the_remote_log_is_the_classic_log(stack: RunningStack, make: Make, separate_errors: bool) -> None:
    commands = ["CheckWorkerNode", "Speak", "RunShell", "ManyLines", "ForkAndExecute", "CheckWorkerNode"]
    environment = {"DB_PASSWORD": SECRET, "TEST_TEXT": f"https://someone:{SECRET}@example.org/"}
    pilot, other = make(commands, environment=environment), make(commands, environment=environment, module=None)
    result = pilot.run(separate_errors=separate_errors)
    without = other.run(separate_errors=separate_errors)

    unharmed(pilot, result, other, without)
    assert result.status == 0
    assert SECRET in result.output
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    assert SECRET not in log.text
    assert "[PilotLogging] Worker-node module" in log.text.partition("\n")[0]
    if not separate_errors:
        complete(stack, result)
        return
    there = log.text.splitlines()
    assert [line for line in result.errors.splitlines() if line and line not in there] == []
    assert (log.finalised, log.exit_code) == (True, 0)


@pytest.mark.parametrize("python", [oldest, newest])
def test_on_the_oldest_and_the_newest_python(stack: RunningStack, make: Make, python: Callable[[], Path]) -> None:
    commands = ["CheckWorkerNode", "Speak", "RunShell", "Fail"]
    other = make(commands, module=None, python=python())
    without = other.run()
    if "No module named 'imp'" in without.output:
        pytest.skip("this pilot is older than the newest Python here")
    pilot = make(commands, python=python())
    result = pilot.run()
    unharmed(pilot, result, other, without)
    complete(stack, result)


@pytest.mark.parametrize("by", ["log", "print"])
def test_threads(stack: RunningStack, make: Make, by: str) -> None:
    """Lines of several threads are in the remote log in the order of the classic one."""
    environment = {"TEST_BY": by, "TEST_THREADS": "4", "TEST_LINES": "500"}
    complete(stack, make(["Speak", "ManyLines", "Speak"], environment=environment).run())


OFF = {
    "RemoteLogging is false": {"RemoteLogging": "false"},
    "RemoteLogging is not there": {},
    "not this CE": {"RemoteLogging": "true", "RemoteLoggerCEsWhiteList": "ce7.example.org, ce8.example.org"},
    "no URL": {"RemoteLogging": "true", "RemoteLoggerURLs": ""},
}


@pytest.mark.parametrize("options", OFF.values(), ids=OFF)
def test_where_remote_logging_is_off_nothing_happens(
    stack: RunningStack, make: Make, options: Mapping[str, str]
) -> None:
    chosen = through_module(stack.urls) | options if options else {"RemoteLoggerURLs": stack.urls[0]}
    pilot = make(["ShowThreads", "Speak"], chosen)
    other = make(["ShowThreads", "Speak"], chosen, module=None)
    result = pilot.run()
    unharmed(pilot, result, other, other.run())
    for nothing in ("Threads: 1", "Streams: True True", "Hook: True", "Signals: True"):
        assert nothing in result.output
    assert remote_log(stack, pilot.stamp) is None


def test_this_ce_is_on_the_white_list(stack: RunningStack, make: Make) -> None:
    chosen = through_module(stack.urls) | {"RemoteLoggerCEsWhiteList": "ce8.example.org, ce.example.org"}
    complete(stack, make(["Speak"], chosen).run())


def test_switched_on_by_the_command_line(stack: RunningStack, make: Make) -> None:
    complete(stack, make(["Speak"], {"RemoteLoggerURLs": stack.urls[0]}, arguments=["-z"]).run())


def test_options_of_the_vo_come_before_those_of_all(stack: RunningStack, make: Make) -> None:
    pilot = make(["Speak"], {"RemoteLogging": "false"}, vo_options=through_module(stack.urls))
    complete(stack, pilot.run())


@pytest.mark.parametrize("commands", [["CheckWorkerNode", "RunShell", "ManyLines"], ["Speak", "Exit"], ["Fail"]])
def test_the_pilots_own_remote_logger_begins(stack: RunningStack, make: Make, commands: Sequence[str]) -> None:
    """Way B: what the pilot has sent itself, and what the module sends, are the classic log together."""
    pilot = make(commands, through_pilot(stack.urls[0]), environment={"TEST_EXIT": "9"})
    result = pilot.run()
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    # The pilot sends this line before its wrapper's, and with another time than it prints it with.
    activated = re.compile(r"\S+ INFO \[Pilot\] Remote logger activated\n")
    assert len(activated.findall(log.text)) == 1
    # Each line of the pilot's own loggers has two times.
    classic, remote = (TIME.sub("TIME", activated.sub("", text)) for text in (result.output, log.text))
    assert not differences(classic, remote)
    assert log.finalised
    assert not log.gaps
    assert log.exit_code == result.exit_code == {"Exit": 9, "Fail": 1}.get(commands[-1], 0)


HEADER = re.compile(TIME.pattern + r" ([A-Z]+) +\[")


def at_least(level: int, text: str) -> str:
    """The messages of a level and above, each with the lines without a header that follow it."""
    kept, passes = [], True
    for line in text.splitlines(keepends=True):
        header = HEADER.match(line)
        if header:
            passes = ["DEBUG", "INFO", "WARN", "ERROR"].index(header.group(1)) >= level
        kept += [line] * passes
    return "".join(kept)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARN", "ERROR"])
def test_levels(stack: RunningStack, make: Make, level: str) -> None:
    """RemoteLogLevel decides what is sent, whatever is printed."""
    options = through_module(stack.urls) | {"RemoteLogLevel": level, "PilotLogLevel": "DEBUG"}
    result = make(["Speak", "RunShell"], options).run()
    log = remote_log(stack, result.stamp)
    assert log is not None
    expected = at_least(["DEBUG", "INFO", "WARN", "ERROR"].index(level), result.output)
    assert not differences(expected, log.text)
    assert log.exit_code == 0


def test_debug_messages_can_be_sent_that_are_not_printed(stack: RunningStack, make: Make) -> None:
    options = through_module(stack.urls) | {"RemoteLogLevel": "DEBUG"}
    pilot, other = make(["Speak"], options), make(["Speak"], options, module=None)
    result = pilot.run()
    assert "a debug message" not in result.output
    unharmed(pilot, result, other, other.run())
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    assert log.text.count(" DEBUG [Speak] a debug message\n") == 1
    own = re.compile(r"\S+ DEBUG \[(?!PilotParams|pilotLogger).*\n")
    assert not differences(own.sub("", result.output), own.sub("", log.text))


@pytest.mark.parametrize("place", ["Backlog.append", "Backlog.take", "LevelFilter.keep"])
def test_a_fault_of_the_module_is_one_line_in_the_pilots_log(stack: RunningStack, make: Make, place: str) -> None:
    commands = ["Speak", "BreakModule", "Speak", "Sleep", "Exit"]
    environment = {"TEST_BREAK": place, "TEST_EXIT": "5", "TEST_SECONDS": "1"}
    options = through_module(stack.urls) | {"RemoteLoggerBufsize": "1"}
    pilot = make(commands, options, environment=environment)
    result = pilot.run()
    assert result.status == 5
    told = [line for line in result.output.splitlines() if "broken on purpose" in line]
    assert len(told) == 1, result.output
    assert "[PilotLogging]" in told[0]
    assert told[0] in result.pilot_out.splitlines()
    assert result.output.count("[Sleep] Awake") == 1
    assert result.output.count("[Speak] an info message") == 2
    assert result.seconds < 100, "less than its exit time"


def test_a_module_that_cannot_be_imported_does_not_matter(stack: RunningStack, make: Make, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module\n")
    pilot, other = make(["Speak"], module=broken), make(["Speak"], module=None)
    unharmed(pilot, pilot.run(), other, other.run())


def _without_part(folder: Path, name: str) -> str:
    (folder / name).unlink()
    return f"{name} is missing"


def _of_another_version(folder: Path, name: str) -> str:
    version = re.compile(r'(?m)^__version__ = "(.*)"$')
    text = (folder / name).read_text()
    (folder / name).write_text(version.sub('__version__ = "0.0.1"', text))
    found = version.search(text)
    assert found
    return f"{name} is of version 0.0.1, and {MODULE.name} of {found[1]}"


def _cut_short(folder: Path, name: str) -> str:
    (folder / name).write_text((folder / name).read_text()[:5000] + "\n(")
    return f"{name} cannot be used: SyntaxError"


@pytest.mark.parametrize("damage", [_without_part, _of_another_version, _cut_short])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_a_part_that_cannot_be_used_is_one_line_in_the_pilots_log(
    stack: RunningStack, make: Make, tmp_path: Path, part: Path, damage: Callable[[Path, str], str]
) -> None:
    """The pilot goes on as without the module, also where several commands are looked up."""
    folder = tmp_path / "module"
    folder.mkdir()
    for file in (MODULE, *PARTS):
        shutil.copy(file, folder)
    fault = damage(folder, part.name)
    commands, environment = ["Speak", "RunShell", "Speak", "Exit"], {"TEST_EXIT": "5"}
    pilot = make(commands, module=folder / MODULE.name, environment=environment)
    result = pilot.run()
    assert result.status == 5
    told = [line for line in result.output.splitlines() if "PilotLogging]" in line]
    assert len(told) == 1, result.output
    assert f" WARN [PilotLogging] Remote logging is off: {fault}" in told[0]
    assert told[0] in result.pilot_out.splitlines()
    output, pilot_out = (text.replace(told[0] + "\n", "") for text in (result.output, result.pilot_out))
    other = make(commands, module=None, environment=environment)
    unharmed(pilot, dataclasses.replace(result, output=output, pilot_out=pilot_out), other, other.run())


def test_without_a_part_the_pilots_own_logger_goes_on(stack: RunningStack, make: Make, tmp_path: Path) -> None:
    alone = Path(shutil.copy(MODULE, tmp_path))
    pilot = make(["Speak", "Exit"], through_pilot(stack.urls[0]), module=alone, environment={"TEST_EXIT": "5"})
    result = pilot.run()
    assert (result.status, result.output.count("Remote logging is off")) == (5, 1)
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    assert "[Speak] an info message" in log.text
    assert (log.finalised, log.exit_code) == (True, 5)


@pytest.mark.parametrize("how", ["log", "exit", "_exit", "raise", "exec"])
def test_forked_children_neither_send_nor_finalise(stack: RunningStack, make: Make, how: str) -> None:
    environment = {"TEST_CHILD": how, "TEST_LINES": "20"}
    commands = ["Speak", "Fork", "ManyLines"]
    pilot = make(commands, environment=environment)
    other = make(commands, environment=environment, module=None)
    result = pilot.run()
    unharmed(pilot, result, other, other.run())
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    assert (log.finalised, log.exit_code, log.gaps) == (True, 0, [])
    # What a child prints is in the classic log only; the pilot's own lines are in both, and once.
    fork = re.compile(r"(?s)(\[Fork\] Forking\n).*?(?=\S+ INFO \[Fork\] The child ended)")
    assert not differences(fork.sub(r"\1", result.output), fork.sub(r"\1", log.text))


def test_children_with_the_pilots_own_output(stack: RunningStack, make: Make) -> None:
    """What bypasses Python's streams is in both logs, where the output is a file."""
    commands = ["Speak", "CallSystem", "Speak", "RunShell", "CallSystem"]
    pilot, other = make(commands), make(commands, module=None)
    result = pilot.run()
    unharmed(pilot, result, other, other.run())
    complete(stack, result)


@pytest.mark.parametrize("stdin", ["open", "null", "closed"])
def test_other_wrappers(stack: RunningStack, make: Make, stdin: str) -> None:
    """A wrapper that does not end what it says on standard input, or says nothing there, does not stop the pilot."""
    pilot, other = make(["Speak"]), make(["Speak"], module=None)
    result = pilot.run(stdin=stdin)
    unharmed(pilot, result, other, other.run(stdin=stdin))
    log = remote_log(stack, pilot.stamp)
    assert log is not None
    classic = result.output
    if stdin != "open":
        classic = classic[re.search(r"\S+Z DEBUG \[PilotParams\]", classic).start() :]  # type: ignore[union-attr]
    assert not differences(classic, log.text)


def test_lines_arrive_while_the_pilot_runs(stack: RunningStack, make: Make) -> None:
    options = through_module(stack.urls) | {"RemoteLoggerTimerInterval": "1"}
    with make(["Speak", "Sleep"], options).start() as running:
        until(lambda: (log := remote_log(stack, running.stamp)) and "[Sleep] Sleeping" in log.text, what="lines arrive")
        log = remote_log(stack, running.stamp)
        assert log is not None
        assert not log.finalised


def test_a_directory_that_the_wrapper_removes(stack: RunningStack, make: Make) -> None:
    pilot = make(["Speak", "Exit"], environment={"TEST_EXIT": "4"})
    complete(stack, pilot.run(remove=True))
    assert not pilot.directory.exists()
