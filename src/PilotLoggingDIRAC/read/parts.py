# SPDX-License-Identifier: GPL-3.0-only
"""Text in parts of whole lines, and the quick question of whether a log can have what is looked for.

Each answer may be a yes too many, never a no: what remains is looked through line by line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from .look_time import LookTime
from .shown import is_shown_otherwise, leaves_out
from .time_slice import pause

PART = 2**16
LARGEST_PART = 2**20
"""Of plain text, which takes about a millisecond. In a longer line each of its pieces has a beginning and an end."""

Matches = Callable[[bytes, LookTime], bool]
MayBeIn = Callable[[Sequence[bytes], LookTime], bool]
"""Asks it of a text in pieces that were cut anywhere."""

# What may stand in a picture of a character that acts is none of these: "⟨200B⟩".
_PLAIN = re.compile(rb"(?![0-9A-F]*\Z)[\t\x20-\x7e]+")


def parts_of(data: bytes, size: int = PART) -> Iterator[bytes]:
    """A text in parts that end with a line, of ``size`` bytes where lines are not longer."""
    begin = 0
    while begin < len(data):
        end = data.rfind(b"\n", begin, begin + size) + 1 or data.find(b"\n", begin + size) + 1 or len(data)
        yield data[begin:end]
        begin = end


def may_have_match(in_block: Matches, size: int = LARGEST_PART) -> MayBeIn:
    """Asks by parts.

    Args:
        in_block: Whether a part can have what is looked for.
        size: Bytes of a part that it looks at as a whole.
    """

    def may_be_in(pieces: Sequence[bytes], time: LookTime) -> bool:
        data = b"".join(pieces)
        # What is shown otherwise has to be made first, by Python: so less at once.
        for part in parts_of(data, PART if is_shown_otherwise(data) else min(size, LARGEST_PART)):
            if len(part) > LARGEST_PART or in_block(part, time):
                return True
            pause()
        return False

    return may_be_in


def may_have_text(wanted: bytes, in_block: Matches) -> MayBeIn:
    """Asks for a text, at the speed of memory where it is in ASCII.

    Args:
        in_block: The same for a part, as it was sent or is shown.
    """
    by_parts = may_have_match(in_block)
    if not _PLAIN.fullmatch(wanted):
        return by_parts

    def may_be_in(pieces: Sequence[bytes], time: LookTime) -> bool:
        if _is_across(wanted, pieces):
            return True
        # Else it can be shown only where something between its characters is not.
        return any(map(leaves_out, pieces)) and by_parts(pieces, time)

    return may_be_in


def _is_across(wanted: bytes, pieces: Sequence[bytes]) -> bool:
    """As ``wanted in b"".join(pieces)``, without a copy of it all."""
    reach = len(wanted) - 1
    before = b""
    for piece in pieces:
        if wanted in piece or (before and wanted in before + piece[:reach]):
            return True
        if reach:
            before = piece[-reach:] if len(piece) >= reach else (before + piece)[-reach:]
    return False
