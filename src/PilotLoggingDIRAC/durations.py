# SPDX-License-Identifier: GPL-3.0-only
"""How long something takes, as people write it: the same in the Configuration Service and in the commands' switches."""

from __future__ import annotations

import re
from itertools import pairwise

ACCEPTED = "a duration such as 90, 45s, 30m, 3h, 1d, 2w or 1d12h"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LONGEST = 100 * 365 * 86400.0
"""Nothing sensible is longer, and no calendar overflows below."""
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = re.compile(rf"\s*({_NUMBER})\s*([smhdw])")
_ALONE = re.compile(rf"\s*({_NUMBER})\s*")
_ALL = re.compile(rf"(?:\s*{_NUMBER}\s*[smhdw])+\s*")


def parse_duration(text: str, unit: str = "s") -> float:
    """Seconds.

    Args:
        text: A number, or numbers each with one of s, m, h, d and w, in any case, the largest first and none twice.
        unit: Of a number that stands alone.

    Raises:
        ValueError: It is none; the message says what is.
    """
    alone = _ALONE.fullmatch(text)
    lowered = text.lower()
    if alone:
        seconds = float(alone[1]) * _SECONDS[unit]
    elif _ALL.fullmatch(lowered):
        parts = _PART.findall(lowered)
        units = [_SECONDS[name] for _, name in parts]
        if any(after >= before for before, after in pairwise(units)):
            raise ValueError(ACCEPTED)
        seconds = sum(float(number) * factor for (number, _), factor in zip(parts, units, strict=True))
    else:
        raise ValueError(ACCEPTED)
    if seconds > _LONGEST:
        raise ValueError(ACCEPTED)
    return seconds
