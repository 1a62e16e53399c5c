# SPDX-License-Identifier: GPL-3.0-only
"""Imported by each command before anything else: Ctrl-C ends it as it ends git.

DIRAC takes a second to import. Python would answer Ctrl-C with a traceback then, and later too wherever nobody expects
it. So the process just dies of the signal, which the shell says as exit code 130, until there is something to put in
order first: :func:`.ending.run`.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import NoReturn

_COMMANDS = "dirac-pilot-logs-"


def die_of_interrupt() -> NoReturn:
    """End as Ctrl-C ends a program that takes no notice of it: a shell's loop ends too."""
    sys.stderr.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)
    raise AssertionError("the process has ended")


# Only in a command's own process, and not where its parent has it pass over the signal (nohup, a shell's &).
if (
    Path(sys.argv[0]).name.replace("_", "-").startswith(_COMMANDS)
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
