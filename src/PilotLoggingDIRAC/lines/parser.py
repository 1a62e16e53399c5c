# SPDX-License-Identifier: GPL-3.0-only
"""Text cut into lines, whatever comes and wherever it was cut on its way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from ..text import cut_at_character, decode
from .header import HEADER, LONGEST, Header, Level, header_in

_LINE = re.compile(rb"(?:" + HEADER + rb")?[^\n]*\n?")
_AT_LINE = re.compile(rb"^" + HEADER, re.MULTILINE)
_LEAST_PIECE = 2 * LONGEST
_LINES_BACK = 100


class Line(NamedTuple):
    """A line, or a piece of one that is very long.

    Attributes:
        number: From 1. All pieces of a line have the same.
        data: Its bytes, with the line's end if it is there.
        message: The header of the message that the line belongs to; None before the first one.
        own: Whether that header stands in this line (in its first piece); else the line is raw output.
        continues: Whether this is another piece of the line before.
    """

    number: int
    data: bytes
    message: Header | None
    own: bool
    continues: bool = False

    @property
    def header(self) -> Header | None:
        """What this begins with; None for raw output, and for another piece of a line."""
        return self.message if self.own and not self.continues else None

    @property
    def at(self) -> int:
        """The character of the text with which the message begins; 0 without a header."""
        return len(decode(self.data[: self.header.size])) if self.header else 0

    @property
    def text(self) -> str:
        """What stands in the line: header and all, without the line's end."""
        return decode(self._bare())

    @property
    def said(self) -> str:
        """The same without the line's own header."""
        return decode(self._bare()[self.header.size if self.header else 0 :])

    @property
    def time(self) -> datetime | None:
        """When the message was said, aware, in UTC. Raw output has the time of the message before it."""
        return self.message.time if self.message else None

    @property
    def level(self) -> Level | None:
        """That of the message; None before the first one."""
        return self.message.level if self.message else None

    @property
    def command(self) -> str:
        """By what command; empty where the message does not say, and before the first one."""
        return self.message.command if self.message else ""

    def _bare(self) -> bytes:
        return self.data.removesuffix(b"\n").removesuffix(b"\r") if self.data.endswith(b"\n") else self.data


@dataclass(frozen=True, slots=True)
class State:
    """What carries over from one piece of text to the next.

    Attributes:
        lines: The number of the last line that was begun.
        message: The last header.
        inside: Whether a piece of a long line has been given whose rest is to come.
        own: Whether that line has a header.
        rest: Text of a line that has not ended.
    """

    lines: int = 0
    message: Header | None = None
    inside: bool = False
    own: bool = False
    rest: bytes = b""


class LineParser:
    """Cuts text into lines as it comes. Every byte is in exactly one line; only ``\\n`` ends one."""

    def __init__(self, state: State = State(), longest: int = 0) -> None:
        """Args:
        state: Where another parser, with the same ``longest``, has stopped.
        longest: A longer line comes in pieces of about so many bytes (1 kB at least), cut between characters, so
            that memory is bounded; 0: a line is one piece, however long.
        """
        self._state = replace(state, rest=b"")
        self._rest = [state.rest] if state.rest else []
        self._longest = max(longest, _LEAST_PIECE) if longest else 0
        self._waiting = len(state.rest)

    @property
    def state(self) -> State:
        """With which another parser can go on."""
        return replace(self._state, rest=b"".join(self._rest))

    def feed(self, data: bytes) -> list[Line]:
        """The lines that end in the next piece of text (and those pieces of a long one that are certain)."""
        end = data.rfind(b"\n") + 1
        if end == 0:
            self._keep(data)
            return list(self._overlong())
        text = b"".join([*self._rest, data[:end]])
        self._rest, self._waiting = [], 0
        self._keep(data[end:])
        lines = list(self._cut(text))
        lines.extend(self._overlong())
        return lines

    def finish(self) -> list[Line]:
        """What has not ended, as a line: there is no more text. None or one."""
        text = b"".join(self._rest)
        self._rest, self._waiting = [], 0
        return list(self._cut(text)) if text else []

    def _keep(self, data: bytes) -> None:
        if data:
            self._rest.append(data)
            self._waiting += len(data)

    def _overlong(self) -> Iterator[Line]:
        """Pieces of a line that has not ended and is too long to wait for its end."""
        if not self._longest or self._waiting <= self._longest:
            return
        *pieces, rest = self._pieces(b"".join(self._rest))
        self._rest, self._waiting = [rest], len(rest)
        yield from map(self._piece, pieces)

    def _cut(self, text: bytes) -> Iterator[Line]:
        """Whole lines; the last one may lack its end."""
        position = 0
        if self._state.inside:
            position = text.find(b"\n") + 1 or len(text)
            yield from map(self._piece, self._pieces(text[:position]))
        number, message, longest = self._state.lines, self._state.message, self._longest
        header, data = None, b"\n"
        for found in _LINE.finditer(text, position):
            if not found[0]:
                break  # at the very end
            data = found[0]
            if longest and len(data) > longest:
                self._state = State(number, message)
                yield from map(self._piece, self._pieces(data))
                number, message, header = self._state.lines, self._state.message, None
                continue
            number += 1
            header = header_in(found)
            message = header or message
            yield Line(number, data, message, header is not None)
        if position < len(text) and not (longest and len(data) > longest):
            self._state = State(number, message, not data.endswith(b"\n"), header is not None)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """A long line in pieces; at least one."""
        place = 0
        while len(data) - place > self._longest:
            piece = cut_at_character(data[place : place + self._longest + 1], self._longest)
            yield piece
            place += len(piece)
        yield data[place:]

    def _piece(self, data: bytes) -> Line:
        state = self._state
        inside = not data.endswith(b"\n")
        if state.inside:
            self._state = replace(state, inside=inside)
            return Line(state.lines, data, state.message, state.own, True)
        found = _LINE.match(data)
        header = header_in(found) if found else None
        message = header or state.message
        self._state = State(state.lines + 1, message, inside, header is not None)
        return Line(state.lines + 1, data, message, header is not None)


def last_header(text: bytes) -> Header | None:
    """That of the last message in a text that begins with a line; None if there is none."""
    end = len(text) - text.endswith(b"\n")
    for _ in range(_LINES_BACK):
        begin = text.rfind(b"\n", 0, end) + 1
        found = _LINE.match(text, begin, min(end, begin + LONGEST))
        header = header_in(found) if found else None
        if header is not None or begin == 0:
            return header
        end = begin - 1
    # Much raw output: from its beginning that is quicker.
    last = None
    for found in _AT_LINE.finditer(text, 0, end):
        last = found
    return header_in(last) if last else None
