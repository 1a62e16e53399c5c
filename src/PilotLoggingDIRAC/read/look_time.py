# SPDX-License-Identifier: GPL-3.0-only
"""How long one call may look through text, whatever it looks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import Rejected

_LONGEST_MATCH = 10.0
"""Seconds that an expression may take for a single line. It goes on from line to line, so one that takes longer would
never come past it."""


class TimeIsOver(Exception):
    """The call has to end; :attr:`LookTime.line` is where the next one goes on."""


class LookTime:
    """The time of one call. It is looked at between small pieces of work: between lines, and within a long one.

    A call always comes past one line, so that the next one goes on from another place.

    Attributes:
        line: That is looked at now: the lines before it are done.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """It begins now."""
        self._clock = clock
        self._until = clock() + seconds
        self._matching = 0.0
        self.line = 0
        self._progressed = False

    @property
    def is_over(self) -> bool:
        return self._clock() > self._until

    def come_to(self, line: int, progressed: bool) -> None:
        """Look at a line from now on.

        Args:
            line: Its number.
            progressed: Whether the call may end before this line.
        """
        if line != self.line:
            self.line, self._matching = line, 0.0
        self._progressed = progressed

    @contextmanager
    def match(self) -> Iterator[None]:
        """Around each piece of an expression's work.

        Raises:
            TimeIsOver: And the call may end.
            Rejected: The expression is too slow for one line alone.
        """
        begun = self._clock()
        if self._progressed and begun > self._until:
            raise TimeIsOver
        if self._matching > _LONGEST_MATCH:
            raise Rejected(
                f"The regex is too slow: after {_LONGEST_MATCH:g} s it had not come past line {self.line}. "
                "Use fewer or smaller repetitions.",
                reason="too slow",
            )
        yield
        self._matching += self._clock() - begun
