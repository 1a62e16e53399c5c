# SPDX-License-Identifier: GPL-3.0-only
"""Lines of one log that fit a query."""

from __future__ import annotations

import time as clocks
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..lines.parser import LineParser, State
from .log_text import LogText
from .look_time import LookTime, TimeIsOver
from .outline import Outline
from .query import Query
from .sliced_parsing import Slice, find_block, find_in_slices, read_slices, slices_of

PIECE = 2**20
"""A longer line is looked at in pieces of so many bytes."""


@dataclass(slots=True)
class Found:
    """What was found.

    Attributes:
        numbers: Of the first lines.
        total: Of all lines found.
        next: The line to go on with; None at the end.
    """

    numbers: list[int] = field(default_factory=list)
    total: int = 0
    next: int | None = None


def find_lines(
    text: LogText,
    outline: Outline,
    query: Query,
    first: int,
    limit: int,
    seconds: float,
    clock: Callable[[], float] = clocks.monotonic,
) -> Found:
    """Look from line ``first`` on, until a time is over; at least through one line.

    Args:
        text, outline: Of the same version.
        limit: How many numbers are wanted; what is found beyond is only counted.
        seconds: After this time no further line is looked at.

    Raises:
        Rejected: An expression is too slow for a single line.
    """
    found = Found()
    time = LookTime(seconds, clock)
    looked = False
    for place in range(max(outline.block_of(first), 0), len(outline.blocks)):
        block = outline.blocks[place]
        if looked and time.is_over:
            found.next = max(first, block.line)
            break
        if not query.may_be_in(block):
            continue
        try:
            _look_through(text, outline, place, query, first, limit, found, time)
        except TimeIsOver:
            found.next = time.line
            break
        looked = True
    return found


def _look_through(
    text: LogText,
    outline: Outline,
    place: int,
    query: Query,
    first: int,
    limit: int,
    found: Found,
    time: LookTime,
) -> None:
    block = outline.blocks[place]
    _, end = outline.end_of(place)
    begin = first
    slices: Iterable[Slice] = read_slices(text, block.offset, end)
    if end - block.offset <= PIECE:
        data = text.read(block.offset, end)
        can_be = find_block(data, 0, first - 1, query, time, block.line - 1, first)
        if can_be is None:
            return
        begin = max(first, can_be)
        slices = slices_of(data)
    parser = LineParser(State(block.line - 1, block.message), PIECE)
    for line in find_in_slices(parser, slices, query, begin, time, first):
        found.total += 1
        if len(found.numbers) < limit:
            found.numbers.append(line.number)
