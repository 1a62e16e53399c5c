# SPDX-License-Identifier: GPL-3.0-only
"""All logs of a selection, page by page, while pilots write and logs change their states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

PAGE = 1000
"""Rows that are asked for at once."""

ListLogs = Callable[[Mapping[str, Any], list[list[str]], int, int], Mapping[str, Any]]
"""``listLogs``: of a selection, a sort, a number of rows to pass over and a limit it gives ``rows`` and ``total``."""


def rows_by_stamp(
    list_logs: ListLogs, selection: Mapping[str, Any], limit: int, page: int = PAGE
) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Rows in the order of stamps, each with the number of all that were selected at the beginning.

    The next page begins at the last stamp. Had it a number of rows to pass over, a log would be left out for each that
    has left the selection meanwhile, as one that was open and is closed now.

    Args:
        limit: Rows to give at most.
    """
    first: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    total, start = None, 0
    while limit > 0:
        asked = min(page, limit + len(seen))
        answer = list_logs({**selection, **first}, [["Stamp", "ASC"]], start, asked)
        total = answer["total"] if total is None else total
        rows = [row for row in answer["rows"] if (row["VO"], row["Stamp"]) not in seen][:limit]
        for row in rows:
            yield row, total
        limit -= len(rows)
        if len(answer["rows"]) < asked:
            return
        # Other VOs may have a log of the same stamp.
        last = answer["rows"][-1]["Stamp"]
        start = start + asked if first.get("StampFrom") == last else 0
        first = {"StampFrom": last}
        seen |= {(row["VO"], row["Stamp"]) for row in answer["rows"]}
        seen = {known for known in seen if known[1] == last}
