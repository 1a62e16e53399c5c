# SPDX-License-Identifier: GPL-3.0-only
"""What somebody looks for in the lines of logs."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import PlainValidator

from ..documents import Document, accept_flag, accept_time, read_document
from ..lines.header import Level
from ..lines.parser import Line
from .expression import Expression
from .look_time import LookTime
from .outline import Block
from .parts import PART, Matches, MayBeIn, may_have_match, may_have_text
from .shown import as_shown, is_shown_otherwise

LONGEST = 500
"""Characters of a text or a pattern."""
_MOST_NAMES = 100
_LONGEST_NAME = 255

# What makes the beginning of a line another one than that of a block, or may do so.
_ANCHORS_APART = re.compile(r"\\[AzZ]|\(\?(?!:|i[:)]|P<)")


def _always(_: bytes, __: LookTime) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions for a line, which all hold.

    Attributes:
        in_line: Whether the bytes of a line, without its end, have what is looked for: as they were sent, or as the
            page shows them. It may take long; its time is looked at meanwhile.
        in_block: Whether a text of many lines can have such a line; never wrong when it says no.
        may_be_in_log: The same for a whole log, in pieces that were cut anywhere; quicker. None: it would never say no.
        levels, commands: Of the message that the line belongs to; None for any.
        since, until: The same for its time.
        own: Only lines with a header.
    """

    in_line: Matches = _always
    in_block: Matches = _always
    may_be_in_log: MayBeIn | None = None
    levels: frozenset[Level] | None = None
    commands: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    own: bool = False

    @classmethod
    def parse(cls, value: Any) -> Query:
        """A query as a reader sends it: an object of the conditions in ``docs/protocol.md``, or just a text.

        Raises:
            Rejected: A condition is unknown or ill-typed, or a pattern is none of RE2's.
        """
        asked = read_document(_Conditions, {"text": value} if isinstance(value, str) else value)
        in_line, in_block, in_log = _matcher(asked)
        return cls(in_line, in_block, in_log, asked.levels, asked.commands, asked.since, asked.until, asked.own)

    def fits(self, line: Line) -> bool:
        """Whether a line is what is looked for, however long that takes."""
        return self.may_fit(line) and self.has_text(line, LookTime(math.inf))

    def has_text(self, line: Line, time: LookTime) -> bool:
        """Whether a line has the text that is looked for."""
        return self.in_line(line.data.removesuffix(b"\n").removesuffix(b"\r"), time)

    def may_fit(self, line: Line) -> bool:
        """Whether a line is what is looked for, but for its text; quick."""
        if self.own and not line.own:
            return False
        if self.levels is not None and line.level not in self.levels:
            return False
        if self.commands is not None and (line.message is None or line.command not in self.commands):
            return False
        return not (self.since or self.until) or self._in_time(line.time)

    def may_be_in(self, block: Block) -> bool:
        """Whether such a line can be in a block; never wrong when it says no."""
        if self.own and not any(block.counts[:-1]):
            return False
        if self.levels is None:
            return True
        inherited = block.message is not None and block.message.level in self.levels
        return inherited or any(block.counts[level] for level in self.levels)

    def _in_time(self, moment: datetime | None) -> bool:
        if moment is None:
            return False
        return not (self.since and moment < self.since) and not (self.until and moment >= self.until)


def _accept_text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and 0 < len(value) <= LONGEST and "\n" not in value):
        return value
    raise ValueError(f"is not a text of 1 to {LONGEST} characters in one line")


def _accept_levels(value: Any) -> frozenset[Level] | None:
    if value is None:
        return None
    names = Level.__members__
    if (
        not isinstance(value, list)
        or len(value) > _MOST_NAMES
        or not all(isinstance(name, str) and name in names for name in value)
    ):
        raise ValueError(f"are not a list of {', '.join(Level.__members__)}")
    return frozenset(Level[name] for name in value)


def _accept_commands(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    if (
        not isinstance(value, list)
        or len(value) > _MOST_NAMES
        or not all(isinstance(name, str) and len(name) <= _LONGEST_NAME for name in value)
    ):
        raise ValueError(f"are not a list of at most {_MOST_NAMES} names of at most {_LONGEST_NAME} characters")
    return frozenset(value)


_Text = Annotated[str | None, PlainValidator(_accept_text)]
_Flag = Annotated[bool, PlainValidator(lambda value: value is not None and accept_flag(value))]
_Time = Annotated[datetime | None, PlainValidator(lambda value: None if value is None else accept_time(value))]


class _Conditions(Document):
    """As a reader sends them; null counts as not sent."""

    subject = "The query"
    form = "is neither a text nor an object of conditions"
    unknown = "Lines cannot be found by {name}; by these they can: {known}."

    text: _Text = None
    regex: _Text = None
    ignoreCase: _Flag = False
    levels: Annotated[frozenset[Level] | None, PlainValidator(_accept_levels)] = None
    commands: Annotated[frozenset[str] | None, PlainValidator(_accept_commands)] = None
    since: _Time = None
    until: _Time = None
    own: _Flag = False

    @classmethod
    def call_field(cls, name: str) -> str:
        return f"The {name}" if name in ("text", "regex", "levels", "commands") else name


def _matcher(asked: _Conditions) -> tuple[Matches, Matches, MayBeIn | None]:
    in_lines: list[Matches] = []
    in_blocks: list[Matches] = []
    in_logs: list[MayBeIn] = []
    if asked.text is not None:
        if asked.ignoreCase:
            expression = Expression("text", asked.text, asked.ignoreCase, literal=True)
            matches = _as_sent_or_shown(expression.is_in)
            in_logs.append(may_have_match(matches, expression.piece))
        else:
            wanted = asked.text.encode("utf-8", "surrogatepass")
            matches = _as_sent_or_shown(_contains(wanted))
            in_logs.append(may_have_text(wanted, matches))
        in_lines.append(matches)
        in_blocks.append(matches)
    if asked.regex is not None:
        in_lines.append(_as_sent_or_shown(Expression("regex", asked.regex, asked.ignoreCase).is_in))
        if not _ANCHORS_APART.search(asked.regex):
            expression = Expression("regex", f"(?m:{asked.regex})", asked.ignoreCase)
            in_blocks.append(_as_sent_or_shown(_search_block(expression)))
            if expression.piece >= PART:
                in_logs.append(may_have_match(in_blocks[-1], expression.piece))
    return _all_of(in_lines), _all_of(in_blocks), _may_have_all(in_logs)


def _contains(wanted: bytes) -> Matches:
    return lambda data, _: wanted in data


def _all_of(conditions: Sequence[Matches]) -> Matches:
    return (lambda data, time: all(condition(data, time) for condition in conditions)) if conditions else _always


def _may_have_all(conditions: Sequence[MayBeIn]) -> MayBeIn | None:
    return (lambda pieces, time: all(condition(pieces, time) for condition in conditions)) if conditions else None


def _as_sent_or_shown(matches: Matches) -> Matches:
    return lambda data, time: matches(data, time) or (is_shown_otherwise(data) and matches(as_shown(data), time))


def _search_block(expression: Expression) -> Matches:
    # A carriage return before a line's end, or the text's, is not part of the line.
    return lambda data, time: expression.is_in(
        data.replace(b"\r\n", b"\n").removesuffix(b"\r") if b"\r" in data else data, time
    )
