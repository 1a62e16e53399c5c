# SPDX-License-Identifier: GPL-3.0-only
"""What a log looks like from afar: blocks of lines with their times and levels, where the errors are, what is missing.

Made in one pass over the text, and extended while the log grows. It does not hold the text, and not every line: memory
is bounded, whatever the log.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..gap_lines import format_gap
from ..lines.header import HEADER, LONGEST, Header, Level, header_in
from ..model import Gap

BLOCK_LINES = 500
BLOCK_BYTES = 2**18
"""A block ends behind the line with which it has so many bytes, so that a huge line is the last one of its block."""
MOST_BLOCKS = 2000
"""Beyond, two neighbours become one, as long as that has no more than ``BLOCK_BYTES``."""
MOST_NUMBERS = 1000
_MOST_COMMANDS = 2000
_LINE = re.compile(rb"(?:" + HEADER + rb")?[^\n]*\n")
_BEGINNING = re.compile(HEADER)
_LEFT_OUT = re.compile(rb"\[\.\.\. ([0-9]{1,18}) bytes left out here: the log had grown past its limit")
_RAW = len(Level)


@dataclass(slots=True)
class Block:
    """Some neighbouring lines.

    Attributes:
        line, offset: Where the first one begins: its number, and its first byte's place in the log.
        message: That to which raw output at the block's beginning belongs.
        earliest, latest: Times of its messages as they stand there.
        counts: Messages by level, and lines without a header.
    """

    line: int
    offset: int
    message: Header | None
    earliest: bytes = b""
    latest: bytes = b""
    counts: list[int] = field(default_factory=lambda: [0] * (_RAW + 1))

    def note(self, header: Header | None) -> None:
        """Count one line."""
        if header is None:
            self.counts[_RAW] += 1
            return
        self.counts[header.level] += 1
        stamp = header.stamp
        if not self.earliest or stamp < self.earliest:
            self.earliest = stamp
        if stamp > self.latest:
            self.latest = stamp

    def joined(self, after: Block) -> Block:
        """One block of two."""
        return replace(
            self,
            earliest=min(filter(None, (self.earliest, after.earliest)), default=b""),
            latest=max(self.latest, after.latest),
            counts=[sum(pair) for pair in zip(self.counts, after.counts, strict=True)],
        )

    def copy(self) -> Block:
        return replace(self, counts=list(self.counts))


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a reader should know at line ``line``: messages are ``missing`` before it, or it says itself that
    the middle was left out."""

    line: int
    missing: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many lines of a kind there are, and which are the first."""

    total: int = 0
    first: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """A log at one moment.

    Attributes:
        version, edition: See ``docs/protocol.md``.
        size: In bytes.
        ended: Whether the last line has its end.
        commands: Messages of each, most first.
    """

    version: str
    edition: str
    lines: int
    size: int
    ended: bool
    blocks: Sequence[Block]
    warnings: Numbers
    errors: Numbers
    commands: Sequence[tuple[str, int]]
    marks: Sequence[Mark]

    def block_of(self, line: int) -> int:
        """The place of the block that has a line."""
        return bisect_right(self.blocks, line, key=lambda block: block.line) - 1

    def end_of(self, place: int) -> tuple[int, int]:
        """Behind a block: the number and the place of the line that comes next."""
        if place + 1 < len(self.blocks):
            following = self.blocks[place + 1]
            return following.line, following.offset
        return self.lines + 1, self.size


class OutlineBuilder:
    """Makes an outline of text as it comes, cut anywhere."""

    def __init__(self, block_lines: int = BLOCK_LINES) -> None:
        self._block_lines = block_lines
        self._blocks: list[Block] = []
        self._lines = 0
        self._offset = 0  # of what is counted
        self._message: Header | None = None
        self._rest = b""  # the beginning of a line, not counted yet
        self._inside = False  # within a line that is counted
        self._numbers: dict[Level, list[int]] = {Level.WARN: [], Level.ERROR: []}
        self._totals = dict.fromkeys(Level, 0)
        self._commands: Counter[str] = Counter()
        self._marks: list[Mark] = []

    @property
    def size(self) -> int:
        """So many have been fed."""
        return self._offset + len(self._rest)

    @property
    def weight(self) -> int:
        """What it takes in memory, in blocks and what is as large as one."""
        return 1 + len(self._blocks) + (len(self._commands) + len(self._marks)) // 4

    def note_gap(self, gap: Gap) -> None:
        """Messages are missing here, between what was fed and what comes next."""
        begun = bool(self._rest)
        inside = self._inside
        if len(self._marks) < MOST_NUMBERS:
            line = self._lines + 1 + (begun and not inside)
            sentence = format_gap(gap).strip("[]. \n")
            self._marks.append(Mark(line, True, f"{sentence[0].upper()}{sentence[1:]}."))

    def feed(self, data: bytes) -> None:
        """The next piece of text."""
        if self._inside:
            end = data.find(b"\n") + 1
            self._offset += end or len(data)
            if not end:
                return
            self._inside = False
            data = data[end:]
        text = self._rest + data
        end = text.rfind(b"\n") + 1
        self._count(text[:end] if end < len(text) else text)
        self._rest = text[end:]
        if len(self._rest) > LONGEST:
            # It is known by now what it begins with, and it may be endless.
            self._note_line(_first_header(self._rest))
            self._offset += len(self._rest)
            self._rest, self._inside = b"", True

    def _count(self, text: bytes) -> None:
        """Whole lines."""
        base = self._offset
        block = self._blocks[-1] if self._blocks else None
        for found in _LINE.finditer(text):
            place = base + found.start()
            number = self._lines + 1
            if block is None or number - block.line >= self._block_lines or place - block.offset >= BLOCK_BYTES:
                block = self._new_block(number, place)
            self._lines = number
            header = header_in(found)
            if header is None:
                block.counts[_RAW] += 1
                if found[0].startswith(b"[... "):
                    self._note_left_out(found[0], number)
                continue
            block.note(header)
            self._note_message(header, number)
        self._offset = base + len(text)

    def _note_line(self, header: Header | None) -> None:
        number = self._lines + 1
        block = self._blocks[-1] if self._blocks else None
        if block is None or number - block.line >= self._block_lines or self._offset - block.offset >= BLOCK_BYTES:
            block = self._new_block(number, self._offset)
        self._lines = number
        block.note(header)
        if header is not None:
            self._note_message(header, number)

    def _note_message(self, header: Header, number: int) -> None:
        self._message = header
        level = header.level
        self._totals[level] += 1
        if level >= Level.WARN and len(self._numbers[level]) < MOST_NUMBERS:
            self._numbers[level].append(number)
        if header.command in self._commands or len(self._commands) < _MOST_COMMANDS:
            self._commands[header.command] += 1

    def _note_left_out(self, line: bytes, number: int) -> None:
        matched = _LEFT_OUT.match(line)
        if matched and len(self._marks) < MOST_NUMBERS:
            sentence = f"{int(matched[1])} bytes were left out here: the log had grown past its limit (MaxLogSize)."
            self._marks.append(Mark(number, False, sentence))

    def _new_block(self, line: int, offset: int) -> Block:
        if len(self._blocks) >= MOST_BLOCKS:
            self._join_blocks()
        block = Block(line, offset, self._message)
        self._blocks.append(block)
        return block

    def _join_blocks(self) -> None:
        """Larger blocks from now on: each two neighbours become one where both are small."""
        joined: list[Block] = []
        for place, block in enumerate(self._blocks):
            end = self._blocks[place + 1].offset if place + 1 < len(self._blocks) else self._offset
            small = joined and end - joined[-1].offset <= BLOCK_BYTES
            if small and block.line - joined[-1].line <= self._block_lines:
                joined[-1] = joined[-1].joined(block)
            else:
                joined.append(block)
        self._blocks = joined
        self._block_lines *= 2

    def outline(self, version: str, edition: str) -> Outline:
        """What is known by now; the line that has not ended counts as one."""
        blocks, lines = list(self._blocks), self._lines
        numbers = {level: list(found) for level, found in self._numbers.items()}
        totals, commands = dict(self._totals), self._commands
        if self._rest:
            whole = OutlineBuilder(self._block_lines)
            whole._blocks, whole._lines, whole._offset = blocks, lines, self._offset
            if blocks:
                blocks[-1] = blocks[-1].copy()
            whole._message, whole._numbers, whole._totals = self._message, numbers, totals
            whole._commands = commands = self._commands.copy()
            whole._note_line(_first_header(self._rest))
            blocks, lines = whole._blocks, whole._lines
        elif blocks:
            blocks[-1] = blocks[-1].copy()
        return Outline(
            version,
            edition,
            lines,
            self.size,
            not self._rest and not self._inside,
            blocks,
            Numbers(totals[Level.WARN], tuple(numbers[Level.WARN])),
            Numbers(totals[Level.ERROR], tuple(numbers[Level.ERROR])),
            commands.most_common(),
            tuple(self._marks),
        )


def _first_header(line: bytes) -> Header | None:
    found = _BEGINNING.match(line)
    return header_in(found) if found else None
