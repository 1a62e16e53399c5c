# SPDX-License-Identifier: GPL-3.0-only
"""Backoff: when a log that failed is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

_FIRST = 60.0
_LONGEST = 3600.0


def compute_backoff(attempts: int, jitter: float | None = None, longest: float = _LONGEST) -> timedelta:
    """The pause after so many failures in a row: a minute, doubled each time up to an hour, and up to a quarter less,
    so that the logs of a storage element that comes back do not all fall on it at once.

    Args:
        attempts: 1 or more.
        longest: Seconds; an hour by default.
        jitter: 0 to 1, for tests; random by default.
    """
    share = random.random() if jitter is None else jitter  # noqa: S311 - spreads load, guards nothing
    seconds = min(_FIRST * 2 ** min(attempts - 1, 16), longest)
    return timedelta(seconds=seconds * (1 - share / 4))
