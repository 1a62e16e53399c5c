# SPDX-License-Identifier: GPL-3.0-only
"""What one message leaves for the next one of the same stream, so that a secret cut in two is still found."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import colours
from .spans import ENDINGS

CONTEXT = 160
"""Bytes of an unfinished line that are remembered: a line's header, a name and the beginning of a value."""

_CUT = b"~~~"
_MOST = 2000
_NOT_PLAIN = re.compile(rb"[^\t\r\n\x1b -~]")
_BLANKS = re.compile(rb"[ \t]{5,}")
_ANNOUNCEMENT = re.compile(rb"[\"'][ \t]{0,4}:[ \t]{0,4}\r?\n\Z")


@dataclass(frozen=True, slots=True)
class Carry:
    """The state of a stream between two messages. Never has a secret in it: its text is what was stored.

    Attributes:
        context: The end of the unfinished last line as it was stored, at most :data:`CONTEXT` bytes, ASCII only.
        inside: Name of the ending that the secret at the end of the last message goes on with; empty outside of one.
        key_lines: So many further lines may belong to a private key; 0 outside of one.
    """

    context: bytes = b""
    inside: str = ""
    key_lines: int = 0

    def __bool__(self) -> bool:
        return bool(self.context or self.inside or self.key_lines)

    def dump(self) -> str:
        """As a short ASCII string; empty for :data:`NOTHING`."""
        return f"{self.key_lines}:{self.inside}:{self.context.decode('ascii')}" if self else ""

    @classmethod
    def load(cls, dumped: str) -> Carry:
        """The inverse of :meth:`dump`; :data:`NOTHING` for what it never made."""
        lines, _, rest = dumped.partition(":")
        inside, colon, context = rest.partition(":")
        if not (colon and lines.isdecimal() and context.isascii() and (not inside or inside in ENDINGS)):
            return NOTHING
        return cls(context.encode("ascii"), inside, int(lines))


NOTHING = Carry()
"""The usual state: the last message ended with a line, outside of a private key."""


def announces(text: bytes) -> bool:
    """Whether the last line, a finished one, ends in a quoted name and its sign: the value stands on the next one."""
    return text[-8:].rstrip().endswith(b":") and _ANNOUNCEMENT.search(text[-CONTEXT:]) is not None


def context_of(stored: bytes) -> bytes:
    """What is remembered of the unfinished last line of a stored text; empty if its last line is finished.

    It is as it was stored, but for colours and long rows of blanks. The line before it is part of it if it announces a
    value on this one.
    """
    begin = max(stored.rfind(b"\n"), stored.rfind(b"\0")) + 1
    if announces(stored[max(0, begin - CONTEXT) : begin]):
        begin = max(stored.rfind(b"\n", 0, begin - 1), stored.rfind(b"\0", 0, begin - 1)) + 1
    last = _BLANKS.sub(b"    ", colours.without(stored[max(begin, len(stored) - _MOST) :]))
    if cut := len(last) > CONTEXT or len(stored) - begin > _MOST:
        last = last[max(0, len(last) - CONTEXT + len(_CUT)) :]
    return (_CUT if cut else b"") + _NOT_PLAIN.sub(b"~", last)
