# SPDX-License-Identifier: GPL-3.0-only
"""What bash completes after the commands, and what the commands import before they begin."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from harness.show import client_environment, command
from harness.stacks import DEV, PROJECT, RunningStack
from harness.waiting import PATIENCE

FOLDER = PROJECT / "completion"


def test_the_files_are_what_the_switches_say(tmp_path: Path) -> None:
    subprocess.run([DEV / "completion", tmp_path], check=True, timeout=180)
    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {file.name: file.read_text() for file in FOLDER.iterdir()} == written, "run dev/completion"


@pytest.fixture(params=["one by one", "all by one"])
def bash(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    """A bash at a terminal, with nobody's settings, after our files were read."""
    child = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        encoding="utf-8",
        timeout=PATIENCE,
        dimensions=(50, 200),
        env={"PATH": "/usr/bin:/bin", "PS1": "ready> ", "TERM": "dumb", "INPUTRC": "/dev/null", "HOME": str(tmp_path)},
        cwd=str(tmp_path),
    )
    (tmp_path / "killed.tar").touch()
    child.expect("ready> ")
    names = ["dirac-pilot-logs"] if request.param == "all by one" else [file.name for file in FOLDER.iterdir()]
    child.sendline(f"bind 'set bell-style none'; for f in {' '.join(names)}; do . {FOLDER}/$f; done; echo read")
    child.expect("\r\nread\r\nready> ")
    yield child
    child.close(force=True)


def completed(bash: pexpect.spawn[str], typed: str) -> str:
    """What stands there after Tab; two of them for what fits if there are several."""
    bash.send(f"{typed}\t\t")
    bash.send("\x01: '\x05'\r")  # before and behind it, to a command that does nothing
    bash.expect("ready> $|ready> (?=\\Z)")
    shown = str(bash.before).replace("\r", "")
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\x07\x08]", "", shown)


def test_bash_completes(bash: pexpect.spawn[str]) -> None:
    show, download = "dirac-pilot-logs-show", "dirac-pilot-logs-download"
    assert f"{show} --follow " in completed(bash, f"{show} --fol")
    assert f"{show} 1f0e --tail=" in completed(bash, f"{show} 1f0e --ta")
    assert "--level=WARN" in completed(bash, f"{show} --level=W")
    assert "--level ERROR" in completed(bash, f"{show} --level E")
    assert "--to=killed.tar" in completed(bash, f"{download} --to=kil")
    assert "--by=site" in completed(bash, "dirac-pilot-logs-list --by=si")
    assert "-config enable" in completed(bash, "dirac-pilot-logs-config en")
    several = completed(bash, "dirac-pilot-logs-status --")
    assert {"--json", "--hours=", "--help", "--color="} <= set(several.split())
    assert "killed" not in completed(bash, f"{show} ")


_BARE = """
from DIRAC.Core.Base.Script import Script
from DIRAC.Core.Utilities.Extensions import extensionsByPriority
extensionsByPriority()
Script.scriptName = "bare"
Script.parseCommandLine()
from DIRAC.WorkloadManagementSystem.Client.TornadoPilotLoggingClient import TornadoPilotLoggingClient
TornadoPilotLoggingClient().listLogs({})
"""
HEAVY = {"store", "deliver", "settings", "ingest.redaction", "activation", "WebApp"}
"""Of ours: what a collector or an agent needs."""


def imported(stack: RunningStack, *arguments: str | Path) -> set[str]:
    """The modules that a Python program imports in its life."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        env=client_environment(stack, "alpha_user"),
        timeout=180,
        check=False,
    )
    return set(re.findall(r"^import time:[ 0-9|]+\|\s+([\w.]+)$", done.stderr, re.MULTILINE))


@pytest.fixture(scope="module")
def of_dirac(stack: RunningStack) -> set[str]:
    """What DIRAC's own client imports to ask one question."""
    return imported(stack, "-c", _BARE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", "0123456789abcdef"],
        ["search", "text"],
        ["download", "0123456789abcdef"],
        ["status"],
        ["config"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_imports_what_dirac_needs_and_its_own_few_modules(
    stack: RunningStack, of_dirac: set[str], arguments: list[str]
) -> None:
    word, *more = arguments
    modules = imported(stack, command(word), *more)
    ours = {module.removeprefix("PilotLoggingDIRAC.") for module in modules if module.startswith("PilotLoggingDIRAC.")}
    assert f"WorkloadManagementSystem.scripts.dirac_pilot_logs_{word}" in ours
    assert not {module for module in ours if any(f"{module}.".startswith(f"{heavy}.") for heavy in HEAVY)}
    foreign = {module.partition(".")[0] for module in modules - of_dirac} - {"PilotLoggingDIRAC"}
    assert not foreign - sys.stdlib_module_names, "packages that DIRAC's own client does without"
