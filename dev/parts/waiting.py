# SPDX-License-Identifier: GPL-3.0-only
"""Waiting for what others bring about."""

import time
from collections.abc import Callable

from .failure import Failure


def until(condition: Callable[[], object], seconds: float, otherwise: str, pause: float = 0.5) -> None:
    """Look again and again whether something is so.

    Args:
        seconds: after this it is given up
        otherwise: what is said then
        pause: seconds between two looks

    Raises:
        Failure: it was not so in time
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(otherwise)
        time.sleep(pause)
