# SPDX-License-Identifier: GPL-3.0-only
"""Text that is parsed to lines in time slices, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..lines.parser import Line, LineParser
from .log_text import LogText
from .look_time import LookTime
from .parts import parts_of
from .query import Query
from .time_slice import SLICE, pause, time_slice

Slice = tuple[bytes, bool]
"""Bytes, and whether they are the last."""


def parse_slices(parser: LineParser, slices: Iterable[Slice]) -> Iterator[list[Line]]:
    """The lines of each slice.

    Args:
        parser: At the first slice's beginning.
    """
    for data, is_last in slices:
        with time_slice():
            lines = _parse(parser, data, is_last)
        yield lines


def find_in_slices(
    parser: LineParser, slices: Iterable[Slice], query: Query, first: int, time: LookTime, begun: int
) -> Iterator[Line]:
    """The lines that fit; of a long line's pieces the first one that does.

    Text is looked for outside the time slices: an expression may take long, and nobody waits for it.

    Args:
        parser: At the first slice's beginning.
        first: The line to begin with.
        time: That of the call; it may end before each line behind line ``begun``.

    Raises:
        TimeIsOver, Rejected: See :meth:`.look_time.LookTime.match`.
    """
    above = first - 1
    for data, is_last in slices:
        with time_slice():
            lines = [line for line in _parse(parser, data, is_last) if line.number > above and query.may_fit(line)]
        for line in lines:
            if line.number <= above:
                continue
            time.come_to(line.number, line.number > begun)
            if query.has_text(line, time):
                above = line.number
                yield line


def find_block(data: bytes, inside: int, skip: int, query: Query, time: LookTime, line: int, begun: int) -> int | None:
    """The first line of that part of a text where a line can be that fits; None if there is none.

    Args:
        data: Whole lines, or a part of one.
        inside: 1 if it begins within a line, else 0.
        skip: Lines up to this one are not looked at.
        line: The last line that was begun before the text.
        time, begun: As of :func:`find_in_slices`.
    """
    for part in parts_of(data):
        first = line + 1 - inside
        ends = part.count(b"\n")
        last = first + max(ends, 1) - 1
        if last > skip:
            time.come_to(first, first > begun)
            can_be = query.in_block(part, time)
            pause()
            if can_be:
                return first
        line, inside = last, int(not ends)
    return None


def _parse(parser: LineParser, data: bytes, is_last: bool) -> list[Line]:
    lines = parser.feed(data)
    return lines + parser.finish() if is_last else lines


def slices_of(data: bytes) -> Iterator[Slice]:
    """What is in memory."""
    for begin in range(0, len(data), SLICE):
        yield data[begin : begin + SLICE], begin + SLICE >= len(data)


def read_slices(text: LogText, begin: int, end: int) -> Iterator[Slice]:
    """What has still to be read, from one byte of a log to another, as it is asked for."""
    position = begin
    while position < end:
        data = text.read(position, min(position + SLICE, end))
        position += len(data)
        yield data, position >= end
