# SPDX-License-Identifier: GPL-3.0-only
"""Regular expressions of readers, in bounded memory and in pieces of bounded work.

RE2 takes time that grows with the text, but for each byte up to as many steps as the expression has: ``.{1000}y`` runs
at 100 kB a second. So the larger an expression is, the smaller are the pieces of text that it gets at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import Rejected, Unavailable
from .look_time import LookTime

_MEMORY = 1 << 20
"""Bytes that RE2 may take for an expression and what it remembers while it runs."""
_LARGEST = 10_000
"""Steps of the compiled expression: ``\\pL{8}`` has so many."""
_WORK = 20_000_000
"""Steps times bytes that are done at once: 0.2 s at the slowest that was measured (10 ns each)."""
_LEAST_PIECE = 2**13
_OVERLAP = 2**11
"""Bytes of a piece that are in the next one too: a text of 500 characters is within one of them."""


class Expression:
    """Finds out whether an expression matches somewhere. Serves all threads.

    Args:
        name: For sentences: "regex".
        literal: What is looked for is a text.

    Attributes:
        piece: Bytes that it gets at once.

    Raises:
        Rejected: It is none of RE2's, or too large.
        Unavailable: There is no RE2.
    """

    def __init__(self, name: str, pattern: str, ignore_case: bool, literal: bool = False) -> None:
        self._compiled = _compile(name, pattern, ignore_case, literal)
        size = max(self._compiled.programsize, self._compiled.reverseprogramsize)
        if size > _LARGEST:
            raise Rejected(
                f"The {name} is too large: compiled it has {size} steps, {_LARGEST} at most are taken. "
                "Use fewer or smaller repetitions."
            )
        self.piece = max(_WORK // max(size, 1), _LEAST_PIECE)

    def is_in(self, data: bytes, time: LookTime) -> bool:
        """Whether it matches. Of a text that is longer than one piece of work, a match is found that is not longer than
        :data:`_OVERLAP`, or that is within a piece.

        Raises:
            TimeIsOver, Rejected: See :meth:`.look_time.LookTime.match`.
        """
        for begin, end in self._pieces(len(data)):
            with time.match():
                # Places instead of a part: so the beginning of a piece is not taken for that of a line.
                found = self._compiled.search(data, begin, end)
            if found is not None:
                return True
        return False

    def _pieces(self, size: int) -> Iterator[tuple[int, int]]:
        begin = 0
        while begin + self.piece < size:
            yield begin, begin + self.piece
            begin += self.piece - _OVERLAP
        yield begin, size


def _compile(name: str, pattern: str, ignore_case: bool, literal: bool) -> Any:
    try:
        import re2
    except ImportError as error:
        raise Unavailable("To search by patterns the collector needs RE2: pip install google-re2.") from error
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.literal = literal
    options.case_sensitive = not ignore_case
    options.never_capture = True
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise Rejected(f"The {name} is not a regular expression of RE2: {ascii(reason)[1:-1][:200]}.") from error
    except UnicodeEncodeError as error:
        raise Rejected(f"The {name} has characters that are not valid Unicode.") from error
    finally:
        # It would keep 128 of them, with all that they remember.
        re2.purge()
    return compiled
