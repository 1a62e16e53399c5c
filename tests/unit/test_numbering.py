"""What of a message is new."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.store.numbering import MAX_MISSING, MAX_SESSIONS, REMEMBERED, Numbering


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


# Messages of stock pilots: no numbers, and buffers that are sent again

A = b"2026-06-10T11:02:02.823512Z INFO [A] one\n"
B = b"2026-06-10T11:02:03.104211Z INFO [A] two\n"
C = b"2026-06-10T11:02:03.518004Z INFO [A] three\n"
X = b"2026-06-10T11:02:02,900001Z DEBUG    [wrapper] other\n"
Y = b"2026-06-10T11:02:02,900002Z DEBUG    [wrapper] another\n"


def stored(*messages: bytes) -> list[bytes]:
    """What of each message is new, each in a transaction of its own."""
    numbering, news = Numbering(), []
    for message in messages:
        news.append(numbering.unrepeated(message))
        numbering = again(numbering)
    return news


@pytest.mark.parametrize(
    ("messages", "news"),
    [
        ([A, B], [A, B]),
        ([A, A], [A, b""]),
        ([A, A + B], [A, B]),
        ([A, A + B, A + B + C], [A, B, C]),
        ([A, A + B, A + B, A + B + C, C], [A, B, b"", C, C]),
        ([A, A + B, A], [A, B, b""]),
        ([A, X, A + B, X, X + Y, A + B + C], [A, X, B, b"", Y, C]),
        ([A + B, B], [A + B, B]),
        ([b"", A, b"", A], [b"", A, b"", b""]),
    ],
    ids=[
        "all new",
        "sent again",
        "sent again with more behind it",
        "a second time, with still more",
        "in between without more",
        "the first was only late",
        "two buffers at once",
        "only a beginning is a repeat",
        "empty ones are nothing",
    ],
)
def test_a_buffer_that_is_sent_again_is_stored_once(messages: list[bytes], news: list[bytes]) -> None:
    assert stored(*messages) == news


def test_honest_messages_that_are_alike_differ_in_their_time_stamps() -> None:
    alike = [f"2026-06-10T11:02:{second:02d}.000000Z INFO [A] still waiting\n".encode() for second in range(20)]
    assert stored(*alike) == alike


@pytest.mark.parametrize("line", [b".", b"10%\n", b"still waiting\n", b"x" * 63, b"\n"])
def test_a_short_line_without_a_time_stamp_is_no_repeat(line: bytes) -> None:
    assert stored(line, line, line + line) == [line, line, line + line]


@pytest.mark.parametrize("text", [b"x" * 64, b"a\nb\n", b"\n\n"])
def test_more_text_without_a_time_stamp_is_a_repeat(text: bytes) -> None:
    assert stored(text, text, text + A) == [text, b"", A]


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["log", "arrives", "is lost", "its reply is lost"])), max_size=14
    )
)
def test_a_stock_pilot_is_stored_once_and_in_order(events: list[tuple[int, str]]) -> None:
    """Two buffers of one pilot, whose sends fail on their way there or on their way back."""
    numbering = Numbering()
    logged: list[list[bytes]] = [[], []]
    buffers = [b"", b""]
    kept = b""

    def send(buffer: int, fate: str) -> None:
        nonlocal kept, numbering
        if fate != "is lost" and buffers[buffer]:
            kept += numbering.unrepeated(buffers[buffer])
            numbering = again(numbering)
        if fate == "arrives":
            buffers[buffer] = b""

    for moment, (buffer, event) in enumerate(events):
        if event == "log":
            line = b"2026-06-10T11:02:02.%06dZ INFO [%d] text\n" % (moment, buffer)
            logged[buffer].append(line)
            buffers[buffer] += line
        else:
            send(buffer, event)
    for buffer in (0, 1):
        send(buffer, "arrives")
    for buffer in (0, 1):
        assert [line for line in kept.splitlines(keepends=True) if b"[%d]" % buffer in line] == logged[buffer]


def test_a_buffer_is_remembered_while_others_send() -> None:
    others = [b"2026-06-10T11:02:02.%06dZ INFO [B] text\n" % number for number in range(REMEMBERED - 1)]
    assert stored(A, *others, A + B)[-1] == B


def test_the_memory_of_stock_messages_stays_small() -> None:
    numbering = Numbering()
    for number in range(1000):
        numbering.unrepeated(b"2026-06-10T11:02:02.%06dZ INFO [A] text\n" % number)
    assert len(numbering.dump()) < 1000


def test_a_new_log_remembers_nothing() -> None:
    assert Numbering.load("") == Numbering()
    assert again(Numbering()) == Numbering()


def test_a_buffer_that_is_lost_again_and_again_does_not_push_out_others() -> None:
    """Each time it is sent with one line more behind it."""
    lines = [b"2026-06-10T11:02:03.%06dZ INFO [A] line %d\n" % (number, number) for number in range(20)]
    growing = [b"".join(lines[: number + 1]) for number in range(20)]
    assert stored(X, *growing, X, Y) == [X, *lines, b"", Y]
