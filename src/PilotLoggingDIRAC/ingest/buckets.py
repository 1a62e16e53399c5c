# SPDX-License-Identifier: GPL-3.0-only
"""What may be used of a rate: some units a second, and what was not used before."""

from __future__ import annotations

from collections.abc import Callable

BURST_SECONDS = 10.0
"""What was not used is saved up for so long: pilots that start together are no trouble."""


class TokenBucket:
    """So many units a second, and ten seconds' worth at once. Not safe for several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: float | None = None
        self._looked = 0.0

    def refused(self, rate: float, reserve: float = 0.0) -> bool:
        """Whether it is used up but for the reserve. A rate of 0 allows everything.

        Args:
            rate: Units a second by which it fills.
            reserve: Part of what can be saved up.
        """
        now = self._clock()
        most = rate * BURST_SECONDS
        self._left = most if self._left is None else min(self._left + (now - self._looked) * rate, most)
        self._looked = now
        return rate > 0 and self._left <= reserve * most

    def take(self, units: float) -> None:
        """Use some, even if there is less: a message is not taken in parts."""
        if self._left is not None:
            self._left -= units


class Buckets:
    """Messages and text of a VO, or of one of its logs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.messages, self.text = TokenBucket(clock), TokenBucket(clock)

    def take(self, size: int) -> None:
        """Use up one message of so many bytes."""
        self.messages.take(1)
        self.text.take(size)
