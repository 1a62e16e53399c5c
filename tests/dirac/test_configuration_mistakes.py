# SPDX-License-Identifier: GPL-3.0-only
"""A mistake in the configuration stops a component at its start, with one sentence that names the option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness.stacks import AGENT, PROJECT, Program, RunningStack, dev_stack
from harness.waiting import until
from parts.ports import FreePorts

SERVICE = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
DATABASE = "/Systems/WorkloadManagement/Databases/PilotLogDB"
AGENT_SECTION = f"/Systems/{AGENT.replace('/', '/Agents/')}"

BIN = PROJECT / ".venv" / "bin"


def _start_collector(stack: RunningStack, port: int, options: dict[str, Any]) -> Program:
    command: list[str | Path] = [BIN / "tornado-start-all", "--cfg", stack.layout.configuration]
    for path, value in ({"/Systems/Tornado/Port": port} | options).items():
        command += ["-o", f"{path}={value}"]
    environment = stack.environment("broken-collector", DIRAC_USE_TORNADO_IOLOOP="yes")
    return stack.start("tornado", command, environment, stack.layout.home("broken-collector"))


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        (f"{SERVICE}/MaxMesageSize", "1MB", "is not an option; accepted here: MaxMessageSize, "),
        (f"{SERVICE}/MaxMessageSize", "much", "= 'much' is not accepted: give a size such as"),
        (f"{SERVICE}/MaxReplySize", "-1", "= '-1' is not accepted"),
        (f"{DATABASE}/SQLiteFile", "PilotLogDB.sqlite", "= 'PilotLogDB.sqlite' is not a full path."),
        (f"{DATABASE}/Filename", "/tmp/x", "is not an option; accepted here: SQLiteFile"),
    ],
)
def test_the_collector_stops_at_its_start(stack: RunningStack, option: str, value: str, problem: str) -> None:
    with FreePorts() as ports:
        collector = _start_collector(stack, ports.take(), {option: value})
        assert collector.wait() != 0
    sentences = [line for line in collector.said.splitlines() if option in line]
    assert sentences, collector.said
    assert any(f"{option} {problem}" in line for line in sentences), sentences
    assert "Traceback" not in collector.said


def test_dev_stack_passes_the_sentence_on(tmp_path: Path) -> None:
    done = dev_stack("up", tmp_path / "s", "--option", f"{SERVICE}/MaxPendingSize=lots")
    try:
        assert done.returncode == 1
        assert f"{SERVICE}/MaxPendingSize = 'lots' is not accepted: give a size such as" in done.stderr
    finally:
        assert dev_stack("down", tmp_path / "s").returncode == 0


def test_options_of_dirac_are_no_mistake(stack: RunningStack) -> None:
    """A CS that has DIRAC's own options for its own collector starts ours."""
    options = {f"{SERVICE}/LoggingPlugin": "FileCacheLoggingPlugin", f"{SERVICE}/LogLevel": "INFO"}
    with FreePorts() as ports:
        collector = _start_collector(stack, ports.take(), options)
        until(lambda: "Listening on port" in collector.said or collector.process.poll() is not None)
        assert "Listening on port" in collector.said
        assert collector.process.poll() is None
        collector.end()


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        (f"{AGENT_SECTION}/MaxWorkers", "many", "= 'many' is not accepted: give a whole number, 0 or more."),
        (f"{DATABASE}/SQLiteFile", "x.sqlite", "= 'x.sqlite' is not a full path."),
    ],
)
def test_the_agent_stops_at_its_start(stack: RunningStack, option: str, value: str, problem: str) -> None:
    agent = stack.start_agent(1, {option: value})
    assert agent.wait(30) not in (0, None)
    assert f"{option} {problem}" in agent.said
    assert "Traceback" not in agent.said
