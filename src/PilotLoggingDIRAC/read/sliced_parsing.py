# SPDX-License-Identifier: GPL-3.0-only
"""Text that is parsed to lines in time slices, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..lines.parser import Line, LineParser
from .log_text import LogText
from .time_slice import SLICE, time_slice

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
    parser: LineParser, slices: Iterable[Slice], fits: Callable[[Line], bool], first: int
) -> Iterator[Line]:
    """The lines that fit; of a long line's pieces the first one that does.

    Args:
        parser: At the first slice's beginning.
        fits: Looked at within the time slices.
        first: The line to begin with.
    """
    above = first - 1
    for data, is_last in slices:
        with time_slice():
            lines = _parse(parser, data, is_last)
            fitting = [line for line in lines if line.number > above and fits(line)]
        for line in fitting:
            if line.number > above:
                above = line.number
                yield line


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
