# SPDX-License-Identifier: GPL-3.0-only
"""FileCacheDownloadPlugin: what DIRAC's portal back end loads and asks, in a process with the host's credentials."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.client import NOT_FOUND, REJECTED, UNAVAILABLE
from harness.sender import batch
from harness.stacks import RunningStack

from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.FileCacheDownloadPlugin import ONE_STREAM

TEXT = "ünï €𝄞 \x1b[1m\x00\n" * 1000
SCRIPT = Path(__file__).parent / "harness" / "ask_download_plugin.py"


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    return own_stack()


@pytest.fixture(scope="module")
def stamps(stack: RunningStack) -> dict[str, str]:
    """A running log, an archived one whose text has left the database, one of beta, and one of the archive only."""
    stamps = {name: uuid.uuid4().hex for name in ("running", "archived", "of beta", "forgotten")}
    pilot = stack.client("alpha_pilot")
    pilot("appendLog", batch(stamps["running"], 1, TEXT))
    pilot("appendLog", batch(stamps["archived"], 1, TEXT, final={"retCode": 0}))
    stack.client("beta_pilot")("appendLog", batch(stamps["of beta"], 1, TEXT, vo="beta"))
    stack.expire(stamps["archived"])
    stack.archived("alpha", stamps["forgotten"]).write_text(TEXT)
    return stamps


def _ask(stack: RunningStack, *pairs: tuple[str, str]) -> list[Any]:
    """The answers; the process must leave no file behind."""
    temporary = stack.layout.home("tmp-of-portal")
    environment = stack.environment("portal", DIRACSYSCONFIG=str(stack.layout.configuration), TMPDIR=str(temporary))
    words = [word for pair in pairs for word in pair]
    program = stack.start("portal", [sys.executable, SCRIPT, *words], environment)
    assert program.wait(60) == 0, program.said
    (line,) = [line for line in program.output.read_text().splitlines() if line.startswith("ANSWERS ")]
    assert list(temporary.iterdir()) == []
    assert [file for file in stack.layout.home("portal").rglob("*") if file.is_file()] == []
    module, *answers = json.loads(line.removeprefix("ANSWERS "))
    assert module.startswith("PilotLoggingDIRAC.")
    return answers


def test_logs_are_given_from_wherever_they_are(stack: RunningStack, stamps: dict[str, str]) -> None:
    answers = _ask(
        stack,
        (stamps["running"], "alpha"),
        (stamps["archived"], "alpha"),
        (stamps["of beta"], "beta"),
        (stamps["forgotten"], "alpha"),
    )
    for answer in answers:
        assert answer["OK"], answer
        assert answer["Value"] == {"StdOut": TEXT, "StdErr": ONE_STREAM + TEXT}


def test_errors_are_errors(stack: RunningStack, stamps: dict[str, str]) -> None:
    unknown, other_vo, no_vo, no_stamp = _ask(
        stack,
        (uuid.uuid4().hex, "alpha"),
        (stamps["running"], "beta"),
        (stamps["running"], ""),
        ("../../etc/passwd", "alpha"),
    )
    assert [answer["OK"] for answer in (unknown, other_vo, no_vo, no_stamp)] == [False] * 4
    assert (unknown["Errno"], other_vo["Errno"]) == (NOT_FOUND, NOT_FOUND)
    assert (no_vo["Errno"], no_stamp["Errno"]) == (REJECTED, REJECTED)


def test_without_a_collector_the_archive_has_what_is_finished(stack: RunningStack, stamps: dict[str, str]) -> None:
    stack.collector(0, "stop")
    try:
        archived, running = _ask(stack, (stamps["archived"], "alpha"), (stamps["running"], "alpha"))
    finally:
        stack.collector(0, "start")
    assert archived["Value"] == {"StdOut": TEXT, "StdErr": ONE_STREAM + TEXT}
    # It may well exist: only nobody can say so now.
    assert running["Errno"] == UNAVAILABLE
