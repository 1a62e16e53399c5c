# SPDX-License-Identifier: GPL-3.0-only
"""The plugins of a VO share one process: it lasts as long as its slowest transfer, and the others use that time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable


class SharedTurn:
    """What the threads of a round know of each other. Each name is one thread's.

    A plugin takes no new log when the turn is over, unless another one is still at a log that it began within the turn:
    the process has to wait for that anyway, be it an hour. In the same way a plugin that has nothing to do looks again
    for as long as another one is at work.
    """

    def __init__(self, names: Iterable[str], turn_is_over: Callable[[], bool]) -> None:
        self._turn_is_over = turn_is_over
        self._lock = threading.Lock()
        self._at_work = set(names)
        self._began_in_turn: set[str] = set()

    def may_begin(self, name: str) -> bool:
        """Whether a plugin may take a new log; if so, it is at work until :meth:`ended`."""
        with self._lock:
            self._began_in_turn.discard(name)
            if self._turn_is_over():
                if not self._began_in_turn:
                    return False
            else:
                self._began_in_turn.add(name)
            self._at_work.add(name)
            return True

    def ended(self, name: str) -> None:
        """A plugin has nothing to do, or will do no more."""
        with self._lock:
            self._began_in_turn.discard(name)
            self._at_work.discard(name)

    def others_at_work(self, name: str) -> bool:
        """Whether another plugin is at work, so that the process goes on."""
        with self._lock:
            return bool(self._at_work - {name})
