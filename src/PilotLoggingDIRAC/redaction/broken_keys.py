# SPDX-License-Identifier: GPL-3.0-only
"""The end of a private key whose beginning is not in the log, as ``tail keyfile`` prints it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .private_keys import LINES, is_plainly_of_key, length_of_key
from .spans import Span, Text

_END = re.compile(rb"-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY")
_ESCAPED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\"
_SHORTEST = 4
_SHORTEST_ESCAPED = 24


def find(text: Text) -> Iterator[Span]:
    """Lines in front of ``-----END ... PRIVATE KEY`` that can only be of it; those of a whole key too."""
    raw, line_end = text.raw, -1
    for end in _END.finditer(raw):
        # Of several on one line the first counts, so the work stays in proportion to the length of the text.
        if end.start() < line_end:
            continue
        line_end = raw.find(b"\n", end.end())
        line_end = len(raw) if line_end < 0 else line_end
        begin = raw.rfind(b"\n", 0, end.start()) + 1
        front = raw[begin : end.start()]
        body = len(front) - len(front.rstrip(_ESCAPED))
        if body >= _SHORTEST_ESCAPED and b"-----" not in front:
            yield Span(end.start() - body, end.start())
        yield from _lines_before(raw, begin)


def _lines_before(raw: bytes, end: int) -> Iterator[Span]:
    for number in range(LINES):
        begin = raw.rfind(b"\n", 0, max(0, end - 1)) + 1
        line = raw[begin:end].rstrip()
        length = length_of_key(line, _SHORTEST)
        # The last line of a key may be a short one.
        if not length or b"-----" in line or not (is_plainly_of_key(line[-length:]) or not number):
            return
        yield Span(begin + len(line) - length, begin + len(line))
        end = begin
