# SPDX-License-Identifier: GPL-3.0-only
"""Circuit breaker: storage that is down is tried with one log after each pause, until it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from .archive_round import FAILURE_THRESHOLD
from .backoff import compute_backoff

_LONGEST_PAUSE = 300.0
"""Seconds. Storage that is back is noticed after so long at the latest; in a day it is asked some 300 times."""


@dataclass(slots=True)
class _OpenBreaker:
    rounds: int
    until: float


class CircuitBreakers:
    """The plugins of all VOs that were down when they were last tried; the agent's memory, lost when it ends.

    A plugin that fails with log after log ends its round (see :class:`~.outcome.Round`). Then it has a pause of
    1, 2, 4, 5, 5 ... minutes, in which no log of the VO is carried to it, and no log's own pause grows. Behind each it
    is tried with one log: if that works, the round goes on with all others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[tuple[str, str], _OpenBreaker] = {}

    def thresholds(self, vo: str, plugins: Iterable[str]) -> dict[str, int]:
        """Those plugins of a VO that may be tried now, and with how many failures in a row they are down again."""
        now = self._clock()
        known = {plugin: self._open.get((vo, plugin)) for plugin in plugins}
        return {
            plugin: 1 if breaker else FAILURE_THRESHOLD
            for plugin, breaker in known.items()
            if breaker is None or breaker.until <= now
        }

    def note(self, vo: str, works: Collection[str], down: Collection[str]) -> None:
        """Take in what a round has found out."""
        for plugin in set(works) - set(down):
            self._open.pop((vo, plugin), None)
        for plugin in down:
            before = self._open.get((vo, plugin))
            rounds = 1 if before is None or plugin in works else before.rounds + 1
            pause = compute_backoff(rounds, longest=_LONGEST_PAUSE).total_seconds()
            self._open[vo, plugin] = _OpenBreaker(rounds, self._clock() + pause)
