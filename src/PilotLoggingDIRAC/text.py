# SPDX-License-Identifier: GPL-3.0-only
"""Text from outside: as bytes, on one line, and harmless to a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

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


def escape_controls(text: str, colours: bool = False) -> str:
    """A text that cannot steer a terminal: what could do so becomes visible. Line ends and tabs stay.

    This is the one place that decides what a terminal may be given. It could else be made to show other text than
    there is, to fill its clipboard, or worse.

    Args:
        text: Of anybody.
        colours: Whether sequences that change nothing but colours pass: for text that we have coloured ourselves, after
            its parts were made harmless.
    """
    return (_STEERING_BUT_COLOURS if colours else _STEERING).sub(_visible, text)


def dump_json(value: Any, indent: int | None = None) -> str:
    """A JSON document in printable ASCII, and so harmless to a terminal; programs read the very text from it."""
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


# Control characters but for the tab and the line's end; all that Unicode calls formats (category Cf: marks that turn
# the direction of what follows, or take no room), its separators of lines and paragraphs, and halves of characters.
_STEERS = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
_STEERING = re.compile(_STEERS)
_STEERING_BUT_COLOURS = re.compile(rf"(?!\x1b\[[0-9;]*m){_STEERS}")


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 32 else "\ufffd"  # the picture of that control character
