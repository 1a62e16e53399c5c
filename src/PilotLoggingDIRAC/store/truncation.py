# SPDX-License-Identifier: GPL-3.0-only
"""A log that grows past its limit keeps its beginning and its end, and one line between them that says so.

That line is a chunk like any other, so readers, archives and expiry need not know of it. Its ``ChunkID`` is that of the
last chunk that was left out: a reader who had come further goes on behind it, and one who had not meets it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import zstandard
from sqlalchemy import Connection, delete, or_, select

from .erasure import ERASURE
from .schema import chunks

MARK = ""
"""The ``Session`` of that chunk, which no sender can have; its ``Seq`` is the number of bytes left out."""
MOST_CHUNKS = 100_000
"""Chunks of a log that are kept as well: many tiny messages make a long index, which readers load."""
_LOOK_EVERY = 1000
"""Chunks are counted so seldom."""
_DELETED_AT_ONCE = 400


def is_due(row: dict[str, Any], limit: int) -> bool:
    """Whether a log has grown past its limit.

    Args:
        row: Of ``PilotLogs``.
        limit: In bytes; 0 for none.
    """
    last, expired = int(row["LastChunkID"]), int(row["ExpiredChunkID"])
    return (last % _LOOK_EVERY == 0 and last - expired > MOST_CHUNKS) or 0 < limit < int(row["Bytes"])


def shorten(connection: Connection, row: dict[str, Any], limit: int, most_chunks: int = MOST_CHUNKS) -> None:
    """Leave out the middle of a log, in the caller's transaction, which has the row's lock.

    The beginning keeps half of the limit and the end a quarter of it, so that this is done seldom; the last message
    stays, however large.

    Args:
        connection: In a writing transaction; all chunks of the log are in the table by now.
        row: Of ``PilotLogs``; ``Bytes`` and ``Truncated`` are brought up to date in it.
        limit: In bytes; 0 for none.
        most_chunks: As :data:`MOST_CHUNKS`.
    """
    log_id = row["LogID"]
    entries = connection.execute(
        select(chunks.c.ChunkID, chunks.c.Session, chunks.c.Seq, chunks.c.RawBytes)
        # What was erased, and by whom, stays.
        .where(chunks.c.LogID == log_id, or_(chunks.c.Session.is_(None), chunks.c.Session != ERASURE))
        .order_by(chunks.c.ChunkID)
    ).all()
    size_limit = limit or row["Bytes"]
    mark = next((place for place, entry in enumerate(entries) if entry.Session == MARK), None)
    beginning = _fitting([e.RawBytes for e in entries], size_limit // 2 - row["ExpiredBytes"], most_chunks // 2)
    first = beginning if mark is None else mark
    end = max(_fitting([e.RawBytes for e in reversed(entries)], size_limit // 4, most_chunks // 4), 1)
    left_out = entries[first : len(entries) - end]
    if not left_out or (mark is not None and len(left_out) == 1):
        return
    # The bytes of an earlier mark are counted in its Seq.
    size = sum(entry.Seq if entry.Session == MARK else entry.RawBytes for entry in left_out)
    text = _text(size, after=_last_byte(connection, log_id, entries[first - 1].ChunkID) if first else b"\n")
    before = 0 if mark is None else entries[mark].Seq
    _delete(connection, log_id, [entry.ChunkID for entry in left_out[:-1]])
    connection.execute(
        chunks.update()
        .where(chunks.c.LogID == log_id, chunks.c.ChunkID == left_out[-1].ChunkID)
        .values(Session=MARK, Seq=size, Lines=text.count(b"\n"), RawBytes=len(text), Data=zstandard.compress(text))
    )
    row["Bytes"] += len(text) - sum(entry.RawBytes for entry in left_out)
    row["Truncated"] += size - before


def _fitting(sizes: Sequence[int], most_bytes: int, most: int) -> int:
    """How many of the first chunks have no more than so many bytes and chunks."""
    total = 0
    for place, size in enumerate(sizes[:most]):
        total += size
        if total > most_bytes:
            return place
    return min(len(sizes), most)


def _text(size: int, after: bytes) -> bytes:
    lead = b"" if after == b"\n" else b"\n"
    return lead + b"[... %d bytes left out here: the log had grown past its limit (MaxLogSize) ...]\n" % size


def _last_byte(connection: Connection, log_id: int, chunk_id: int) -> bytes:
    data = connection.execute(
        select(chunks.c.Data).where(chunks.c.LogID == log_id, chunks.c.ChunkID == chunk_id)
    ).scalar_one()
    return zstandard.decompress(data)[-1:]


def _delete(connection: Connection, log_id: int, chunk_ids: Sequence[int]) -> None:
    # In steps: SQLite of old takes 999 variables.
    for start in range(0, len(chunk_ids), _DELETED_AT_ONCE):
        part = chunk_ids[start : start + _DELETED_AT_ONCE]
        connection.execute(delete(chunks).where(chunks.c.LogID == log_id, chunks.c.ChunkID.in_(part)))
