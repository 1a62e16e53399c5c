"""A log's text as the database has it: in its order, in pieces, with its gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import zstandard
from sqlalchemy import Connection, select

from ..model import Gap
from .schema import chunks

_PIECES_AT_ONCE = 64
"""Chunks fetched by one statement while a log is streamed: some hundred kB of memory."""


class ChunkEntry(NamedTuple):
    """What is known of a chunk without its data."""

    chunk_id: int
    session: str | None
    seq: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Index:
    """The chunks of one log in reading order, and the gaps between them."""

    entries: tuple[ChunkEntry, ...]
    gaps: tuple[Gap, ...]

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries)


def load_index(connection: Connection, log_id: int, after: int = 0, due: Mapping[str, int] | None = None) -> Index:
    """The index of a log's chunks with a ChunkID above ``after``.

    Args:
        connection: In a reading or writing transaction.
        log_id: The log.
        after: Chunks up to this one are left out (they have expired).
        due: For each session the number that comes first; 1 where it is not named.
    """
    rows = connection.execute(
        select(chunks.c.ChunkID, chunks.c.Session, chunks.c.Seq, chunks.c.RawBytes)
        .where(chunks.c.LogID == log_id, chunks.c.ChunkID > after)
        .order_by(chunks.c.ChunkID)
    )
    ordered = reading_order([ChunkEntry(*row) for row in rows])
    return Index(ordered, find_gaps(ordered, due or {}))


def reading_order(entries: Sequence[ChunkEntry]) -> tuple[ChunkEntry, ...]:
    """Chunks in the order in which they are read.

    That is the order of arrival, but for a numbered chunk that came after a later one of its session: it goes to its
    place, right before the first that has a higher number.
    """
    ordered: list[ChunkEntry] = []
    highest: dict[str, int] = {}
    for entry in entries:
        place = len(ordered)
        if entry.session is not None and entry.seq is not None:
            if entry.seq < highest.get(entry.session, -1):
                place = next(
                    index
                    for index, other in enumerate(ordered)
                    if other.session == entry.session and other.seq is not None and other.seq > entry.seq
                )
            else:
                highest[entry.session] = entry.seq
        ordered.insert(place, entry)
    return tuple(ordered)


def find_gaps(ordered: Sequence[ChunkEntry], due: Mapping[str, int]) -> tuple[Gap, ...]:
    """Where numbers are missing. Numbers begin at 1; a session that begins with 0 misses nothing by that."""
    gaps = []
    expected = dict(due)
    offset = 0
    for entry in ordered:
        if entry.session is not None and entry.seq is not None:
            first = expected.get(entry.session, 1)
            if entry.seq > first:
                gaps.append(Gap(offset, entry.session, first, entry.seq - 1))
            expected[entry.session] = max(entry.seq + 1, first)
        offset += entry.size
    return tuple(gaps)


def due_after(ordered: Sequence[ChunkEntry], due: Mapping[str, int]) -> dict[str, int]:
    """For each session the number that comes next behind these chunks."""
    expected = dict(due)
    for entry in ordered:
        if entry.session is not None and entry.seq is not None:
            expected[entry.session] = max(entry.seq + 1, expected.get(entry.session, 1))
    return expected


def load_text(connection: Connection, log_id: int, chunk_ids: Sequence[int]) -> list[bytes]:
    """The text of some chunks, in the order of ``chunk_ids``; one that is gone meanwhile is left out."""
    rows = connection.execute(
        select(chunks.c.ChunkID, chunks.c.Data).where(chunks.c.LogID == log_id, chunks.c.ChunkID.in_(chunk_ids))
    )
    found = {row.ChunkID: row.Data for row in rows}
    decompressor = zstandard.ZstdDecompressor()
    return [decompressor.decompress(found[chunk_id]) for chunk_id in chunk_ids if chunk_id in found]


def stream_text(connection: Connection, log_id: int, index: Index) -> Iterator[bytes]:
    """The text of all chunks of an index, in order, in bounded memory."""
    ids = [entry.chunk_id for entry in index.entries]
    for start in range(0, len(ids), _PIECES_AT_ONCE):
        yield from load_text(connection, log_id, ids[start : start + _PIECES_AT_ONCE])
