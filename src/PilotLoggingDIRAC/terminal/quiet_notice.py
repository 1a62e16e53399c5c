# SPDX-License-Identifier: GPL-3.0-only
"""That a log is quiet, in a sentence: what is known, and no more. Its pilot may be gone, or compute for hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .collector_status import span

_AT_ONCE = 1.5


def sentence(since: str, usual: float | None) -> str:
    """What is known of a quiet log.

    Args:
        since: ``QuietSince`` of the collector.
        usual: ``UsualSeconds``.
    """
    time = datetime.fromisoformat(since)
    return f"no line since {time:%Y-%m-%d %H:%M:%S} UTC; {_usually(usual)}. The pilot may be gone, or busy computing"


def _usually(usual: float | None) -> str:
    if usual is None:
        return "how often its sender usually sends is not known"
    return f"its sender usually sends each {'second' if usual < _AT_ONCE else span(usual)}"


class QuietNotices:
    """Says once that a log has become quiet, and that it has a line again."""

    def __init__(self) -> None:
        self._since: str | None = None

    def of_page(self, reply: Mapping[str, Any]) -> str | None:
        """What is to be said after an answer of ``readLog``; None for nothing."""
        # Not before all that there is has been read.
        return None if reply["more"] else self._said(reply.get("quietSince"), reply.get("usualSeconds"))

    def of_row(self, row: Mapping[str, Any] | None) -> str | None:
        """The same after one that has the log's row in it."""
        return self._said(row.get("QuietSince"), row.get("UsualSeconds")) if row else None

    def _said(self, since: str | None, usual: float | None) -> str | None:
        before, self._since = self._since, since
        if since == before:
            return None
        return sentence(since, usual) if since else "it has a line again"
