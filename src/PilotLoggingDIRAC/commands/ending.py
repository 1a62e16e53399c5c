# SPDX-License-Identifier: GPL-3.0-only
"""How each of our commands ends: an exit code, and one sentence where something is wrong."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from DIRAC import exit as DIRACExit
from DIRAC.Core.Base.Script import Script

from ..errors import PilotLoggingError
from ..text import escape_controls
from .interrupts import die_of_interrupt
from .output import Output
from .start import connect

WRONG_USE = 2
"""The exit code of a command that was called wrongly."""


def fail_use(sentence: str) -> NoReturn:
    """End a command that was called wrongly."""
    say(sentence)
    DIRACExit(WRONG_USE)
    raise AssertionError("the process has ended")


def say(sentence: str) -> None:
    """A sentence for the person who has called the command, beside its output. Of several lines all but the first are
    indented, so that what somebody else wrote does not look like another sentence of ours."""
    first, *others = escape_controls(sentence).split("\n")
    indented = [f"\n  {line.lstrip()}" for line in others if line.strip()]
    print(f"{Script.scriptName}: {first}{''.join(indented)}", file=sys.stderr, flush=True)


def run(work: Callable[[], int], output: Output | None = None, seen_enough: int = 0) -> NoReturn:
    """Do a command's work and end with the exit code that it gives: 1 with one sentence where it fails; at Ctrl-C by
    the signal itself, when all is in order.

    Args:
        output: Through which it writes.
        seen_enough: The exit code where its reader or pager has gone.
    """
    interrupted = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            connect()
            code = work()
        except PilotLoggingError as error:
            say(str(error))
            code = 1
    except BrokenPipeError:
        code = seen_enough
        if output is None or not output.terminal:
            # Nothing more can be said to anyone.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    except KeyboardInterrupt:
        interrupted, code = True, 0
    if output is not None:
        output.close()
    if interrupted:
        die_of_interrupt()
    DIRACExit(code)
    raise AssertionError("the process has ended")
