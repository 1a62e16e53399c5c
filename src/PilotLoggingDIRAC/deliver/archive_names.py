# SPDX-License-Identifier: GPL-3.0-only
"""The files of one log in an archive of files: their names, and telling them from somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ..store.erasure import Range, mask

_COMPARED_BYTES = 2**20
_MOST = 9


def list_names(stamp: str) -> list[str]:
    """The names that a log's file may have. The first is the usual one, and DIRAC's own; the others are for a log
    whose usual name is taken by a file with another content, or by an earlier copy that must not be touched yet."""
    return [f"{stamp}.log", *(f"{stamp}-{number}.log" for number in range(2, _MOST + 1))]


def begins_with(content: BinaryIO, file: Path, erased: Sequence[Range] = ()) -> bool:
    """Whether a log begins with all that stands in a file. Logs only grow: then the file is an earlier copy of it.

    Args:
        content: The log; seekable, and left anywhere.
        file: What may be a copy.
        erased: Bytes of the log that an earlier copy may have otherwise.
    """
    content.seek(0)
    place = 0
    with file.open("rb") as earlier:
        while piece := earlier.read(_COMPARED_BYTES):
            if content.read(len(piece)) != mask(piece, erased, place):
                return False
            place += len(piece)
    return True
