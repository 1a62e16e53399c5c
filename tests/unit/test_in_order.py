# SPDX-License-Identifier: GPL-3.0-only
"""A list that is read page by page in any order has each log once, while logs change their places and their states."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update
from support.store import Store

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.read.service import ReadService
from PilotLoggingDIRAC.store import logs, schema
from PilotLoggingDIRAC.store.quiet import Quietness
from PilotLoggingDIRAC.terminal.in_order import rows_in_order

KEYS = [LogKey(vo, f"{number:032x}") for number in range(6) for vo in ("alpha", "beta")]
NAMES = [(key.vo, key.stamp) for key in KEYS]
Change = Callable[[], object]


@pytest.fixture
def service(store: Store, archives: Any) -> ReadService:
    """Of a dozen logs, the first of which has the oldest line; some values are alike, some are none."""
    for number, key in enumerate(KEYS):
        store.send_numbered(1, "text\n" * (number % 3 + 1), key, context={"Site": f"Zürich {number % 2}"})
        if number % 4 == 1:
            store.finalise(key, number % 3)
        store.make_older(timedelta(hours=len(KEYS) - number // 2), key)
    return ReadService(archives.reader, 1000, 100, lambda now: Quietness(now, 300.0))


def walk(
    service: ReadService,
    sort: list[Any],
    page: int,
    changes: Mapping[int, Change] | None = None,
    selection: Mapping[str, Any] | None = None,
    limit: int = sys.maxsize,
    knows_keys: bool = True,
) -> list[tuple[str, str]]:
    """VOs and stamps in the order in which they are given; some things happen after a page."""
    asked = 0

    def list_logs(selection: Mapping[str, Any], sort: Any, start: int, limit: int, *after: str) -> Mapping[str, Any]:
        nonlocal asked
        asked += 1
        assert knows_keys or not after
        answer = service.list_logs(selection, None, sort, start, limit, *after)
        json.dumps(answer)
        (changes or {}).get(asked, lambda: None)()
        return answer if knows_keys else {"rows": answer["rows"], "total": answer["total"]}

    rows = rows_in_order(list_logs, selection or {}, sort, limit, page)
    return [(row["VO"], row["Stamp"]) for row, _ in rows]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_pages_are_the_whole_list_in_every_order(service: ReadService, direction: str) -> None:
    for sort in ([], *([[column, direction]] for column in logs.COLUMNS), [["ExitCode", direction], ["Site", "ASC"]]):
        whole = [(row["VO"], row["Stamp"]) for row in service.list_logs({}, None, sort, 0, 100)["rows"]]
        assert sorted(whole) == sorted(NAMES)
        assert walk(service, sort, 4) == whole, sort
    assert walk(service, sort, 1) == whole
    assert walk(service, sort, 5, knows_keys=False) == whole, "a collector of before"


@pytest.mark.parametrize("sort", [[], [["LastArrival", "ASC"]], [["Site", "ASC"]], [["Stamp", "DESC"]]])
def test_logs_that_leave_the_selection_take_no_others_with_them(
    service: ReadService, store: Store, sort: list[Any]
) -> None:
    opened = {"State": "Open"}
    before = walk(service, sort, 2, selection=opened)
    assert len(before) == 9
    leaving = [LogKey(*before[place]) for place in (0, 1)]
    assert walk(service, sort, 2, {1: lambda: [store.finalise(key) for key in leaving]}, opened) == before


@pytest.mark.parametrize("sort", [[], [["LastArrival", "ASC"]], [["Lines", "DESC"]], [["State", "ASC"]]])
def test_logs_that_change_their_places_are_there_once(service: ReadService, store: Store, sort: list[Any]) -> None:
    """From the end to the beginning, and from the beginning to the end."""
    before = walk(service, sort, 3)
    ends = [LogKey(*before[place]) for place in (-1, -2, 0, 1)]

    def move() -> None:
        if sort == [["State", "ASC"]]:
            with store.database.writing() as connection:
                archived = update(schema.logs).values(State="Archived", LastArrival=schema.logs.c.LastArrival)
                for key in ends:
                    connection.execute(archived.where(schema.logs.c.VO == key.vo, schema.logs.c.Stamp == key.stamp))
        else:
            for key in ends:
                store.send_numbered(2, "more\n" * 9, key)

    found = walk(service, sort, 3, {1: move})
    assert sorted(found) == sorted(NAMES)
    assert found[:3] == before[:3]


def test_logs_that_are_new_do_not_shift_the_others(service: ReadService, store: Store) -> None:
    before = walk(service, [], 3)
    late = {number: partial(store.send, "text\n", LogKey("alpha", f"{number:032d}f"[1:])) for number in (1, 2)}
    assert walk(service, [], 3, late) == before


def test_no_more_than_the_limit(service: ReadService) -> None:
    assert len(walk(service, [], 5, limit=7)) == 7


def test_where_a_page_stands_is_told_also_when_logs_before_it_have_left(service: ReadService, store: Store) -> None:
    """The portal shows it: without it, there would be rows 4 to 6 of 2."""
    first = service.list_logs({"State": "Open"}, None, [], 0, 3)
    assert (first["start"], first["total"]) == (0, 9)
    for row in first["rows"]:
        store.finalise(LogKey(row["VO"], row["Stamp"]))
    following = service.list_logs({"State": "Open"}, None, [], 3, 3, first["next"])
    assert (following["start"], following["total"]) == (0, 6)
    last = service.list_logs({"State": "Open"}, None, [], 3, 3, following["next"])
    assert (last["start"], last["next"], len(last["rows"])) == (3, "", 3)
    assert service.list_logs({"State": "Open"}, None, [], 3, 2)["start"] == 3, "by number, as ever"


def test_a_key_leads_deeper_than_a_number_may(service: ReadService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "DEEPEST", 3)
    with pytest.raises(Rejected, match="Beyond row 3"):
        walk(service, [["Site", "ASC"]], 2, knows_keys=False)
    assert sorted(walk(service, [["Site", "ASC"]], 2)) == sorted(NAMES)


def _packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


WRONG: dict[str, Any] = {
    "a number": 1,
    "no base64": "é",
    "no JSON": "AAAA",
    "no list": _packed({}),
    "of another order": _packed(["alpha", 5]),
    "too short": _packed([5]),
    "a number that none is": _packed(["2026-06-10T11:02:02+00:00", 2**63]),
    "true": _packed(["2026-06-10T11:02:02+00:00", True]),
    "null": _packed([None, 1]),
    "deep": base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("="),
    "long": "A" * 10_000,
}


@pytest.mark.parametrize("name", WRONG)
def test_keys_that_are_none_are_refused(service: ReadService, name: str) -> None:
    with pytest.raises(Rejected, match="The key is not one that listLogs gave for this order"):
        service.list_logs({}, None, [["LastArrival", "DESC"]], 0, 10, WRONG[name])


def test_a_key_is_of_no_other_vo(service: ReadService) -> None:
    key = service.list_logs({}, None, [], 0, 3)["next"]
    assert {row["VO"] for row in service.list_logs({}, "beta", [], 0, 10, key)["rows"]} == {"beta"}
