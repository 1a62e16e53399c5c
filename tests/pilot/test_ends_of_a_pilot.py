# SPDX-License-Identifier: GPL-3.0-only
"""How whole pilots end, with the worker-node module and without it, and what the collector is told."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from harness.stacks import RunningStack
from harness.waiting import until
from pilot.harness import Pilot, Result, complete, differences, remote_log, unharmed

Make = Callable[..., Pilot]


@dataclass(frozen=True)
class End:
    """A way to end a pilot.

    Attributes:
        status: Its exit code, or minus the signal that it dies from.
        signal: Sent once the pilot has said that it sleeps.
        last: Stands in the remote log, near its end.
    """

    status: int
    commands: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    signal: signal.Signals | None = None
    last: str = ""


ENDS = {
    "by itself": End(0, ["Speak"]),
    "sys.exit()": End(0, ["Exit"], {}, last="[Exit] Exiting"),
    "sys.exit(0)": End(0, ["Exit"], {"TEST_EXIT": "0"}, last="[Exit] Exiting"),
    "sys.exit(3)": End(3, ["Exit"], {"TEST_EXIT": "3"}, last="[Exit] Exiting"),
    "sys.exit(-1)": End(255, ["Exit"], {"TEST_EXIT": "-1"}, last="[Exit] Exiting"),
    "sys.exit(256)": End(0, ["Exit"], {"TEST_EXIT": "256"}, last="[Exit] Exiting"),
    "sys.exit(text)": End(1, ["Exit"], {"TEST_EXIT": "said at the end"}, last="said at the end"),
    "SystemExit": End(1, ["RaiseSystemExit"], {"TEST_EXIT": "raised at the end"}, last="raised at the end"),
    "exception": End(1, ["Fail"], last="RuntimeError: unexpected"),
    "exitWithError": End(44, ["ExitWithError"], {"TEST_EXIT": "44"}, last="[ExitWithError] Content of pilot.cfg"),
    "no such command": End(255, ["NoSuchCommand"], last="NoSuchCommand could not be instantiated"),
    "SIGTERM": End(-15, ["Sleep"], {}, signal.SIGTERM, last="SIGTERM (15)"),
    "SIGXCPU": End(-24, ["Sleep"], {}, signal.SIGXCPU, last="SIGXCPU (24)"),
    "SIGUSR1": End(-10, ["Sleep"], {}, signal.SIGUSR1, last="SIGUSR1 (10)"),
    "SIGUSR2": End(-12, ["Sleep"], {}, signal.SIGUSR2, last="SIGUSR2 (12)"),
    "SIGINT": End(-2, ["Sleep"], {}, signal.SIGINT, last="KeyboardInterrupt"),
    "SIGTERM in a shell command": End(-15, ["Sleep"], {"TEST_IN_SHELL": "1"}, signal.SIGTERM, last="SIGTERM (15)"),
    "SIGXCPU in a shell command": End(-24, ["Sleep"], {"TEST_IN_SHELL": "1"}, signal.SIGXCPU, last="SIGXCPU (24)"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_ends(stack: RunningStack, make: Make, end: End) -> None:
    """Each way to end is the pilot's own, and the collector is told the exit code."""

    def run(pilot: Pilot) -> Result:
        with pilot.start() as running:
            if end.signal is not None:
                running.wait_for("\nSleeping" if "TEST_IN_SHELL" in end.environment else "[Sleep] Sleeping")
                running.send(end.signal)
            return running.wait()

    commands = ["CheckWorkerNode", *end.commands]
    pilot, other = (make(commands, environment=end.environment, **how) for how in ({}, {"module": None}))
    result, without = run(pilot), run(other)
    assert result.status == end.status
    unharmed(pilot, result, other, without)
    log = complete(stack, result)
    assert end.last in "\n".join(log.text.splitlines()[-40:])


@pytest.mark.parametrize("by", ["log", "print", "shell"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_while_the_pilot_writes(stack: RunningStack, make: Make, by: str, number: signal.Signals) -> None:
    """A signal can come anywhere: also while the module has a line in its hands."""
    # Some tenths of a second and more; a machine on which the signal comes later still sends no more than that.
    lines = {"log": "60000", "print": "600000", "shell": "1200000"}[by]
    for pause in (0.0, 0.07):
        pilot = make(["ManyLines", "Sleep"], environment={"TEST_BY": by, "TEST_LINES": lines, "TEST_SECONDS": "600"})
        with pilot.start() as running:
            running.wait_for("line 9\n")
            time.sleep(pause)
            running.send(number)
            result = running.wait()
        assert result.status == -number
        log = remote_log(stack, pilot.stamp)
        assert log is not None
        assert (log.finalised, log.exit_code, log.gaps) == (True, 128 + number, [])
        own = [line for line in log.text.splitlines() if "[PilotLogging]" in line]
        assert len(own) <= 2, own[:5]
        # What stood in a buffer is not in the classic log, nor is the end of the line that was being written.
        there = "\n".join(line for line in log.text.split("\n") if line not in own).partition("Traceback")[0]
        here = result.output.partition("Traceback")[0]
        whole = here[: here.rindex("\n")]
        assert there.startswith(whole), differences(whole, there[: len(whole)])


@pytest.mark.parametrize("environment", [{}, {"TEST_IN_SHELL": "1"}], ids=["in Python", "in a shell command"])
def test_a_batch_system_ends_all_processes(stack: RunningStack, make: Make, environment: Mapping[str, str]) -> None:
    with make(["Speak", "Sleep"], environment=environment).start() as running:
        running.wait_for("\nSleeping" if environment else "[Sleep] Sleeping")
        running.send_to_all(signal.SIGTERM)
        until(lambda: (log := remote_log(stack, running.stamp)) and log.finalised, what="the log is finalised")
        log = remote_log(stack, running.stamp)
        assert log is not None
        assert log.exit_code == 143
        assert not differences(running.said, log.text)
