# SPDX-License-Identifier: GPL-3.0-only
"""Some lines of a log, by their numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ..lines.last_state import last_of
from ..lines.parser import Line, LineParser, State
from ..text import cut_at_character
from .log_text import LogText
from .outline import Outline
from .sliced_parsing import parse_slices, read_slices
from .time_slice import time_slice

LONGEST_LINE = 2**14
"""Bytes of a line that are shown, unless more are asked for."""
LEAST_OF_LINE = 2**10
_LOOKS_BACK = (2**16, 2**18)
"""Bytes of a line's end where its last state is looked for; few states are so long."""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line, perhaps only a part of it.

    Attributes:
        size: Bytes of all of it.
        last_state: Whether the part is its header and its last state; else it is its beginning.
    """

    line: Line
    size: int
    last_state: bool = False

    @property
    def cut(self) -> bool:
        return self.size > len(self.line.data)


def read_lines(
    text: LogText,
    outline: Outline,
    numbers: Iterable[int],
    most: int,
    most_bytes: int,
    seconds: float,
    longest: int = LONGEST_LINE,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[list[ShownLine], bool]:
    """Lines by their numbers, in the order of the log.

    Args:
        text, outline: Of the same version.
        numbers: Ascending; those that there are not are passed over.
        most: How many are given.
        most_bytes: Of what is given; at least one line is.
        seconds: After this time no further block is looked at.
        longest: About so many bytes of a line are given: of a longer one the beginning, or, if it was written over, the
            header and the last state.

    Returns:
        The lines, and whether some are left out: for their number, their size or the time.
    """
    found: list[ShownLine] = []
    size, until = 0, clock() + seconds
    there = (number for number in numbers if 1 <= number <= outline.lines)
    for place, of_block in groupby(there, key=outline.block_of):
        if found and clock() > until:
            return found, True
        wanted = set(of_block)
        for shown, begin in _lines_of_block(text, outline, place, max(wanted), longest):
            if shown.line.number not in wanted:
                continue
            if shown.cut:
                shown = _with_its_end(text, shown, begin, longest)
            size += len(shown.line.data)
            if len(found) >= most or (found and size > most_bytes):
                return found, True
            found.append(shown)
    return found, False


def in_last_state(shown: ShownLine) -> ShownLine:
    """Of a line that was written over the header and the last state; another one as it is."""
    at = _message_at(shown.line)
    state, is_last = last_of(shown.line.data[at:].removesuffix(b"\n"))
    return _shortened(shown, state) if is_last else shown


def _with_its_end(text: LogText, shown: ShownLine, begin: int, longest: int) -> ShownLine:
    """The same for a line of which only the beginning was read."""
    begin, end = begin + (at := _message_at(shown.line)), begin + shown.size
    for size in _LOOKS_BACK:
        start = max(begin, end - size)
        data = text.read(start, end).removesuffix(b"\n")
        with time_slice():
            state, is_last = last_of(data)
        if is_last:
            return _shortened(shown, cut_at_character(state, longest - at))
        if start == begin:
            break
    return shown


def _message_at(line: Line) -> int:
    return line.header.size if line.header else 0


def _shortened(shown: ShownLine, state: bytes) -> ShownLine:
    head = shown.line.data[: _message_at(shown.line)]
    return ShownLine(shown.line._replace(data=head + state), shown.size, True)


def _lines_of_block(
    text: LogText, outline: Outline, place: int, last: int, longest: int
) -> Iterator[tuple[ShownLine, int]]:
    """The lines of a block up to ``last``, and where each begins. Of a huge line only the beginning is read: it is the
    last of its block."""
    block = outline.blocks[place]
    next_line, end = outline.end_of(place)
    parser = LineParser(State(block.line - 1, block.message), longest)
    waiting: Line | None = None
    begun = parsed = block.offset
    for lines in parse_slices(parser, read_slices(text, block.offset, end)):
        for line in lines:
            if not line.continues:
                if waiting is not None:
                    yield ShownLine(waiting, parsed - begun), begun
                if line.number > last:
                    return
                waiting, begun = line, parsed
            parsed += len(line.data)
        if waiting is not None and waiting.number == next_line - 1:
            break
    if waiting is not None:
        yield ShownLine(waiting, (end if waiting.number == next_line - 1 else parsed) - begun), begun
