"""A log as a person sees it: all of it, gaps shown in their place, going on while the pilot writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import Unavailable
from ..gap_lines import insert_gap_lines
from ..model import Gap, LogState

_POLL_SECONDS = 1.0
_LONGEST_PAUSE = 30.0

Reply = Mapping[str, Any]
"""An answer of ``readLog``."""


def follow_text(
    read: Callable[[str | None], Reply],
    follow: bool,
    terminal: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """The text of a log, piece by piece.

    Args:
        read: ``readLog`` from a cursor on.
        follow: Go on until the log is closed and read to its end. A collector that is away meanwhile is waited for.
        terminal: Make control characters harmless, but for tabs and line ends: a log is written by strangers.
        sleep: For tests.

    Raises:
        NotFound, Rejected: There is no such log, or it may not be read.
        Unavailable: The log cannot be read now; when following, only for the first piece.
    """
    cursor: str | None = None
    pause = _POLL_SECONDS
    while True:
        try:
            reply = read(cursor)
        except Unavailable:
            if not follow or cursor is None:
                raise
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        pause = _POLL_SECONDS
        cursor = reply["cursor"]
        text = insert_gap_lines(reply["text"], [Gap(**gap) for gap in reply["gaps"]])
        if text:
            yield escape_controls(text) if terminal else text
        if reply["more"]:
            continue
        if not follow or reply["state"] != LogState.OPEN:
            return
        sleep(_POLL_SECONDS)


def escape_controls(text: str) -> str:
    """Control characters as visible ones: an escape sequence could rewrite what the terminal shows, or worse."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    if (
        character in "\t\n"
        or 32 <= code < 127
        or (code >= 160 and not _redirects(code) and not 0xD800 <= code < 0xE000)
    ):
        return character
    if code < 32:
        return chr(0x2400 + code)  # the picture of that control character
    return "\ufffd"


def _redirects(code: int) -> bool:
    """Unicode's marks that change the direction of what follows."""
    return 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code in (0x200E, 0x200F, 0x061C)
