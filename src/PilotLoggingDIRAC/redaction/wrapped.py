# SPDX-License-Identifier: GPL-3.0-only
"""A proxy or private key in base64 as a whole, on one line or wrapped, and the further lines of a wrapped JWT."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from .spans import HEADER, Span, Text

_PEM = b"LS0tLS1CRUdJTi"
"""``-----BEGIN `` in base64."""

# "PRIVATE KEY" in base64, at each of the three places it can have in four characters.
_KEY = re.compile(
    b"|".join(base64.b64encode(b"x" * shift + b"PRIVATE KEY")[shift and shift + 1 : -4] for shift in range(3))
)
_WHOLE = re.compile(rb"LS0t(?:LS0t|LS0=|LS0K|LQ==|LQo=|Cg==)?\Z")
# With a border in front, so that no letter is read twice.
_JWT = re.compile(rb"eyJ(?<![A-Za-z0-9_.\-]eyJ)[A-Za-z0-9_.\-]{37}[A-Za-z0-9_.\-]*+(?=\r?\n)")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*+={0,2}")
_FRONT = rb"\r?\n(?:" + HEADER + rb")?[>|+*# \t]{0,64}"
_FURTHER = re.compile(_FRONT + rb"([A-Za-z0-9+/]{1,4096}+={0,2})(?=\r?\n|\Z)")
_FURTHER_OF_JWT = re.compile(_FRONT + rb"([A-Za-z0-9_.\-]{1,4096}+)(?=\r?\n|\Z)")
_MIXED = re.compile(rb"(?=[^A-Z]*[A-Z])[^a-z]*[a-z]")
_LEAST = 20
_LINES = 400


def find(text: Text) -> Iterator[Span]:
    """What is found on the lines of this text; a wrapped secret's lines in the next message are not known as such."""
    raw = text.raw
    at = raw.find(_PEM)
    while at >= 0:
        first = _BASE64.match(raw, at)
        assert first
        lines = [first.span(), *_further_lines(raw, first.end(), _FURTHER)]
        end = lines[-1][1]
        whole = b"".join(raw[start:stop] for start, stop in lines)
        # At the end of a message it is a proxy until it turns out to be a certificate and no more.
        if _KEY.search(whole) or text.is_open(end) or (end + 2 >= len(raw) and not _WHOLE.search(whole)):
            for start, stop in lines:
                yield Span(start, stop, "token" if text.is_open(stop) else "")
        at = raw.find(_PEM, end)
    done = 0
    for begun in _JWT.finditer(raw):
        if begun.start() < done:
            continue  # so the work stays in proportion to the length of the text
        dots = begun[0].count(b".")
        for number, (start, stop) in enumerate(_further_lines(raw, begun.end(), _FURTHER_OF_JWT)):
            # Behind its last dot a word of the text could follow: a line of a signature has letters of both kinds.
            if dots >= 2 and (not number or not _MIXED.match(raw, start, stop) or b"." in raw[start:stop]):
                break
            dots += raw.count(b".", start, stop)
            done = stop
            yield Span(start, stop, "token" if text.is_open(stop) else "")


def _further_lines(raw: bytes, end: int, further_line: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """The lines behind this one that have nothing but such letters; the last of them may be shorter than the rest."""
    width = 0
    for _ in range(_LINES):
        further = further_line.match(raw, end)
        if not further or (not width and len(further[1]) < _LEAST) or (width and len(further[1]) > width):
            return
        yield further.span(1)
        if width and len(further[1]) < width:
            return
        width, end = len(further[1]), further.end(1)
