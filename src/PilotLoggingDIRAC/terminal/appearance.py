# SPDX-License-Identifier: GPL-3.0-only
"""How text may look where it goes: as it is, harmless for a terminal, or coloured as well."""

from __future__ import annotations

import enum
import io
import os
from collections.abc import Mapping
from typing import Any

WISHES = ("auto", "always", "never")
"""What ``--color`` takes."""


class Look(enum.Enum):
    """What may be in a text."""

    PLAIN = "plain"  # as it was sent: for a pipe or a file
    HARMLESS = "harmless"  # control characters are made visible: for a terminal without colours
    COLOURED = "coloured"  # the same, with colours of ours

    @property
    def harmless(self) -> bool:
        return self is not Look.PLAIN

    @property
    def coloured(self) -> bool:
        return self is Look.COLOURED


def choose_look(terminal: bool, wish: str = "auto", environment: Mapping[str, str] = os.environ) -> Look:
    """The look for an output.

    Args:
        terminal: Whether it goes to one, perhaps through a pager.
        wish: One of :data:`WISHES`. With ``auto`` the environment counts: ``NO_COLOR`` (no-color.org), and
            ``CLICOLOR_FORCE`` and ``CLICOLOR`` (bixense.com/clicolors).
    """
    without = Look.HARMLESS if terminal else Look.PLAIN
    if wish != "auto":
        return Look.COLOURED if wish == "always" else without
    if environment.get("NO_COLOR"):
        return without
    if environment.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return Look.COLOURED
    if environment.get("CLICOLOR") == "0" or environment.get("TERM") == "dumb":
        return without
    return Look.COLOURED if terminal else without


def show_minute(time: Any, year: bool = True) -> str:
    """A time of the collector's replies, to the minute; the year may be left out."""
    return str(time)[0 if year else 5 : 16].replace("T", " ")


def print_with_rich(shown: list[Any], width: int, coloured: bool) -> str:
    """What rich makes of something, with or without its colours and other attributes."""
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=coloured,
        width=width,
        color_system="standard" if coloured else None,
        no_color=not coloured,
    )
    for each in shown:
        console.print(each)
    return stream.getvalue()
