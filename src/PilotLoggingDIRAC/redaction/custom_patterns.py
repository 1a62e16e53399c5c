# SPDX-License-Identifier: GPL-3.0-only
"""What a VO adds: regular expressions from the configuration, which must not be able to hang the collector.

They run on RE2, whose time grows with the length of the text times the size of the pattern, and no faster. Some need
in Python's ``re`` a time that grows exponentially. What is too much all the same ends with :class:`TooSlow`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from .spans import Span, Text

LONGEST = 500
"""Characters of a pattern."""
MOST = 20
"""Patterns of a VO."""
LARGEST = 5000
"""Steps of a pattern's program in RE2. ``[^x]{30}`` has some 300, and one repeat in another multiplies: looking for
``(([^x]{0,30}){0,30}y)|a``, of 9000, takes 100 microseconds a byte."""
MOST_SECONDS = 0.1
"""Of processor time for all patterns in one text. Usual ones need less than a millisecond for 32 kB."""

_SMALL = 500
"""Steps of a program that may look at all of a text at once; a larger one goes piece by piece."""
_EACH_LINE = "(?m)"
_MEMORY = 1 << 20
_PIECE = 4096
_MATCHES_IN_PIECE = 50


class TooSlow(Exception):
    """A VO's patterns take too long for a text, and have not looked at all of it."""


class OwnPatterns:
    """The patterns of one VO, compiled."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """Raises:
        ValueError: A pattern is refused, or there are too many; one plain sentence that says which or how many.
        """
        if len(patterns) > MOST:
            raise ValueError(f"There are {len(patterns)} patterns, and a VO may have {MOST}: join some with |.")
        self._patterns = [_compiled(name, pattern) for name, pattern in patterns.items()]

    def find(self, text: Text) -> Iterator[Span]:
        """What they match, line by line; of a match the group ``secret`` if it has one.

        Raises:
            TooSlow: They take longer than :data:`MOST_SECONDS`.
        """
        watch = _Watch()
        for pattern in self._patterns:
            if pattern.programsize > _SMALL or pattern.search(text.raw):
                yield from _matches(pattern, text, watch)
            watch.look()


class _Watch:
    """Ends what takes too long.

    The processor time counts, so that a busy machine costs nobody text. To ask for it is slow on some machines, so that
    is begun only once as much time has passed by the wall clock.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._used_before: float | None = None

    def look(self) -> None:
        """Raises:
        TooSlow: The time is over.
        """
        if time.monotonic() - self._begun < MOST_SECONDS:
            return
        if self._used_before is None:
            self._used_before = time.thread_time()
        elif time.thread_time() - self._used_before >= MOST_SECONDS:
            raise TooSlow("The VO's patterns for redaction (Pilot/Redaction) take too long for it.")


def _compiled(name: str, pattern: str) -> Any:
    try:
        import re2
    except ImportError as error:
        raise ValueError("Patterns of a VO need RE2, which is not installed: pip install google-re2.") from error
    if len(pattern) > LONGEST:
        raise ValueError(f"{name} has {len(pattern)} characters and may have {LONGEST}.")
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_nl = True
    try:
        compiled = re2.compile(_EACH_LINE + pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        reason = str(reason).replace(_EACH_LINE, "")
        raise ValueError(f"{name} is not a regular expression of RE2: {reason}.") from error
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} has characters that are not valid Unicode.") from error
    if compiled.search(b""):
        raise ValueError(f"{name} matches the empty string, so it would redact everything.")
    if compiled.programsize > LARGEST:
        raise ValueError(
            f"{name} makes a program of {compiled.programsize} steps in RE2, and may make one of {LARGEST}: "
            "repeat less often, or without a number (* or +)."
        )
    return compiled


def _matches(pattern: Any, text: Text, watch: _Watch) -> Iterator[Span]:
    group = pattern.groupindex.get("secret", 0)
    for start, end in _pieces(text.raw):
        watch.look()
        piece = text.raw[start:end]
        if not pattern.search(piece):
            continue
        for count, match in enumerate(pattern.finditer(piece)):
            watch.look()
            first, last = match.span(group)
            if count == _MATCHES_IN_PIECE:
                # Each match may read the piece to its end, so their number is what keeps the work bounded.
                yield Span(start + max(first, 0), end, _ending(text, end))
                break
            if 0 <= first < last:
                yield Span(start + first, start + last, _ending(text, start + last))


def _ending(text: Text, end: int) -> str:
    return "word" if text.is_open(end) else ""


def _pieces(raw: bytes) -> Iterator[tuple[int, int]]:
    """The lines without their ends, long ones in pieces."""
    start = 0
    while start < len(raw):
        end = raw.find(b"\n", start)
        end = len(raw) if end < 0 else end
        for begin in range(start, end, _PIECE):
            yield begin, min(begin + _PIECE, end)
        start = end + 1
