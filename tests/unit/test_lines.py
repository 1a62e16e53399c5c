# SPDX-License-Identifier: GPL-3.0-only
"""Lines and their headers, whatever comes and wherever it is cut."""

from __future__ import annotations

import itertools
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.header_forms import FORMS, OLD_STAMP, RAW, STAMP, TIME

from PilotLoggingDIRAC.lines.header import LONGEST, Level
from PilotLoggingDIRAC.lines.parser import Line, LineParser, last_header
from PilotLoggingDIRAC.lines.tally import Counts, count


def lines_of(text: bytes, cuts: list[int] | None = None, longest: int = 0) -> list[Line]:
    parser = LineParser(longest=longest)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts or []), len(text)]
    found = []
    for begin, end in itertools.pairwise(places):
        found += parser.feed(text[begin:end])
        parser = LineParser(parser.state, longest)  # as if another process went on
    return found + parser.finish()


@pytest.mark.parametrize(("text", "level", "command", "said"), FORMS)
def test_forms_of_headers(text: str, level: Level, command: str, said: str) -> None:
    (line,) = lines_of(f"{text}\n".encode())
    assert line.own
    time = TIME.replace(microsecond=0) if OLD_STAMP in text else TIME
    assert (line.level, line.command, line.said, line.text, line.time) == (level, command, said, text, time)
    assert line.header
    assert line.header.size < LONGEST


@pytest.mark.parametrize("text", RAW)
def test_what_is_no_header(text: str) -> None:
    (line,) = lines_of(f"{text}\n".encode())
    assert (line.own, line.message, line.level, line.time, line.command) == (False, None, None, None, "")
    assert line.text == line.said == text


def test_raw_output_belongs_to_the_message_before_it() -> None:
    text = f"before\n{STAMP} ERROR [Install] failed\n  Traceback\n\n{STAMP} INFO [Next] x\r\n".encode()
    lines = lines_of(text)
    assert [(line.number, line.level, line.command, line.own) for line in lines] == [
        (1, None, "", False),
        (2, Level.ERROR, "Install", True),
        (3, Level.ERROR, "Install", False),
        (4, Level.ERROR, "Install", False),
        (5, Level.INFO, "Next", True),
    ]
    assert lines[-1].said == "x"


@pytest.mark.parametrize("stamp", ["2026-02-30T11:02:02.1", "0000-01-01T00:00:00", "9999-12-31T25:61:61,9"])
def test_a_time_of_no_calendar_is_a_header_without_a_time(stamp: str) -> None:
    (line,) = lines_of(f"{stamp}Z ERROR [x] y\n".encode())
    assert (line.level, line.time) == (Level.ERROR, None)


@pytest.mark.parametrize(("fraction", "microsecond"), [("", 0), (",5", 500_000), (".123456789", 123_456)])
def test_fractions_of_a_second(fraction: str, microsecond: int) -> None:
    (line,) = lines_of(f"2026-06-10T11:02:02{fraction}Z INFO [x] y\n".encode())
    assert line.time == TIME.replace(microsecond=microsecond)


def test_the_longest_header_is_not_longer_than_it_may_be() -> None:
    colour = "\x1b[0123456789m"
    front = "x" * 60 + "\r" + colour * 3 + f"2026-06-10T11:02:02.123456789 UTC {colour * 2}"
    for text in (
        f"{front}{'c' * 200}{colour * 2} {colour * 2}[{'1' * 20}] EXCEPTION{colour * 2}:{colour * 2} ",
        f"{front}EXCEPTION{colour * 2}{' ' * 20}{colour * 2}[{'c' * 100}]{colour * 2}:{colour * 2} ",
    ):
        (line,) = lines_of(f"{text}x\n".encode())
        assert line.header and line.header.size == len(text) <= LONGEST
        assert line.said == "x"


BITS = st.lists(
    st.binary(max_size=12)
    | st.sampled_from([text.encode() for text, *_ in FORMS])
    | st.sampled_from([b"\n", b"\r\n", STAMP.encode(), b"Z ERROR [", "ünï€𝄞".encode(), b"\xed\xa0\x80", b"x" * 3000]),
    max_size=20,
).map(b"".join)
CUTS = st.lists(st.integers(0, 400) | st.integers(0, 8000), max_size=8)


@given(BITS, CUTS)
def test_every_byte_is_in_one_line_wherever_text_is_cut(text: bytes, cuts: list[int]) -> None:
    whole = lines_of(text)
    assert b"".join(line.data for line in whole) == text
    assert [line.number for line in whole] == list(range(1, len(whole) + 1))
    assert all(line.data.index(b"\n") == len(line.data) - 1 for line in whole[:-1])
    assert lines_of(text, cuts) == whole
    for line in whole:
        assert "\n" not in line.text
        assert line.text.endswith(line.said)


@given(BITS, CUTS)
def test_pieces_of_long_lines_are_the_same_wherever_text_is_cut(text: bytes, cuts: list[int]) -> None:
    pieces = lines_of(text, longest=2 * LONGEST)
    assert lines_of(text, cuts, 2 * LONGEST) == pieces
    assert max((len(line.data) for line in pieces), default=0) <= 2 * LONGEST
    whole = lines_of(text)
    joined: dict[int, bytes] = {}
    for line in pieces:
        assert line.continues == (line.number in joined)
        joined[line.number] = joined.get(line.number, b"") + line.data
    assert joined == {line.number: line.data for line in whole}
    assert [(line.message, line.own) for line in pieces] == [
        (whole[line.number - 1].message, whole[line.number - 1].own) for line in pieces
    ]
    said: dict[int, str] = {}
    for line in lines_of(text.decode("utf-8", "replace").encode(), longest=2 * LONGEST):
        said[line.number] = said.get(line.number, "") + line.said
    assert [*said.values()] == [line.said for line in lines_of(text.decode("utf-8", "replace").encode())]


@given(BITS, st.sampled_from([b"", b"raw\n" * 200]))
def test_the_last_header(text: bytes, more: bytes) -> None:
    lines = lines_of(text + b"\n" + more)
    assert last_header(text + b"\n" + more) == lines[-1].message


@given(
    BITS,
    st.sampled_from([b"", b"raw\n", f"{STAMP} ERROR a\n".encode() * 40, f"{STAMP} WARN a\nraw ERROR\n".encode() * 33]),
)
def test_counting_alone_gives_the_same(text: bytes, before: bytes) -> None:
    text = before + text
    expected = Counter(line.header.level for line in lines_of(text) if line.header)
    assert count(text) == Counts(text.count(b"\n"), expected[Level.WARN], expected[Level.ERROR])


@pytest.mark.parametrize("unit", [b"x", STAMP.encode() + b" ", STAMP.encode() + b" ERROR [", b"ERROR:", b"[1] "])
def test_a_line_of_many_megabytes_takes_time_in_proportion(unit: bytes) -> None:
    """Where each byte were looked at again for each piece, this would take hours."""
    text = unit * (10_000_000 // len(unit))
    begun = time.thread_time()
    for longest in (0, 16_384):
        parser = LineParser(longest=longest)
        found = []
        for place in range(0, len(text), 10_000):
            found += parser.feed(text[place : place + 10_000])
        found += parser.finish()
        assert sum(len(line.data) for line in found) == len(text)
    count(text)
    assert time.thread_time() - begun < 60
