# SPDX-License-Identifier: GPL-3.0-only
"""The text of a log as a person sees it: all of it, gaps shown in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..gap_lines import insert_gap_lines
from ..model import Gap, LogState
from .follow import FollowedLog, pass_over

Reply = Mapping[str, Any]
"""An answer of ``readLog``."""


class LogText(FollowedLog[str]):
    """The text of one log, as it comes.

    Args:
        read: ``readLog`` from a cursor on.
        tell: Is told when the log becomes quiet, and when it has a line again.
    """

    def __init__(self, read: Callable[[str | None], Reply], tell: Callable[[str], None] = pass_over) -> None:
        super().__init__(tell)
        self._read = read
        self._cursor: str | None = None

    @property
    def begun(self) -> bool:
        return self._cursor is not None

    def poll(self, follow: bool) -> Iterator[str]:
        """Page by page."""
        more = True
        while more:
            reply = self._read(self._cursor)
            self._cursor, more = reply["cursor"], reply["more"]
            self._say(self._notices.of_page(reply))
            text = insert_gap_lines(reply["text"], [Gap(**gap) for gap in reply["gaps"]])
            if text:
                yield text
        self.open = reply["state"] == LogState.OPEN
