"""Text from outside as bytes, and what is counted in it."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Rejected
from .lines.header import Level
from .lines.tally import may_be_loud, tally


@dataclass(frozen=True, slots=True)
class Counts:
    """What one piece of text adds to the figures of its log: ended lines, and headers of that level."""

    lines: int
    warnings: int
    errors: int


def encode(text: str, limit: int) -> bytes:
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


def decode(data: bytes) -> str:
    """The inverse of :func:`encode`. Bytes that it never made (a file from elsewhere) become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def counted(data: bytes) -> Counts:
    """Count ended lines, and the warnings and errors by their headers."""
    levels = tally(data) if may_be_loud(data) else {}
    return Counts(data.count(b"\n"), levels.get(Level.WARN, 0), levels.get(Level.ERROR, 0))


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
