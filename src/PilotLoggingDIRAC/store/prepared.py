# SPDX-License-Identifier: GPL-3.0-only
"""What is made of a message's text before the transaction that stores it, which is then short whatever the text is.

How a text is stored depends on what its log has seen before, and only the transaction knows that. So it is made for
what is most likely (all of it is new, and the message before it ended with a line), and the transaction uses it where
that is so. Where it is not, a short text is made anew there, and a long one is put off: it is made outside for what the
transaction has found, and tried again with the next one. A very long one is put off first, so that what is sent again
costs nothing.
"""

from __future__ import annotations

import time

from ..model import Append
from .look_through import LONGEST, PIECE, LookThrough, Stored, look_through_short

_VERY_LONG = 16 * PIECE
_TRIES = 8
"""So often a message is put off: somebody else writes to the same log each time."""
_WITHIN = 0.05
"""Seconds that a transaction has for the texts that it makes anew; at the last try, of one text."""


_LIKELY = (0, "")
"""The case that is expected first: all of the text is new, and nothing was left for it."""


class PutOff(Exception):
    """A message is not stored with this transaction, and has changed nothing: it comes with the next one."""


class Prepared:
    """A message, and what is stored of it in each case that was expected."""

    __slots__ = ("_case", "_forms", "_longest", "_looking", "_tries", "append")

    def __init__(self, append: Append, longest: float = LONGEST, tries: int = _TRIES) -> None:
        """Nothing is made yet.

        Args:
            append: The message.
            longest: Seconds of processor time for its text.
            tries: How often it may be put off.
        """
        self.append = append
        self._longest = longest
        self._tries = tries
        self._forms: dict[tuple[int, str], Stored] = {}
        self._case = _LIKELY
        self._looking: LookThrough | None = None

    def go_on(self) -> bool:
        """One piece of what is to be done before the transaction; True once there is no more."""
        if self._looking is None:
            data = self.append.data
            if self._case in self._forms or not data or (len(data) > _VERY_LONG and self._tries == _TRIES):
                return True
            if self._case is _LIKELY and len(data) <= PIECE:
                try:
                    self._forms[_LIKELY] = look_through_short(self.append.rules.redactor, data, "")
                    return True
                except Exception:  # the long way says what is wrong, and leaves the text out
                    self._looking = self._look_through(0, "", self._longest)
            else:
                self._looking = self._look_through(*self._case, self._longest)
        stored = self._looking.go_on()
        if stored is None:
            return False
        self._forms[self._case], self._looking = stored, None
        return True

    def get(self, start: int, carry: str) -> Stored | None:
        """What is stored of the text from ``start`` on behind a message that left this carry; None if not made yet."""
        return self._forms.get((start, carry))

    def within(self, start: int, carry: str, time_left: TimeLeft) -> Stored:
        """The same, made in the middle of the transaction if need be.

        Raises:
            PutOff: It is too long, or the transaction has no time left for it.
        """
        if stored := self._forms.get((start, carry)):
            return stored
        short = len(self.append.data) - start <= PIECE and time_left.seconds > 0
        if not short and self._tries:
            self._tries -= 1
            self._case = (start, carry)
            raise PutOff
        begun = time.monotonic()
        stored = self._look_through(start, carry, min(self._longest, _WITHIN)).finish()
        self._forms[start, carry] = stored
        time_left.seconds -= time.monotonic() - begun
        return stored

    def _look_through(self, start: int, carry: str, longest: float) -> LookThrough:
        return LookThrough(self.append.rules.redactor, self.append.data[start:], carry, longest)


class TimeLeft:
    """What one transaction may still spend on texts."""

    def __init__(self) -> None:
        self.seconds = _WITHIN
