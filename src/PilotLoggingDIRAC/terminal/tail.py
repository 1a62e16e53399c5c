"""A log as a person sees it: all of it, gaps shown in their place, going on while the pilot writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import Unavailable
from ..gap_lines import insert_gap_lines
from ..model import Gap, LogState
from ..text import escape_controls

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
