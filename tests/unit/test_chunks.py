# SPDX-License-Identifier: GPL-3.0-only
"""A log's text in its order, with its gaps."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from support.store import Store

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import Append, Gap, LogKey
from PilotLoggingDIRAC.store import chunks, schema, truncation
from PilotLoggingDIRAC.store.chunks import ChunkEntry, find_gaps, reading_order
from PilotLoggingDIRAC.store.numbering import Numbering


@st.composite
def arrivals(draw: st.DrawFn) -> list[ChunkEntry]:
    """Chunks in their order of arrival: numbered ones of two sessions in any order, and unnumbered ones."""
    numbered = st.tuples(st.sampled_from("ab"), st.integers(0, 12))
    names = draw(st.lists(numbered, unique=True, max_size=12))
    kinds: list[tuple[str | None, int | None]] = [*names, *[(None, None)] * draw(st.integers(0, 4))]
    return [
        ChunkEntry(chunk_id, *kind, size=draw(st.integers(0, 3)))
        for chunk_id, kind in enumerate(draw(st.permutations(kinds)), 1)
    ]


def of_session(entries: Any, session: str) -> list[ChunkEntry]:
    return [entry for entry in entries if entry.session == session]


def late(entries: list[ChunkEntry]) -> set[ChunkEntry]:
    """Those that came after a later one of their session."""
    return {
        entry
        for place, entry in enumerate(entries)
        if any((entry.seq or 0) < (other.seq or 0) for other in of_session(entries[:place], entry.session or ""))
    }


@given(arrivals())
def test_the_order_of_reading(entries: list[ChunkEntry]) -> None:
    ordered = reading_order(entries)
    assert sorted(ordered, key=lambda entry: entry.chunk_id) == entries, "each once"
    delayed = late(entries)
    on_time = [entry for entry in entries if entry not in delayed]
    assert [entry for entry in ordered if entry not in delayed] == on_time, "in order of arrival"
    for session in "ab":
        numbers = [entry.seq for entry in of_session(ordered, session)]
        assert numbers == sorted(numbers, key=lambda seq: seq or 0), "in order of their numbers"
    for entry, following in itertools.pairwise(ordered):
        assert entry not in delayed or entry.session == following.session, "a late one stands before the next number"
    assert not ordered or ordered[-1] not in delayed


def test_a_late_chunk_goes_to_its_place() -> None:
    first, second, third = (ChunkEntry(number, "a", seq, 1) for number, seq in ((1, 1), (3, 2), (2, 3)))
    other = ChunkEntry(4, None, None, 1)
    assert reading_order([first, third, second, other]) == (first, second, third, other)


class Counted(ChunkEntry):
    """An entry that counts how often its number is asked for."""

    asked = 0

    @property
    def number(self) -> tuple[str, int] | None:
        Counted.asked += 1
        return super().number


def test_a_session_that_came_backwards_is_put_in_order_in_few_steps() -> None:
    """As one that came in order; each of 100,000 chunks must not be compared with all others."""
    size = 2000
    entries = [Counted(number, "a", number, 0) for number in range(1, size + 1)]
    entries += [Counted(size + number, "b", size + 1 - number, 0) for number in range(1, size + 1)]
    Counted.asked = 0
    ordered = reading_order(entries)
    assert [entry.seq for entry in of_session(ordered, "b")] == list(range(1, size + 1))
    assert Counted.asked <= 4 * len(entries)


@given(arrivals(), st.fixed_dictionaries({}, optional={"a": st.integers(1, 14), "b": st.integers(1, 14)}))
def test_gaps_are_exactly_what_is_missing(entries: list[ChunkEntry], due: dict[str, int]) -> None:
    ordered = reading_order(entries)
    gaps = find_gaps(ordered, due, missing_of(entries))
    for session in "ab":
        present = {entry.seq: entry for entry in of_session(ordered, session)}
        missing = set(range(due.get(session, 1), max((seq or 0 for seq in present), default=0))) - present.keys()
        of_gaps = [gap for gap in gaps if gap.session == session]
        assert [n for gap in of_gaps for n in range(gap.first, gap.last + 1)] == sorted(missing)
        for gap in of_gaps:
            behind = ordered.index(present[gap.last + 1])
            assert gap.offset == sum(entry.size for entry in ordered[:behind])


def missing_of(entries: list[ChunkEntry]) -> chunks.Missing:
    """What the log's row says of these."""
    numbering = Numbering()
    for entry in entries:
        if entry.number:
            numbering.is_new(*entry.number)
    return numbering.missing


