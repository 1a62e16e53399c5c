# SPDX-License-Identifier: GPL-3.0-only
"""A large reply as JSON, a piece at a time: what is on its way to its reader is one piece, not a log once more, in
which each control character takes six bytes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

SMALL = 2**16
"""Bytes in memory of a reply that is encoded and sent at once."""
_PIECE = 2**15
"""Characters that are encoded in one call: at most six bytes each."""


def weigh(value: Any) -> int:
    """About what a value of plain JSON takes in memory, in bytes."""
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        size += sum(map(weigh, value)) + sum(map(weigh, value.values()))
    elif isinstance(value, list | tuple):
        size += sum(map(weigh, value))
    return size


def encode_in_pieces(value: Any) -> Iterator[bytes]:
    """The same as ``json.dumps(value).encode()``, in pieces of at most 192 KiB where the value, or what stands in it
    below objects, is a long text; all else comes in one."""
    if isinstance(value, str) and len(value) > _PIECE:
        yield b'"'
        for start in range(0, len(value), _PIECE):
            yield json.dumps(value[start : start + _PIECE])[1:-1].encode("ascii")
        yield b'"'
    elif isinstance(value, dict) and value:
        separator = b"{"
        for name, inner in value.items():
            yield b"%b%b: " % (separator, json.dumps(name).encode("ascii"))
            yield from encode_in_pieces(inner)
            separator = b", "
        yield b"}"
    else:
        yield json.dumps(value).encode("ascii")


def gather(pieces: Iterator[bytes], size: int) -> bytes:
    """The next pieces, of so many bytes in all, or some more; empty at the end."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        if len(gathered) >= size:
            break
    return bytes(gathered)
