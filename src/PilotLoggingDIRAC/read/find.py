# SPDX-License-Identifier: GPL-3.0-only
"""Lines of one log that fit a query."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..lines.parser import LineParser, State
from .log_text import LogText
from .outline import Outline
from .query import Query
from .sliced_parsing import Slice, find_in_slices, read_slices, slices_of
from .time_slice import time_slice

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
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Look from line ``first`` on, until a time is over; at least through one block.

    Args:
        text, outline: Of the same version.
        limit: How many numbers are wanted; what is found beyond is only counted.
        seconds: After this time no further block is looked at.
    """
    found = Found()
    until = clock() + seconds
    looked = False
    for place in range(max(outline.block_of(first), 0), len(outline.blocks)):
        block = outline.blocks[place]
        if looked and clock() > until:
            found.next = max(first, block.line)
            break
        if query.may_be_in(block):
            looked = True
            _look_through(text, outline, place, query, first, limit, found)
    return found


def _look_through(
    text: LogText, outline: Outline, place: int, query: Query, first: int, limit: int, found: Found
) -> None:
    block = outline.blocks[place]
    _, end = outline.end_of(place)
    slices: Iterable[Slice] = read_slices(text, block.offset, end)
    if end - block.offset <= PIECE:
        data = text.read(block.offset, end)
        with time_slice():
            if not query.in_block(data):
                return
        slices = slices_of(data)
    parser = LineParser(State(block.line - 1, block.message), PIECE)
    for line in find_in_slices(parser, slices, query.fits, first):
        found.total += 1
        if len(found.numbers) < limit:
            found.numbers.append(line.number)
