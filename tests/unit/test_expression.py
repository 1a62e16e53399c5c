# SPDX-License-Identifier: GPL-3.0-only
"""Expressions of readers take bounded time, memory and turns, whatever they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from support.store import KEY, Store

from PilotLoggingDIRAC.errors import NotFound, Rejected
from PilotLoggingDIRAC.read import expression, time_slice
from PilotLoggingDIRAC.read.expression import Expression
from PilotLoggingDIRAC.read.find import find_lines
from PilotLoggingDIRAC.read.look_time import LookTime
from PilotLoggingDIRAC.read.outline_cache import OutlineCache
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.read.search import Search

SLOW = "[xa]*x[xa]{400}y"
LINES = 40
TEXT = ("x" * 4000 + "\n") * LINES


def refuse(*_: object) -> None:
    raise NotFound("there is no archive")


@pytest.fixture
def reader(store: Store) -> Reader:
    return Reader(store.database, refuse, refuse)  # type: ignore[arg-type]


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on whenever it is looked at, and is looked at while nobody's turn is held."""
    ticks = itertools.count()

    def clock() -> float:
        assert not time_slice._turn.locked()
        return next(ticks) * step

    return clock


def test_time_is_looked_at_within_a_block_and_no_turn_is_held(store: Store, reader: Reader) -> None:
    store.send_numbered(1, TEXT)
    query, cache = Query.parse({"regex": f"({SLOW})|$"}), OutlineCache(reader)
    found, line, calls = [], 1, 0
    while line is not None:
        look = cache.look(
            KEY, lambda text, outline, at=line: find_lines(text, outline, query, at, 10**4, 2.0, ticking(0.5))
        )
        assert look.next is None or look.next > line, "each call comes further"
        found += look.numbers
        line, calls = look.next, calls + 1
    assert found == list(range(1, LINES + 1))
    assert calls > LINES / 4


def test_a_search_ends_in_time_and_goes_on_there(store: Store, reader: Reader) -> None:
    store.send_numbered(1, TEXT)
    query = Query.parse({"regex": f"({SLOW})|$"})
    cursor, done, found = None, False, []
    for _ in range(3 * LINES):
        search = Search(reader, query, 1000, 2.0, clock=ticking(0.5))
        cursor, done = search.run({}, None, cursor)
        found += [line.line.number for hit in search.hits for line in hit.lines]
        if done or len(found) >= 20:
            break
    assert found[:20] == list(range(1, 21))


def test_what_is_too_slow_for_one_line_is_refused(store: Store, reader: Reader) -> None:
    store.send_numbered(1, "x" * 10**6)
    query = Query.parse({"regex": SLOW})
    with pytest.raises(Rejected, match="had not come past line 1"):
        OutlineCache(reader).look(KEY, lambda text, outline: find_lines(text, outline, query, 1, 10, 2.0, ticking(1.0)))
    with pytest.raises(Rejected, match="had not come past line 1"):
        Search(reader, query, 10, 2.0, clock=ticking(1.0)).run({}, None, None)


@pytest.mark.parametrize("regex", [r"\pL{9}", ".{1000}.{400}", "(?i)(k{0,999}){1,1}[^x]{900}[^y]{200}"])
def test_repetitions_are_bounded(regex: str) -> None:
    with pytest.raises(Rejected, match=r"too large|pattern"):
        Query.parse({"regex": regex})


@pytest.mark.parametrize(
    "regex, data, is_there",
    [
        ("needle", b"x" * 8190 + b"needle", True),  # across the end of the first piece
        ("^needle", b"x" * (8192 - 2048) + b"needle" + b"x" * 8192, False),  # where the second piece begins
        ("needle$", b"x" * (8192 - 6) + b"needle" + b"x" * 8192, False),  # where the first piece ends
        ("needle$", b"x" * 50_000 + b"needle", True),
        ("^x+needle", b"x" * 500 + b"needle" + b"x" * 50_000, True),
    ],
)
def test_a_long_line_is_looked_at_in_pieces(
    regex: str, data: bytes, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expression, "_WORK", 0)
    assert Expression("regex", regex, False).is_in(data, LookTime(60.0)) is is_there
