# SPDX-License-Identifier: GPL-3.0-only
"""The commands as people run them: processes with a user's proxy."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

from .stacks import PROJECT, RunningStack

COMMAND = PROJECT / ".venv" / "bin" / "dirac-pilot-logs-show"


def client_environment(stack: RunningStack, caller: str) -> dict[str, str]:
    """As after ``. DIR/env.sh``: nothing of the stack's own processes."""
    layout = stack.layout
    more = {"DIRACSYSCONFIG": str(layout.configuration), "X509_USER_PROXY": str(layout.credentials / f"{caller}.pem")}
    environment = stack.environment("home", **more)
    for name in ("PYTHONPATH", "PILOTLOGGING_STACK", "DIRAC_ROOT_PATH"):
        environment.pop(name)
    return environment


def show(stack: RunningStack, *arguments: str, caller: str = "alpha_user") -> tuple[int, bytes, str]:
    """``dirac-pilot-logs-show``: exit code, standard output and standard error."""
    return run_command(stack, "show", *arguments, caller=caller)


def run_command(
    stack: RunningStack, word: str, *arguments: str, caller: str = "alpha_user", cwd: Path | None = None
) -> tuple[int, bytes, str]:
    """``dirac-pilot-logs-WORD``: exit code, standard output and standard error."""
    done = subprocess.run(
        [command(word), *arguments],
        capture_output=True,
        env=client_environment(stack, caller),
        timeout=180,
        check=False,
        cwd=cwd,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def command(word: str) -> Path:
    """The installed ``dirac-pilot-logs-WORD``."""
    return COMMAND.with_name(f"dirac-pilot-logs-{word}")


def on_terminal(command: list[str | Path], environment: dict[str, str]) -> tuple[int, bytes, str]:
    """Run a command whose standard output is a terminal, without a pager: exit code, what the terminal got, standard
    error."""
    leader, follower = pty.openpty()
    coloured = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "CLICOLOR")}
    coloured |= {"PAGER": "cat", "TERM": "xterm"}
    process = subprocess.Popen(command, stdout=follower, stderr=subprocess.PIPE, env=coloured)
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 4096):
            shown += piece
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(leader)
        _, errors = process.communicate(timeout=180)
    return process.returncode, shown, errors.decode()
