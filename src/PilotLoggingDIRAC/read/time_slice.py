# SPDX-License-Identifier: GPL-3.0-only
"""Long scans of text, in time slices with pauses in between.

Python runs one thread at a time. Pilots wait for acknowledgements, and a thread that looks through a large log holds
each of them up whenever it has its turn; so it works for about a millisecond, and leaves the others some time. All such
threads of a process together work no more than one would.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SLICE = 2**15
"""Bytes of text that are looked at in one go: about a millisecond of Python."""
_PAUSE = 0.0005
"""Seconds. Long enough for a waiting thread to take its turn."""

_turn = threading.Lock()


@contextmanager
def time_slice() -> Iterator[None]:
    """Around each slice."""
    with _turn:
        yield
    pause()


def pause() -> None:
    """Leave the others some time, after work that needs no turn."""
    time.sleep(_PAUSE)
