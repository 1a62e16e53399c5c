"""How many messages of each level there are in a text; nothing else."""

from __future__ import annotations

import re

from .header import HEADER, Level, level_of

_HEADER = re.compile(rb"^" + HEADER, re.MULTILINE)
_LOUD = re.compile(rb"WARN|ERROR|FATAL|CRITICAL|EXCEPT")


def tally(text: bytes) -> dict[Level, int]:
    """Messages by level, by the headers at the beginning of lines."""
    counts = dict.fromkeys(Level, 0)
    for _, level, _, _, its_level, _ in _HEADER.findall(text):
        counts[level_of(level or its_level)] += 1
    return counts


def may_be_loud(text: bytes) -> bool:
    """Whether a text may have a warning or an error: most messages of a pilot have none, and this is quick."""
    return _LOUD.search(text) is not None
