# SPDX-License-Identifier: GPL-3.0-only
"""Single arguments as readers send them."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..documents import EXACT, accept_number, read_argument


def check_number(name: str, value: Any, least: int, most: int = EXACT) -> int:
    """A whole number between two others.

    Raises:
        Rejected: It is none; the sentence begins with the name.
    """
    return read_argument(name, partial(accept_number, least=least, most=most), value)
