# SPDX-License-Identifier: GPL-3.0-only
"""What of a message is new."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.store.numbering import MAX_MISSING, MAX_SESSIONS, Numbering


def again(numbering: Numbering) -> Numbering:
    """As the next transaction finds it in the database."""
    return Numbering.load(numbering.dump())


# Numbered messages


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=30))
def test_a_number_is_new_exactly_once(messages: list[tuple[str, int]]) -> None:
    """Any order, any repeats, two sessions, against a set of numbers."""
    numbering = Numbering()
    seen: dict[str, set[int]] = {"a": set(), "b": set()}
    for session, seq in messages:
        assert numbering.is_new(session, seq) == (seq not in seen[session])
        seen[session].add(seq)
        assert numbering.next_seq(session) == max(seen[session]) + 1
        numbering = again(numbering)
    for session, numbers in seen.items():
        for seq in range(11):
            assert again(numbering).is_new(session, seq) == (seq not in numbers)


def test_the_first_number_is_one() -> None:
    assert Numbering().next_seq("a") == 1


def test_a_session_may_begin_with_zero() -> None:
    numbering = Numbering()
    assert numbering.is_new("a", 0)
    assert not numbering.is_new("a", 0)
    assert numbering.next_seq("a") == 1
    assert numbering.is_new("a", 1)


def test_number_zero_may_come_late() -> None:
    """A sender that counts from 0 and whose first message was held up: it was never stored, so it is new."""
    numbering = Numbering()
    assert numbering.is_new("a", 1)
    assert numbering.is_new("a", 0)


def test_a_log_has_so_many_sessions() -> None:
    numbering = Numbering()
    for number in range(MAX_SESSIONS):
        assert numbering.is_new(str(number), 1)
    before = numbering.dump()
    with pytest.raises(Rejected, match=f"^The log has {MAX_SESSIONS} sessions already"):
        numbering.is_new("one more", 1)
    assert numbering.dump() == before
    assert numbering.is_new("0", 2)


def test_a_session_has_so_many_gaps() -> None:
    numbering = Numbering()
    for number in range(MAX_MISSING):
        assert numbering.is_new("a", 2 * number + 2)
    before = numbering.dump()
    with pytest.raises(Rejected, match=f"^The session misses messages in {MAX_MISSING} places already: send in order"):
        numbering.is_new("a", 2 * MAX_MISSING + 2)
    assert numbering.dump() == before
    assert numbering.is_new("a", 1), "a gap may be filled"
    assert numbering.is_new("a", 2 * MAX_MISSING + 2), "and then there may be another"


def test_a_gap_that_is_filled_in_pieces_keeps_the_memory_small() -> None:
    numbering = Numbering()
    numbering.is_new("a", 1)
    numbering.is_new("a", 10**6)
    for seq in range(10, 10_000, 2):
        with contextlib.suppress(Rejected):
            numbering.is_new("a", seq)
    assert len(numbering.dump()) < 40 * MAX_MISSING


def test_a_new_log_remembers_nothing() -> None:
    assert Numbering.load("") == Numbering()
    assert again(Numbering()) == Numbering()
