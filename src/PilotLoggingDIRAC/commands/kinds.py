# SPDX-License-Identifier: GPL-3.0-only
"""What the switches of our commands take: each makes the value from what was typed, or says what it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..durations import ACCEPTED, parse_duration


@dataclass(frozen=True)
class Kind:
    """What a switch takes, with what bash completes after it: the words, or files.

    Attributes:
        take: Makes the value from what was typed; a ValueError says what it takes.
    """

    take: Callable[[str], Any]
    words: Sequence[str] = ()
    files: bool = False

    def __call__(self, typed: str) -> Any:
        return self.take(typed)


def text(typed: str) -> str:
    """For :meth:`.command_line.Switches.value`: a text that is not empty."""
    if not typed.strip():
        raise ValueError("a text that is not empty")
    return typed


def name(typed: str) -> str:
    """For :meth:`.command_line.Switches.value`: a name, or a part of one."""
    return text(typed).strip()


def names(typed: str) -> list[str]:
    """For :meth:`.command_line.Switches.values`: names, separated by commas."""
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    if not parts:
        raise ValueError("a text that is not empty")
    return parts


path = Kind(text, files=True)
"""For :meth:`.command_line.Switches.value`: of a file or folder."""


def number(least: int, most: int) -> Callable[[str], int]:
    """For :meth:`.command_line.Switches.value`: a whole number."""

    def take(typed: str) -> int:
        if not re.fullmatch("[0-9]{1,15}", typed) or not least <= int(typed) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(typed)

    return take


ALL = 10**9
"""The limit of who wants all of something."""


def limit(typed: str) -> int:
    """For :meth:`.command_line.Switches.value`: how many of something at most; 0 for all."""
    return number(0, ALL)(typed) or ALL


def one_of(*words: str) -> Kind:
    """For :meth:`.command_line.Switches.value`: one of some words, in any case."""
    known = {word.lower(): word for word in words}

    def take(typed: str) -> str:
        if typed.lower() not in known:
            raise ValueError(f"one of {', '.join(words)}")
        return known[typed.lower()]

    return Kind(take, words)


def duration(unit: str) -> Callable[[str], float]:
    """For :meth:`.command_line.Switches.value`: seconds, more than 0.

    Args:
        unit: Of a number that stands alone.
    """

    def take(typed: str) -> float:
        seconds = parse_duration(typed, unit)
        if not seconds:
            raise ValueError(f"{ACCEPTED}, and more than 0")
        return seconds

    return take


def moment(typed: str) -> str:
    """For :meth:`.command_line.Switches.value`: a time, or how long ago it was."""
    try:
        try:
            time = datetime.fromisoformat(typed.strip())
        except ValueError:
            return (datetime.now(UTC) - timedelta(seconds=parse_duration(typed))).isoformat()
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()
    except (ValueError, OverflowError):
        raise ValueError("a time in UTC such as 2026-06-10T11:02, or how long ago: 90s, 30m, 6h, 1d12h, 1w") from None
