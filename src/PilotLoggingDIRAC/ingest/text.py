"""Text from outside as bytes, and what is counted in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import Rejected

# The pilot writes `2026-06-10T11:02:02.823512Z ERROR [Command] text`, the wrapper the same with a comma.
_MARKED = re.compile(
    rb"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.,][0-9]{1,6}Z (?:(WARN)|(ERROR|FATAL|CRITICAL))", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one piece of text adds to the figures of its log: ended lines, and headers of that level."""

    lines: int
    warnings: int
    errors: int


def encoded(text: str, limit: int) -> bytes:
    """The text as bytes, exactly: NULs, escapes and lone surrogates included.

    Raises:
        Rejected: It is larger than ``limit`` bytes.
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > limit:
        raise Rejected(
            f"The message has {len(data)} bytes of text and the limit (MaxMessageSize) is {limit}: send it in parts.",
            reason="too large",
        )
    return data


def decoded(data: bytes) -> str:
    """The inverse of :func:`encoded`. Bytes that it never made (a file from elsewhere) become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def counted(data: bytes) -> Counts:
    """Count ended lines, and the warnings and errors by their headers."""
    warnings = errors = 0
    # Most messages have neither; looking for the words first spares them the expression.
    if b"WARN" in data or b"ERROR" in data or b"FATAL" in data or b"CRITICAL" in data:
        for warning, _error in _MARKED.findall(data):
            if warning:
                warnings += 1
            else:
                errors += 1
    return Counts(data.count(b"\n"), warnings, errors)


def one_line(text: str, length: int) -> str:
    """The beginning of a text that a stranger wrote, for a log line or a column: what cannot be printed becomes ``?``,
    so that it ends no line, and no terminal obeys it."""
    return "".join(character if character.isprintable() else "?" for character in text[:length])


def cut_at_character(data: bytes, size: int) -> bytes:
    """The longest beginning of at most ``size`` bytes that does not end within a character."""
    if len(data) <= size:
        return data
    end = size
    while end > 0 and size - end < 3 and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end]
