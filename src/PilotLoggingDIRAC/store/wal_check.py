# SPDX-License-Identifier: GPL-3.0-only
"""Whether a ``-wal`` that SQLite is about to read back has lost something in its middle.

After a crash SQLite takes the frames of the ``-wal`` up to the first whose checksum is wrong and silently drops the
rest. That is right for a transaction that was cut off, and it is always the last one. A frame damaged further up would
take all later commits with it, acknowledged ones among them, and nobody would be told: hence this check, before SQLite
opens it.

The format is SQLite's: https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682
"""Its lowest bit says that the checksums are of big-endian numbers."""


class _Frame(NamedTuple):
    valid: bool
    current: bool
    """It has the marks of this header, so it was not left over from an earlier round through the same file."""
    commit: bool


def lost_commits(wal: Path) -> bool:
    """Whether frames that SQLite would drop belong to a transaction that was committed.

    A transaction is written only after the one before it has reached the disk. So a damaged frame that is followed by
    a commit and by one more frame of the same round stands in a transaction that was committed. In the last
    transaction, damage cannot be told from a power failure in mid-write.
    """
    committed_behind_damage = False
    damaged = False
    try:
        with wal.open("rb") as stream:
            for frame in _frames(stream):
                if frame.current and committed_behind_damage:
                    return True
                damaged = damaged or not frame.valid
                if damaged and frame.current and frame.commit:
                    committed_behind_damage = True
    except FileNotFoundError:
        return False
    return False


def _frames(stream: BinaryIO) -> Iterator[_Frame]:
    header = stream.read(_HEADER)
    if len(header) < _HEADER:
        return
    magic, _, page_size, _, salt1, salt2, *checksum = struct.unpack(">8I", header)
    order = ">" if magic & 1 else "<"
    state = _summed(header[:24], order, (0, 0))
    valid = magic & ~1 == _MAGIC and state == tuple(checksum)
    if not valid:
        # Frames cannot be told from each other then; but where there are some, they are all dropped.
        if stream.read(_FRAME).strip(b"\0"):
            yield _Frame(valid=False, current=True, commit=True)
            yield _Frame(valid=False, current=True, commit=True)
        return
    while len(frame := stream.read(_FRAME + page_size)) == _FRAME + page_size:
        _, pages_after_commit, *marks = struct.unpack(">4I", frame[:16])
        current = marks == [salt1, salt2]
        if valid:
            state = _summed(frame[_FRAME:], order, _summed(frame[:8], order, state))
            valid = current and state == struct.unpack(">2I", frame[16:24])
        yield _Frame(valid, current, pages_after_commit > 0)


def _summed(data: bytes, order: str, state: tuple[int, int]) -> tuple[int, int]:
    first, second = state
    for low, high in struct.iter_unpack(f"{order}2I", data):
        first = (first + low + second) & 0xFFFFFFFF
        second = (second + high + first) & 0xFFFFFFFF
    return first, second
