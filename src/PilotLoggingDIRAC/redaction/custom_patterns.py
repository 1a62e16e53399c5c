# SPDX-License-Identifier: GPL-3.0-only
"""What a VO adds: regular expressions from the configuration, which must not be able to hang the collector.

They run on RE2, whose time grows with the length of the text only. Python's ``re`` needs for some patterns a time that
grows exponentially.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .spans import Span, Text

LONGEST = 500
"""Characters of a pattern."""

_EACH_LINE = "(?m)"
_MEMORY = 1 << 20
_PIECE = 4096
_MATCHES_IN_PIECE = 50


class OwnPatterns:
    """The patterns of one VO, compiled."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """Raises:
        ValueError: A pattern is refused; one plain sentence that names it.
        """
        self._patterns = [_compiled(name, pattern) for name, pattern in patterns.items()]

    def find(self, text: Text) -> Iterator[Span]:
        """What they match, line by line; of a match the group ``secret`` if it has one."""
        for pattern in self._patterns:
            if pattern.search(text.raw):
                yield from _matches(pattern, text)


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
    return compiled


def _matches(pattern: Any, text: Text) -> Iterator[Span]:
    group = pattern.groupindex.get("secret", 0)
    for start, end in _pieces(text.raw):
        piece = text.raw[start:end]
        if not pattern.search(piece):
            continue
        for count, match in enumerate(pattern.finditer(piece)):
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
