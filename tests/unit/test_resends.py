# SPDX-License-Identifier: GPL-3.0-only
"""What a stock pilot sends again: no numbers, only text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.store.deduplication import REMEMBERED
from PilotLoggingDIRAC.store.numbering import Numbering

A = b"2026-06-10T11:02:02.823512Z INFO [A] one\n"
B = b"2026-06-10T11:02:03.104211Z INFO [A] two\n"
C = b"2026-06-10T11:02:03.518004Z INFO [A] three\n"
X = b"2026-06-10T11:02:02,900001Z DEBUG    [wrapper] other\n"
Y = b"2026-06-10T11:02:02,900002Z DEBUG    [wrapper] another\n"


class Log:
    """A log that stock messages come to, each in a transaction of its own; ``chunks`` is its text."""

    def __init__(self) -> None:
        self.document = ""
        self.chunks: dict[int, bytes] = {}

    def take(self, message: bytes) -> bytes:
        """What is new of a message."""
        numbering = Numbering.load(self.document)
        number = len(self.chunks) + 1
        new = numbering.deduplication.strip_known(
            message, number, lambda chunk, text: self.chunks[chunk].startswith(text)
        )
        if new:
            self.chunks[number] = new
        self.document = numbering.dump()
        return new


def stored(*messages: bytes) -> list[bytes]:
    """What of each message is new."""
    log = Log()
    return [log.take(message) for message in messages]


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
        ([A + B, A], [A + B, b""]),
        ([X, A, A + B + C, A + B, X], [X, A, B + C, b"", b""]),
        ([A + B, A + C], [A + B, A + C]),
        ([A + B + C, X, A, A + B, A + B + C + Y], [A + B + C, X, b"", b"", Y]),
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
        "the first copy is the last to come",
        "the first copy of an end is the last to come",
        "only the beginning is the same",
        "several late ones",
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
        st.tuples(
            st.integers(0, 1),
            st.sampled_from(["log", "arrives", "is lost", "its reply is lost", "is held", "comes late"]),
        ),
        max_size=14,
    )
)
def test_a_stock_pilot_is_stored_once_and_in_order(events: list[tuple[int, str]]) -> None:
    """Two buffers of one pilot, whose sends fail on their way there or on their way back, or are held by a collector
    that is stopped, and come after later ones."""
    log = Log()
    logged: list[list[bytes]] = [[], []]
    buffers = [b"", b""]
    held: list[list[bytes]] = [[], []]

    def send(buffer: int, fate: str) -> None:
        if fate == "comes late":
            while held[buffer]:
                log.take(held[buffer].pop())
        elif fate == "is held":
            held[buffer].append(buffers[buffer])
        elif fate != "is lost":
            log.take(buffers[buffer])
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
        send(buffer, "comes late")
    kept = b"".join(log.chunks.values())
    for buffer in (0, 1):
        assert [line for line in kept.splitlines(keepends=True) if b"[%d]" % buffer in line] == logged[buffer]


def test_a_buffer_is_remembered_while_others_send() -> None:
    others = [b"2026-06-10T11:02:02.%06dZ INFO [B] text\n" % number for number in range(REMEMBERED - 1)]
    assert stored(A, *others, A + B)[-1] == B


def test_the_memory_of_stock_messages_stays_small() -> None:
    log = Log()
    for number in range(1000):
        log.take(b"2026-06-10T11:02:02.%06dZ INFO [A] text\n" % number)
    assert len(log.document) < 1200


def test_a_buffer_that_is_lost_again_and_again_does_not_push_out_others() -> None:
    """Each time it is sent with one line more behind it."""
    lines = [b"2026-06-10T11:02:03.%06dZ INFO [A] line %d\n" % (number, number) for number in range(20)]
    growing = [b"".join(lines[: number + 1]) for number in range(20)]
    assert stored(X, *growing, X, Y) == [X, *lines, b"", Y]
