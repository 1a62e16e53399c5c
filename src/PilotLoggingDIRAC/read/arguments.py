"""Numbers as readers send them."""

from __future__ import annotations

from typing import Any

from ..errors import Rejected

_MOST = 2**53 - 1
"""What JSON's numbers hold exactly."""


def check_number(name: str, value: Any, least: int, most: int = _MOST) -> int:
    """A whole number between two others.

    Raises:
        Rejected: It is none; the sentence begins with the name.
    """
    if type(value) is int and least <= value <= most:
        return value
    accepted = f"of {least} or more" if most == _MOST else f"from {least} to {most}"
    raise Rejected(f"{name} is not a whole number {accepted}.")
