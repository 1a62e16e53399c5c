# SPDX-License-Identifier: GPL-3.0-only
"""Memory of closed connections goes back to the operating system.

The C library keeps what it has once got, for the next time: after a storm of connections a collector would look as if
they were still there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_WORTH = 200
"""Connections fewer than there were: each takes some 30 kB."""


class MemoryReturn:
    """Gives memory back when much of it is free.

    Args:
        count: How many connections there are now.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._most = 0
        try:
            self._trim: Callable[[int], int] | None = ctypes.CDLL(None).malloc_trim  # the GNU C library's
        except (AttributeError, OSError):
            self._trim = None

    def look(self) -> None:
        """To be called now and then. It takes some milliseconds where there is something to give back."""
        count = self._count()
        self._most = max(self._most, count)
        if self._trim is not None and self._most - count >= _WORTH:
            self._most = count
            self._trim(0)
