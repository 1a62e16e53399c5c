# SPDX-License-Identifier: GPL-3.0-only
"""A list that is read page by page while logs leave the selection has each of those that stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support.store import Store
from support.store import list_logs as listed

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.terminal.by_stamp import rows_by_stamp

KEYS = [LogKey(vo, f"{number:032x}") for number in range(7) for vo in ("alpha", "beta")]


def _names(store: Store, closed_after: Mapping[int, LogKey], page: int, limit: int = 100) -> list[tuple[str, str]]:
    """VOs and stamps of the open logs, some of which are closed while they are listed."""
    asked = 0

    def list_logs(selection: Mapping[str, Any], sort: list[list[str]], start: int, most: int) -> Mapping[str, Any]:
        nonlocal asked
        asked += 1
        with store.database.reading() as connection:
            rows, total = listed(connection, selection, sort, start, most)
        if asked in closed_after:
            store.finalise(closed_after[asked])
        return {"rows": rows, "total": total}

    return [(row["VO"], row["Stamp"]) for row, _ in rows_by_stamp(list_logs, {"State": "Open"}, limit, page)]


@pytest.mark.parametrize("page", [2, 3, 5, 14, 100])
def test_logs_that_leave_the_selection_take_no_others_with_them(store: Store, page: int) -> None:
    for key in KEYS:
        store.send("text\n", key)
    expected = [(key.vo, key.stamp) for key in KEYS]
    assert sorted(_names(store, {}, page)) == sorted(expected)
    found = _names(store, {1: KEYS[0], 2: KEYS[1], 3: KEYS[4]}, page)
    assert len(found) == len(set(found))
    assert set(found) >= set(expected) - {expected[0], expected[1], expected[4]}


def test_no_more_than_the_limit(store: Store) -> None:
    for key in KEYS:
        store.send("text\n", key)
    assert len(_names(store, {}, page=3, limit=7)) == 7


@pytest.mark.parametrize("value", [1, "x" * 300, ["0" * 32], "\ud800"])
def test_a_first_stamp_that_is_none(store: Store, value: Any) -> None:
    with store.database.reading() as connection, pytest.raises(Rejected, match="StampFrom"):
        listed(connection, {"StampFrom": value}, [], 0, 10)
