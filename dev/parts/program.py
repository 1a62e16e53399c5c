# SPDX-License-Identifier: GPL-3.0-only
"""How the programs of dev/ begin and end."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from . import lifecycle
from .failure import Failure

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    name: str,
    work: Callable[[], int | None],
    *also: type[Exception],
    failing: str = "FAILED: ",
    code: int = 1,
) -> int:
    """Do a program's work; what fails is one sentence, and SIGTERM ends it as Ctrl-C does.

    Args:
        also: failures besides Failure and OSError
        failing: what stands before that sentence
        code: of a failure

    Returns:
        the exit code: that of the work, or 0
    """
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        return work() or 0
    except (Failure, OSError, *also) as failure:
        print(f"{name}: {failing}{failure}", file=sys.stderr)
        return code
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder that is gone after the block, with all stacks in it or directly below."""
    folder = Path(tempfile.mkdtemp(prefix=f"pilotlogging-{name}-"))
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """End all stacks in a folder or directly below, and remove it; no second Ctrl-C leaves processes behind."""
    refuse_signals()
    for stack in (*folder.glob("stack.json"), *folder.glob("*/stack.json")):
        lifecycle.down(stack.parent)
    shutil.rmtree(folder, ignore_errors=True)


def refuse_signals() -> None:
    """From now on nobody interrupts what has to be brought to its end."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
