# SPDX-License-Identifier: GPL-3.0-only
"""What somebody most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def guess(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name that is most like a given one, in any case; empty where none is."""
    lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=cutoff)
    return lower[near[0]] if near else ""


def those_there(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known: which one it may be, or which there are."""
    names = sorted(known)
    if near := guess(name, names, 0.75):
        return f"is it {near}? There are: {', '.join(names)}."
    return f"there are: {', '.join(names)}." if names else "there is none at all."
