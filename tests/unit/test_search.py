# SPDX-License-Identifier: GPL-3.0-only
"""Searching across logs: everything that is in the database is found, and what is not there is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.lines.header import Level
from PilotLoggingDIRAC.lines.parser import LineParser
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.read import search, sliced_parsing
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.search import Hit, Search, SearchCursor

HOUR = 3600.0
NEEDLE = "2026-06-10T11:02:02.823512Z ERROR [Install] needle\n"


class Searches:
    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.calls = 0

    def __call__(
        self,
        query: Any = "needle",
        selection: Any = None,
        vo: str | None = None,
        limit: int = 1000,
        seconds: float = HOUR,
        most_bytes: int = 10**9,
    ) -> tuple[list[Hit], SearchCursor]:
        """A whole search, in as many calls as it takes."""
        hits: list[Hit] = []
        cursor: str | None = None
        self.calls = 0
        while True:
            one = Search(self.reader, Query.parse(query), limit, seconds, most_bytes)
            progress, done = one.run(selection or {}, vo, SearchCursor.parse(cursor))
            assert sum(len(hit.lines) for hit in one.hits) <= limit
            hits += one.hits
            self.calls += 1
            if done:
                return hits, progress
            assert str(progress) != cursor  # each call comes further
            cursor = str(progress)

    def numbers(self, *arguments: Any, **more: Any) -> dict[str, list[int]]:
        """Stamps with the numbers of the lines found, in the order in which they were found."""
        found: dict[str, list[int]] = {}
        for hit in self(*arguments, **more)[0]:
            found.setdefault(hit.row["Stamp"], []).extend(shown.line.number for shown in hit.lines)
        return found


@pytest.fixture
def searches(archives: Archives) -> Searches:
    return Searches(archives.reader)


@pytest.fixture
def stamps(store: Store) -> list[str]:
    """Seven logs, begun one after the other; the last one is of another VO."""
    stamps = []
    for number in range(7):
        key = store.new_key("beta" if number == 6 else "alpha")
        text = "raw\n" * number + (NEEDLE + "  raw needle\n" if number % 2 == 0 else "hay\n") + "end"
        store.append(Append(key, text.encode(), session="a", seq=1, context={"Site": f"Site{number % 3}"}))
        stamps.append(key.stamp)
    return stamps


def test_the_log_that_began_last_comes_first(searches: Searches, stamps: list[str]) -> None:
    hits, progress = searches()
    assert [hit.row["Stamp"] for hit in hits] == [stamps[number] for number in (6, 4, 2, 0)]
    assert [[shown.line.number for shown in hit.lines] for hit in hits] == [[7, 8], [5, 6], [3, 4], [1, 2]]
    assert (progress.looked, progress.total, progress.archived) == (7, 7, 0)
    line = hits[0].lines[1].line
    assert (line.text, line.level, line.command, line.own) == ("  raw needle", Level.ERROR, "Install", False)
    assert not hits[0].more


def test_only_selected_logs_of_the_vo_are_looked_at(searches: Searches, stamps: list[str]) -> None:
    hits, progress = searches(vo="alpha", selection={"Site": ["Site0", "Site1"]})
    assert [hit.row["Stamp"] for hit in hits] == [stamps[4], stamps[0]]
    assert progress.total == 4
    assert searches(vo="gamma") == ([], SearchCursor(search._NEWEST, 0, 0, 0, 0))
    with pytest.raises(Rejected):
        searches(selection={"Colour": "red"})


@pytest.mark.parametrize("bounds", [{"limit": 1}, {"seconds": -1.0}, {"most_bytes": 1}], ids=str)
def test_in_small_steps_the_same_is_found(searches: Searches, stamps: list[str], bounds: dict[str, Any]) -> None:
    expected = searches.numbers()
    assert searches.numbers(**bounds) == expected
    assert searches.calls >= 7


def test_a_log_that_is_full_of_it_does_not_hide_the_others(searches: Searches, stamps: list[str], store: Store) -> None:
    store.send(NEEDLE * 100, store.new_key())
    hits, _ = searches()
    assert (len(hits[0].lines), hits[0].more) == (20, True)
    assert [hit.row["Stamp"] for hit in hits[1:]] == [stamps[number] for number in (6, 4, 2, 0)]


def test_what_stands_in_the_archive_only_is_said(
    searches: Searches, stamps: list[str], store: Store, archives: Archives
) -> None:
    archives.add()
    for stamp in (stamps[0], stamps[4]):
        key = LogKey("alpha", stamp)
        store.finalise(key)
        archives.deliver(store.record(key).log_id)
    assert set(searches.numbers()) == {stamps[number] for number in (6, 4, 2, 0)}
    assert store.expire(LogKey("alpha", stamps[4]))
    hits, progress = searches()
    assert [hit.row["Stamp"] for hit in hits] == [stamps[number] for number in (6, 2, 0)]
    assert (progress.looked, progress.archived) == (7, 1)


def test_a_log_that_leaves_the_database_meanwhile(
    searches: Searches, stamps: list[str], store: Store, archives: Archives, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives.add()
    key = LogKey("alpha", stamps[4])
    store.finalise(key)
    archives.deliver(store.record(key).log_id)
    newest_first = search.logs.newest_first

    def listed_before(*arguments: Any) -> Any:
        rows = newest_first(*arguments)
        store.expire(key)
        return rows

    monkeypatch.setattr(search.logs, "newest_first", listed_before)
    hits, progress = searches()
    assert [hit.row["Stamp"] for hit in hits] == [stamps[number] for number in (6, 2, 0)]
    assert progress.archived == 1


BITS = st.lists(
    st.sampled_from([b"needle\n", b"hay\n", NEEDLE.encode(), b"x" * 1500, b"\n", b"needle ", b"\r\n"]), max_size=30
).map(b"".join)


@pytest.mark.parametrize("query", ["needle", {"levels": ["ERROR"]}, {"text": "needle", "own": True}], ids=str)
def test_pieces_of_text_are_looked_at_as_the_whole(
    searches: Searches, store: Store, query: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pieces of 1 kB: a line of more is looked at in pieces, so the needle is in one of them."""
    monkeypatch.setattr(search, "PIECE", 1200)
    monkeypatch.setattr(sliced_parsing, "SLICE", 100)
    monkeypatch.setattr(search, "_FROM_EACH", 10**6)
    parsed = Query.parse(query)

    @settings(max_examples=12)
    @given(BITS)
    def check(data: bytes) -> None:
        key = store.new_key()
        store.send_numbered(1, data.decode(), key)
        parser = LineParser(longest=1200)
        whole = parser.feed(data) + parser.finish()
        expected = list(dict.fromkeys(line.number for line in whole if parsed.fits(line)))
        for bounds in ({}, {"limit": 1}, {"seconds": -1.0}):
            assert searches.numbers(query, {"Stamp": key.stamp}, **bounds).get(key.stamp, []) == expected

    check()
