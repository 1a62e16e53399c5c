# SPDX-License-Identifier: GPL-3.0-only
"""What the finders of secrets look at, and how they say what they found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

MARK = b"[redacted]"
"""What stands in the place of a secret."""

# What a pilot, its wrapper or a DIRAC program writes in front of a line.
HEADER = (
    rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.,][0-9]{1,6}Z[ ]{1,4}\w{1,16}[ ]{1,8}\[[^\]\r\n]{0,64}\][ ]"
    rb"|[0-9]{4}-[0-9]{2}-[0-9]{2}[ ][0-9:]{8}[ ]UTC[ ][^\s]{1,80}[ ]\w{1,16}:[ ])"
)


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a log.

    Attributes:
        raw: The bytes as they came, behind the carried beginning of their first line.
        lower: The same in lower case (ASCII), byte for byte at the same place.
        unfinished: Its last line may go on in the next message.
    """

    raw: bytes
    lower: bytes
    unfinished: bool

    @classmethod
    def of(cls, raw: bytes) -> Text:
        return cls(raw, raw.lower(), not raw.endswith(b"\n"))

    def is_open(self, end: int) -> bool:
        """Whether what ends here may go on in the next message."""
        return self.unfinished and end == len(self.raw)


class Span(NamedTuple):
    """A secret, ``raw[start:end]``; never with a line end in it.

    Attributes:
        ending: Name of the one of :data:`ENDINGS` that a secret at the end of an unfinished text goes on with.
    """

    start: int
    end: int
    ending: str = ""


# Groups are repeated with a bound and not possessively: where a possessive one fails half-way, Python before 3.11.5
# goes on behind what it had taken, and each repeat of another one takes memory. Nobody's secret has so many pieces.
_DOUBLE = rb"[^\"\\\r\n\0]*+(?:\\[^\r\n\0][^\"\\\r\n\0]*+){0,20000}\\?+"
_SINGLE = rb"[^'\\\r\n\0]*+(?:\\[^\r\n\0][^'\\\r\n\0]*+){0,20000}\\?+"

# How far a secret goes that has begun. NUL ends all: it stands between the variables of /proc/.../environ.
ENDINGS = {
    "line": re.compile(rb"[^\r\n\0]*+"),
    "header": re.compile(rb"[^\"'\r\n\0]*+"),
    "double": re.compile(_DOUBLE),
    "single": re.compile(_SINGLE),
    # The same behind a backslash at the end of the message before: what it escapes comes first.
    "double escaped": re.compile(rb"[^\r\n\0]?" + _DOUBLE),
    "single escaped": re.compile(rb"[^\r\n\0]?" + _SINGLE),
    # Between \" and \": a string in a string.
    "inner double": re.compile(rb"[^\"\\\r\n\0]*+(?:\\++(?!\")[^\"\\\r\n\0]*+){0,20000}"),
    "inner single": re.compile(rb"[^'\\\r\n\0]*+(?:\\++(?!')[^'\\\r\n\0]*+){0,20000}"),
    "userinfo": re.compile(rb"[^\s/?#\"'<>@\0]*+"),
    "element": re.compile(rb"[^<\r\n\0]*+"),
    "list": re.compile(rb"[^\]\r\n\0]*+"),
    "argument": re.compile(rb"[^\s\"'`\0]*+"),
    # A comma or semicolon belongs to a word unless it separates it from something else.
    "word": re.compile(
        rb"[^\s\"'`<>&,;\0]*+(?:[,;](?!\s|[\"'`<>&\0]|[\w.\-]{1,40}+[=:]|\Z)[^\s\"'`<>&,;\0]*+){0,20000}"
    ),
    "token": re.compile(rb"[A-Za-z0-9._~+/=%\-]*+"),
}
"""In the order of how much they take."""


def span(text: Text, start: int, ending: str) -> Span:
    """The secret that begins at ``start`` and goes as far as an ending of this name does."""
    matched = ENDINGS[ending].match(text.raw, start)
    end = matched.end() if matched else start
    if not text.is_open(end):
        return Span(start, end)
    backslashes = end - start - len(text.raw[start:end].rstrip(b"\\"))
    if ending in ("double", "single") and backslashes % 2:
        ending += " escaped"
    return Span(start, end, ending)


def beginning_at(text: Text, places: Iterable[int], ending: str) -> Iterator[Span]:
    """The secrets that begin at these places, which are in order."""
    done = 0
    for start in places:
        # Going on behind the secret keeps the work in proportion to the length of the text.
        if start >= done:
            found = span(text, start, ending)
            done = found.end
            if found.end > found.start:
                yield found
