# SPDX-License-Identifier: GPL-3.0-only
"""How many lines a text has, and how many warnings and errors; nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

import re2

from .header import HEADER, Level, level_of

_HEADER = re.compile(b"^" + HEADER, re.MULTILINE)
_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
# Most messages of a pilot have no such line, and RE2 finds that out in one pass, as fast as memory is read.
_LOUD_LINE = re2.compile(
    rb"(?m)^[^\n]*?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[^\n]*?(?:WARN|ERROR|FATAL|CRITICAL|EXCEPT)",
    _BYTES,
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one piece of text adds to the figures of its log: ended lines, and headers of that level."""

    lines: int
    warnings: int
    errors: int


def count(data: bytes) -> Counts:
    """Count ended lines, and the warnings and errors by the headers at the beginning of lines."""
    levels = dict.fromkeys(Level, 0)
    if _LOUD_LINE.search(data):
        for header in _HEADER.finditer(data):
            levels[level_of(header[2] or header[5])] += 1
    return Counts(data.count(b"\n"), levels[Level.WARN], levels[Level.ERROR])
