# SPDX-License-Identifier: GPL-3.0-only
"""What somebody looks for in the lines of logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import PlainValidator

from ..documents import Document, accept_flag, accept_time, read_document
from ..errors import Rejected, Unavailable
from ..lines.header import Level
from ..lines.parser import Line
from .outline import Block

LONGEST = 500
"""Characters of a text or a pattern."""
_MOST_NAMES = 100
_MEMORY = 1 << 22
"""Bytes that RE2 may take for a pattern."""

_Matches = Callable[[bytes], bool]


def _always(_: bytes) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions for a line, which all hold.

    Attributes:
        in_line: Whether the bytes of a line, without its end, are what is looked for.
        in_block: Whether a text of many lines can have such a line; quick, and never wrong when it says no.
        levels, commands: Of the message that the line belongs to; None for any.
        since, until: The same for its time.
        own: Only lines with a header.
    """

    in_line: _Matches = _always
    in_block: _Matches = _always
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
        in_line, in_block = _matcher(asked)
        return cls(in_line, in_block, asked.levels, asked.commands, asked.since, asked.until, asked.own)

    def fits(self, line: Line) -> bool:
        """Whether a line is what is looked for."""
        if self.own and not line.own:
            return False
        if self.levels is not None and line.level not in self.levels:
            return False
        if self.commands is not None and (line.message is None or line.command not in self.commands):
            return False
        if (self.since or self.until) and not self._in_time(line.time):
            return False
        return self.in_line(line.data.removesuffix(b"\n").removesuffix(b"\r"))

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
    if not isinstance(value, list) or not all(isinstance(name, str) and name in Level.__members__ for name in value):
        raise ValueError(f"are not a list of {', '.join(Level.__members__)}")
    return frozenset(Level[name] for name in value)


def _accept_commands(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > _MOST_NAMES or not all(isinstance(name, str) for name in value):
        raise ValueError(f"are not a list of at most {_MOST_NAMES} names")
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


def _matcher(asked: _Conditions) -> tuple[_Matches, _Matches]:
    conditions: list[tuple[_Matches, _Matches]] = []
    if asked.text is not None:
        if asked.ignoreCase:
            pattern = _compiled("text", asked.text, asked.ignoreCase, literal=True)
            conditions.append((_searches(pattern), _searches(pattern)))
        else:
            data = asked.text.encode("utf-8", "surrogatepass")
            conditions.append((lambda line: data in line, lambda block: data in block))
    if asked.regex is not None:
        pattern = _compiled("regex", asked.regex, asked.ignoreCase)
        conditions.append((_searches(pattern), _block_searcher(asked.regex, asked.ignoreCase)))
    if not conditions:
        return _always, _always
    if len(conditions) == 1:
        return conditions[0]
    (first, first_block), (second, second_block) = conditions
    return (
        lambda line: first(line) and second(line),
        lambda block: first_block(block) and second_block(block),
    )


def _searches(pattern: Any) -> _Matches:
    search = pattern.search
    return lambda data: search(data) is not None


def _block_searcher(regex: str, ignore_case: bool) -> _Matches:
    if any(part in regex for part in ("\\A", "\\z", "\\Z", "(?")):
        # What is the beginning of a line need not be that of a block.
        return _always
    search = _compiled("regex", f"(?m:{regex})", ignore_case).search
    # A carriage return before a line's end is not part of the line.
    return lambda data: search(data.replace(b"\r\n", b"\n") if b"\r" in data else data) is not None


def _compiled(name: str, pattern: str, ignore_case: bool, literal: bool = False) -> Any:
    try:
        import re2
    except ImportError as error:
        raise Unavailable("To search by patterns the collector needs RE2: pip install google-re2.") from error
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.literal = literal
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise Rejected(f"The {name} is not a regular expression of RE2: {ascii(reason)[1:-1][:200]}.") from error
    except UnicodeEncodeError as error:
        raise Rejected(f"The {name} has characters that are not valid Unicode.") from error
