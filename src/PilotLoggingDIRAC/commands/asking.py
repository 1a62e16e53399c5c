# SPDX-License-Identifier: GPL-3.0-only
"""A question before something is done that cannot be undone."""

from __future__ import annotations

import sys
from pathlib import Path

from ..text import escape_controls
from .ending import say


def agreed(question: str) -> bool:
    """Whether the person at the terminal says yes; also where standard input is something else, such as a secret."""
    prompt = escape_controls(f"{question} [y/N] ")
    if sys.stdin.isatty():
        print(prompt, end="", file=sys.stderr, flush=True)
        return _is_yes(sys.stdin.readline())
    try:
        with Path("/dev/tty").open("r+b", buffering=0) as terminal:
            terminal.write(prompt.encode())
            return _is_yes(terminal.readline().decode("utf-8", "replace"))
    except OSError:
        say("nobody is here to be asked; give --yes")
        return False


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")
