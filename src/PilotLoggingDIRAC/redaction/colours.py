# SPDX-License-Identifier: GPL-3.0-only
"""A terminal's colours: secrets are looked for in the text without them, and taken out of the text with them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from .spans import Span

ESCAPE = b"\x1b"
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}[@-~]|\][^\x07\x1b\r\n\0]{0,256}(?:\x07|\x1b\\)|[()][0-9AB]|[=>78cDEHMNOZ])"
)
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}|\][^\x07\x1b\r\n\0]{0,256}|[()])?\Z")


class Colourless:
    """A text without its escape sequences, and where each of its bytes was.

    Attributes:
        plain: The text without them, also without the beginning of one at its end.
    """

    def __init__(self, raw: bytes) -> None:
        pieces: list[bytes] = []
        self._places, self._shifts = [0], [0]
        done = length = 0
        sequences = [found.span() for found in _SEQUENCE.finditer(raw)]
        if cut := _UNFINISHED.search(raw, max(sequences[-1][1] if sequences else 0, len(raw) - 260)):
            sequences.append(cut.span())
        for start, end in sequences:
            pieces.append(raw[done:start])
            length += start - done
            done = end
            self._places.append(length)
            self._shifts.append(end - length)
        pieces.append(raw[done:])
        self.plain = b"".join(pieces)

    def end(self, place: int) -> int:
        """Where a piece of the plain text ends in the original one; what colours the text behind it stays."""
        return self._original(place - 1) + 1 if place else 0

    def spans(self, found: Iterable[Span]) -> list[Span]:
        """Secrets of the plain text as places of the original one."""
        return [Span(self._original(span.start), self.end(span.end), span.ending) for span in found]

    def _original(self, place: int) -> int:
        return place + self._shifts[bisect_right(self._places, place) - 1]


def without(text: bytes) -> bytes:
    """The text without its escape sequences, but with the beginning of one at its end."""
    return _SEQUENCE.sub(b"", text) if ESCAPE in text else text
