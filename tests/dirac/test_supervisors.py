# SPDX-License-Identifier: GPL-3.0-only
"""The shipped run script under a real runsv, and what the shipped systemd unit runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import supervised
from harness.second import client_of, serves
from harness.sender import batch
from harness.stacks import Program, RunningStack
from harness.waiting import until
from parts import environment
from parts.ports import FreePorts

_PLACES = f"/usr/bin:{environment.DAEMONS / 'bin'}"


@pytest.fixture
def port() -> Iterator[int]:
    with FreePorts() as ports:
        yield ports.take()


def _sv(command: str, service: Path) -> str:
    sv = shutil.which("sv", path=_PLACES)
    assert sv
    done = subprocess.run([sv, "-w", "90", command, str(service)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("runsv", path=_PLACES), reason="there is no runsv: run dev/install test")
def test_runsv_starts_a_killed_collector_again(stack: RunningStack, port: int, stamp: str) -> None:
    service = supervised.runit_service(stack, port)
    runsv = shutil.which("runsv", path=_PLACES)
    assert runsv
    supervisor = stack.start("runsv", [runsv, service], stack.environment("runsv"))
    try:
        until(lambda: serves(stack, port), 30, "the collector serves")
        assert client_of(stack, port)("appendLog", batch(stamp, 1, "1\n"))["OK"]
        pid = int((service / "supervise" / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        until(lambda: serves(stack, port), 30, "the collector is back")
        assert int((service / "supervise" / "pid").read_text()) != pid
        pilot = client_of(stack, port)
        assert pilot("appendLog", batch(stamp, 1, "1\n"))["OK"]
        assert pilot("appendLog", batch(stamp, 2, "2\n"))["OK"]
        assert stack.client("alpha_user").text_of(stamp) == "1\n2\n"

        assert _sv("down", service).startswith("ok: down")
        log = (service / "log" / "current").read_text()
        assert log.count(f"Listening on port {port}") == 2
        assert "Stopped" in log
    finally:
        _sv("exit", service)
        supervisor.wait()


@pytest.fixture
def of_the_unit(stack: RunningStack, port: int) -> Iterator[Program]:
    """The process that systemd would start."""
    command, own = supervised.unit_command(stack, port)
    program = stack.start("unit", command, own)
    try:
        until(lambda: serves(stack, port), 30, "the collector serves")
        yield program
    finally:
        program.end()


def test_what_the_unit_runs_serves_and_ends_well(
    stack: RunningStack, of_the_unit: Program, port: int, stamp: str
) -> None:
    assert client_of(stack, port)("appendLog", batch(stamp, 1, "1\n"))["OK"]
    assert stack.client("alpha_user").text_of(stamp) == "1\n"
    of_the_unit.send(signal.SIGTERM)
    assert of_the_unit.wait(float(supervised.unit_options()["TimeoutStopSec"])) == 0, of_the_unit.said
