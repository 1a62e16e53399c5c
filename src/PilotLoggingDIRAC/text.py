# SPDX-License-Identifier: GPL-3.0-only
"""Text from outside: as bytes, on one line, and harmless to a terminal."""

from __future__ import annotations

from .errors import Rejected


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


def escape_controls(text: str) -> str:
    """Control characters as visible ones: an escape sequence could rewrite what the terminal shows, or worse."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    if (
        character in "\t\n"
        or 32 <= code < 127
        or (code >= 160 and not _redirects(code) and not 0xD800 <= code < 0xE000)
    ):
        return character
    if code < 32:
        return chr(0x2400 + code)  # the picture of that control character
    return "\ufffd"


def _redirects(code: int) -> bool:
    """Unicode's marks that change the direction of what follows."""
    return 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code in (0x200E, 0x200F, 0x061C)
