# SPDX-License-Identifier: GPL-3.0-only
"""How many lines a text has, and messages of each level; nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

import re2

from .header import HEADER, Level, level_of

_HEADER = re.compile(rb"^" + HEADER, re.MULTILINE)
_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
_LOUD = re2.compile(rb"WARN|ERROR|FATAL|CRITICAL|EXCEPT", _BYTES)  # looks for all of them at once, which re does not


def tally(text: bytes) -> dict[Level, int]:
    """Messages by level, by the headers at the beginning of lines."""
    counts = dict.fromkeys(Level, 0)
    for _, level, _, _, its_level, _ in _HEADER.findall(text):
        counts[level_of(level or its_level)] += 1
    return counts


def may_be_loud(text: bytes) -> bool:
    """Whether a text may have a warning or an error: most messages of a pilot have none, and this is quick."""
    return _LOUD.search(text) is not None


@dataclass(frozen=True, slots=True)
class Counts:
    """What one piece of text adds to the figures of its log: ended lines, and headers of that level."""

    lines: int
    warnings: int
    errors: int


def count(data: bytes) -> Counts:
    """Count ended lines, and the warnings and errors by their headers."""
    levels = tally(data) if may_be_loud(data) else {}
    return Counts(data.count(b"\n"), levels.get(Level.WARN, 0), levels.get(Level.ERROR, 0))