def test_a_gap_before_the_first_chunk_is_one() -> None:
    assert find_gaps([ChunkEntry(1, "a", 3, 5)], {}, {"a": [[1, 2]]}) == (Gap(0, "a", 1, 2),)


def test_a_session_that_begins_with_zero_misses_nothing() -> None:
    assert find_gaps([ChunkEntry(1, "a", 0, 5), ChunkEntry(2, "a", 1, 5)], {}, {}) == ()


def test_nothing_is_missing_before_what_is_due() -> None:
    """The first numbers expired, and one that filled a gap among them came later."""
    entries = [ChunkEntry(5, "a", 2, 5), ChunkEntry(6, "a", 7, 5)]
    assert find_gaps(entries, {"a": 6}, {"a": [[3, 4], [6, 6]]}) == (Gap(5, "a", 6, 6),)


def test_what_was_left_out_of_a_long_log_is_not_missing() -> None:
    entries = [ChunkEntry(1, "a", 1, 5), ChunkEntry(7, truncation.MARK, 40, 80), ChunkEntry(9, "a", 9, 5)]
    assert find_gaps(entries, {}, {}) == ()
    assert find_gaps(entries, {}, {"a": [[3, 4], [8, 8], [11, 12]]}) == (Gap(85, "a", 3, 4), Gap(85, "a", 8, 8))


def test_the_index_of_a_log(store: Store) -> None:
    store.send_numbered(1, "one\n")
    store.send_numbered(3, "")
    store.send("stock é\n")
    index = store.index()
    assert index.entries == (
        ChunkEntry(1, "pilot", 1, 4),
        ChunkEntry(2, "pilot", 3, 0),
        ChunkEntry(3, None, None, 9),
    )
    assert index.gaps == (Gap(4, "pilot", 2, 2),)
    assert index.size == 13


def test_the_index_after_what_has_expired(store: Store) -> None:
    for seq in (1, 2, 4):
        store.send_numbered(seq, f"{seq}\n")
    log_id = store.record().log_id
    with store.database.reading() as connection:
        assert chunks.load_index(connection, log_id, 2, {"pilot": 3}, {"pilot": [[3, 3]]}) == chunks.Index(
            (ChunkEntry(3, "pilot", 4, 2),), (Gap(0, "pilot", 3, 3),)
        )
        assert chunks.load_index(connection, log_id, 3, {}, {}) == chunks.Index((), ())


def test_text_comes_in_the_order_that_was_asked_for(store: Store) -> None:
    for seq, text in enumerate(("one\n", "", "three\n"), 1):
        store.send_numbered(seq, text)
    log_id = store.record().log_id
    one, two, three = store.index().entries
    with store.database.reading() as connection:
        assert chunks.load_text(connection, log_id, [three, two, one]) == [b"three\n", b"", b"one\n"]
        assert chunks.load_text(connection, log_id, []) == []
        for gone in (ChunkEntry(99, "pilot", 99, 5), one._replace(size=3)):
            with pytest.raises(chunks.Moved):
                chunks.load_text(connection, log_id, [two, gone])


def test_damaged_text_is_told(store: Store) -> None:
    store.send_numbered(1, "one\n" * 20)
    with store.database.writing() as connection:
        (data,) = connection.execute(select(schema.chunks.c.Data)).one()
        # One bit of the text itself: only a checksum tells.
        connection.execute(schema.chunks.update().values(Data=data.replace(b"one", b"onf", 1)))
    with pytest.raises(Unavailable, match="damaged"):
        store.text()


@settings(max_examples=20)
@given(st.lists(st.text(st.characters(codec=None), max_size=200), max_size=6))
def test_any_text_is_stored_as_it_was(store: Store, texts: list[str]) -> None:
    key = store.new_key()
    for seq, text in enumerate(["", *texts], 1):
        store.send_numbered(seq, text, key=key)
    assert store.text(key) == "".join(texts)


def test_a_log_of_many_chunks_is_streamed_whole(store: Store, key: LogKey) -> None:
    lines = [f"line {number}\n" for number in range(1, 201)]
    store.append(*(Append(key, line.encode(), session="a", seq=seq) for seq, line in enumerate(lines, 1)))
    assert store.text() == "".join(lines)
    assert store.index().gaps == ()
