# SPDX-License-Identifier: GPL-3.0-only
"""Logs of a selection in the order that somebody wants, page by page, while pilots write and logs change."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..documents import accept_time
from .by_stamp import PAGE, rows_by_stamp

ListLogs = Callable[..., Mapping[str, Any]]
"""``listLogs``, with the arguments of that name."""
_LASTING = frozenset(("VO", "Stamp", "FirstArrival"))
"""What never changes: by these alone, each log keeps its place."""
_CHANGED_BY_US = frozenset(("State", "Archived"))
"""What changes without a message of the pilot's."""
_ON_THE_WAY = timedelta(minutes=5)
"""Between a message's arrival, which is what ``Since`` is about, and its being in the database: more than enough."""


def rows_in_order(
    list_logs: ListLogs, selection: Mapping[str, Any], sort: list[Any], limit: int, page: int = PAGE
) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Rows, none of them twice, each with the number of all that were selected when it was read.

    Without a limit, each log is there that was selected all the time. One that changed its place and would have been
    passed over, as a log with a new line does where the latest line comes first, follows at the end.

    Args:
        sort: Pairs of a column and ``ASC`` or ``DESC``; without any, latest arrival first.
        limit: Rows to give at most.
    """
    seen: set[tuple[str, str]] = set()
    began = None
    start, after = 0, ""
    while True:
        asked = min(page, limit - len(seen))
        answer = list_logs(selection, sort, start, asked, *([after] if after else []))
        for row in _new(answer["rows"], seen):
            yield row, answer["total"]
        start += len(answer["rows"])
        # Collectors of before know nothing of where to go on, but by how many rows.
        after = answer.get("next", "")
        if len(seen) >= limit:
            return
        if not answer["rows"] or not (after or ("next" not in answer and start < answer["total"])):
            break
        began = began or answer.get("now")
    columns = {column for column, _ in sort} or {"LastArrival"}
    if began is None or columns <= _LASTING:
        return
    moved = _moved(selection, accept_time(began), columns.isdisjoint(_CHANGED_BY_US))
    for row, total in rows_by_stamp(list_logs, moved, sys.maxsize, page):
        if _new([row], seen):
            yield row, total


def _new(rows: Sequence[Mapping[str, Any]], seen: set[tuple[str, str]]) -> list[Mapping[str, Any]]:
    """Those that were not seen; now they are."""
    new = [row for row in rows if (row["VO"], row["Stamp"]) not in seen]
    seen.update((row["VO"], row["Stamp"]) for row in new)
    return new


def _moved(selection: Mapping[str, Any], began: datetime, by_messages: bool) -> dict[str, Any]:
    """The selection of what may have changed its place.

    Args:
        began: When the first page was read.
        by_messages: Whether only a message of its pilot's can move a log.
    """
    since, until = (accept_time(selection[name]) if name in selection else None for name in ("Since", "Until"))
    first = began - _ON_THE_WAY
    if by_messages:
        since = max(since or first, first)
    until = min(until or began, began)
    times = {"Since": since, "Until": until}
    return {**selection, **{name: moment.isoformat() for name, moment in times.items() if moment}}
