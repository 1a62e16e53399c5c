# SPDX-License-Identifier: GPL-3.0-only
"""DIRAC's ``dirac-agent`` with WorkloadManagement/PilotLoggingAgent, in the background or in the foreground."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from . import environment, processes
from .layout import PROJECT, Layout
from .state import Stack

AGENT = "WorkloadManagement/PilotLoggingAgent"
_SECTION = "/Systems/WorkloadManagement/Agents/PilotLoggingAgent"
_LOADED = b"Loaded agent module"
"""What DIRAC logs when the agent's initialize() has succeeded."""
BESIDE = "agent-beside"
"""The name of the log of :func:`beside`."""
_END_SECONDS = 60.0


def start(stack: Stack) -> None:
    """Start an agent that loops until the stack goes down."""
    layout = stack.layout
    command = [environment.BIN / "dirac-agent", AGENT, "--cfg", layout.configuration]
    own = environment.of_component(layout, "agent")
    log = layout.log("agent")
    earlier = log.stat().st_size if log.exists() else 0
    process = processes.start("agent", command, own, log=log, directory=layout.home("agent"))
    stack.add(process)
    processes.wait_until(process, lambda: _LOADED in log.read_bytes()[earlier:])


def run(stack: Stack, cycles: int) -> NoReturn:
    """Become an agent that runs some cycles and ends; signals to this process are then signals to the agent."""
    layout = stack.layout
    home = layout.home(f"agent-{os.getpid()}")  # of its own: agents that run at once must not share work files
    options = [f"{_SECTION}/MaxCycles={cycles}"]
    if cycles == 1:
        program = [str(environment.BIN / "dirac-agent")]
    else:
        program = [str(environment.BIN / "python"), str(PROJECT / "dev" / "parts" / "impatient_agent.py")]
        options.append(f"{_SECTION}/PollingTime=1")
    command = [*program, AGENT, "--cfg", str(layout.configuration)]
    for option in options:
        command += ["-o", option]
    os.chdir(home)
    os.execve(command[0], command, environment.of_component(layout, home.name))


@contextmanager
def beside(layout: Layout, remark: Callable[[str], None]) -> Iterator[subprocess.Popen[bytes]]:
    """One more that pauses for a second only between two cycles, for as long as the block runs.

    Args:
        remark: takes a sentence when it does not end as an agent should
    """
    log = layout.log(BESIDE)
    earlier = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        agent = subprocess.Popen(
            [str(PROJECT / "dev" / "agent"), str(layout.root), "--cycles", "0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield agent
    finally:
        agent.terminate()
        try:
            # One that has not come to its initialize() yet has no other way to end than by the signal.
            if agent.wait(_END_SECONDS) != 0 and _LOADED in log.read_bytes()[earlier:]:
                remark(f"the agent ended with code {agent.returncode}, see {log}")
        except subprocess.TimeoutExpired:
            remark(f"the agent did not end within {_END_SECONDS:g} s of SIGTERM")
            agent.kill()
            agent.wait()
