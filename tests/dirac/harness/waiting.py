# SPDX-License-Identifier: GPL-3.0-only
"""Waiting for something to happen elsewhere, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that nothing is given up before. They cost nothing where all is well, and a busy machine may need them."""


def until(condition: Callable[[], T], seconds: float = 20, what: str = "") -> T:
    """Poll until a condition gives something true, and give that.

    Args:
        seconds: What it may take; at least PATIENCE is given, since how fast a machine is proves nothing.

    Raises:
        AssertionError: It did not within that time.
    """
    seconds = max(seconds, PATIENCE)
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}"
        time.sleep(0.05)
