# SPDX-License-Identifier: GPL-3.0-only
"""Fair scheduling: how the VOs share the agent's slots, so that slow storage of one holds up no other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class FairScheduler:
    """The order in which VOs are served, and how many at once.

    - A turn is a length of time. When it is over, the VO's process begins no new log; a transfer that runs goes on.
    - Who was served longest ago comes next; who has never been, first of all.
    - So many *places* are for processes within their turn. One whose turn is over, but not its transfer, gives its
      place free: storage that hangs cannot take all places away. There are never more than twice as many processes.
    - The last place of all is kept from VOs that needed their whole turn, or more, the last time: slow storage, or a
      large backlog. Those whose work is done in less than a turn find it free.

    With 4 places and 6 slow VOs (30 s a call, turns of 60 s): at most 3 of them have a place, each comes round every
    other minute or so, and a quick VO begins at once. When nobody is known yet, as after the agent's start, slow ones
    may hold all 4; then a quick one waits for one turn at most. Only when nearly twice as many processes as places
    hang at the same moment do VOs wait longer, until ``WorkerTime`` ends one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: set[str] = set()
        self._begun: dict[str, float] = {}
        self._served: dict[str, float] = {}
        self._slow: set[str] = set()

    def __bool__(self) -> bool:
        """Whether anybody waits or is served."""
        return bool(self._waiting or self._begun)

    @property
    def waiting(self) -> frozenset[str]:
        return frozenset(self._waiting)

    def wait(self, vo: str) -> None:
        """A VO has something to be done. It may be said again, also while the VO is served."""
        self._waiting.add(vo)

    def leave(self, vo: str) -> None:
        """A VO has nothing to be done after all."""
        self._waiting.discard(vo)

    def next(self, places: int, turn: float) -> str | None:
        """Let the next VO begin, if there is one and a place for it.

        Args:
            places: Processes that may be within their turn at once.
            turn: Seconds.
        """
        now = self._clock()
        places = max(1, places)
        within = sum(now - begun <= turn for begun in self._begun.values())
        for vo in sorted(self._waiting - self._begun.keys(), key=lambda vo: (self._served.get(vo, -math.inf), vo)):
            kept = 1 if vo in self._slow and places > 1 else 0
            if within < places - kept and len(self._begun) < 2 * places - kept:
                self._waiting.discard(vo)
                self._begun[vo] = now
                return vo
        return None

    def ended(self, vo: str, turn: float, unfinished: bool) -> None:
        """A VO's process has ended.

        Args:
            vo: The VO.
            turn: Seconds.
            unfinished: Whether it had more to do.
        """
        now = self._clock()
        if now - self._begun.pop(vo) > turn or unfinished:
            self._slow.add(vo)
        else:
            self._slow.discard(vo)
        self._served[vo] = now
