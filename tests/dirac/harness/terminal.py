# SPDX-License-Identifier: GPL-3.0-only
"""The commands at a person's terminal: pexpect gives them one for input, output and errors."""

from __future__ import annotations

from pathlib import Path

import pexpect

from .show import client_environment, command
from .stacks import RunningStack
from .waiting import PATIENCE


def at_terminal(stack: RunningStack, word: str, *arguments: str, **more: str) -> pexpect.spawn[str]:
    """Start ``dirac-pilot-logs-WORD``.

    Args:
        more: Variables of its environment on top.
    """
    environment = client_environment(stack, "alpha_user")
    for name in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "PAGER", "LESS", "COLUMNS", "LINES"):
        environment.pop(name, None)
    return pexpect.spawn(
        str(command(word)),
        list(arguments),
        env=environment | {"TERM": "xterm"} | more,
        encoding="utf-8",
        timeout=PATIENCE,
        dimensions=(24, 150),
    )


def seen(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    """All that is shown until it ends, and its exit code."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, str(child.before).replace("\r\n", "\n")


def is_mapped(process: int, part: str) -> bool:
    """Whether a process has loaded a library with that in its name."""
    try:
        return part in Path(f"/proc/{process}/maps").read_text()
    except OSError:
        return False
