# SPDX-License-Identifier: GPL-3.0-only
"""A log's text as the database has it: in its order, in pieces, with its gaps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import zstandard
from sqlalchemy import Connection, select

from ..errors import Unavailable
from ..model import Gap, LogRecord
from . import erasure
from .engine import Database
from .erasure import ERASURE, Erasure, Range
from .schema import chunks, logs
from .truncation import MARK

Missing = Mapping[str, Sequence[Sequence[int]]]
"""For each session the numbers that never came: pairs of first and last, ascending."""

_PIECES_AT_ONCE = 64
"""Chunks fetched by one statement while a log is streamed: some hundred kB of memory."""


class ChunkEntry(NamedTuple):
    """What is known of a chunk without its data."""

    chunk_id: int
    session: str | None
    seq: int | None
    size: int

    @property
    def is_mark(self) -> bool:
        """Whether it is the line that stands for what was left out of a log that is too long."""
        return self.session == MARK

    @property
    def is_erasure(self) -> bool:
        """Whether it says that text of others was erased, and has none."""
        return self.session == ERASURE

    @property
    def number(self) -> tuple[str, int] | None:
        """Session and number; None where its sender numbers nothing."""
        if self.session is None or self.seq is None or self.is_mark or self.is_erasure:
            return None
        return self.session, self.seq


@dataclass(frozen=True, slots=True)
class Index:
    """The chunks of one log in reading order, and the gaps between them; what was erased of it is a gap, too.

    Attributes:
        erased_before: The same for the text that stands in the archive only; offsets are bytes of the log.
    """

    entries: tuple[ChunkEntry, ...]
    gaps: tuple[Gap, ...]
    erasures: tuple[Erasure, ...] = ()

    @property
    def erased_before(self) -> tuple[Gap, ...]:
        return tuple(each.gap(at, at.start) for each in self.erasures for at in each.notices if not at.chunk)

    def erased_ranges(self, expired_bytes: int) -> tuple[Range, ...]:
        """What was erased, as bytes of the whole log, of which so many stand in the archive only."""
        if not self.erasures:
            return ()
        ranges, start = erasure.ranges_of_chunk(self.erasures, 0), expired_bytes
        for entry in self.entries:
            of_chunk = erasure.ranges_of_chunk(self.erasures, entry.chunk_id)
            ranges += [(start + first, start + last) for first, last in of_chunk]
            start += entry.size
        return tuple(ranges)

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries)


def load_index(connection: Connection, log_id: int, after: int, due: Mapping[str, int], missing: Missing) -> Index:
    """The index of a log's chunks with a ChunkID above ``after``.

    Args:
        connection: In a reading or writing transaction.
        log_id: The log.
        after: Chunks up to this one are left out (they have expired).
        due: For each session the number that comes first; 1 where it is not named.
        missing: What never came.
    """
    rows = connection.execute(
        select(chunks.c.ChunkID, chunks.c.Session, chunks.c.Seq, chunks.c.RawBytes)
        .where(chunks.c.LogID == log_id, chunks.c.ChunkID > after)
        .order_by(chunks.c.ChunkID)
    )
    ordered = reading_order([ChunkEntry(*row) for row in rows])
    gaps = find_gaps(ordered, due, missing)
    if not any(entry.is_erasure for entry in ordered):
        return Index(ordered, gaps)
    erasures = erasure.load(connection, log_id)
    return Index(ordered, in_order([*gaps, *erased_gaps(ordered, erasures)]), erasures)


def index_of(connection: Connection, log: LogRecord) -> Index:
    """The index of what the database has of a log."""
    return load_index(connection, log.log_id, log.expired_chunk_id, log.expired_part.due, log.missing)


def reading_order(entries: Sequence[ChunkEntry]) -> tuple[ChunkEntry, ...]:
    """Chunks in the order in which they are read.

    That is the order of arrival, but for a numbered chunk that came after a later one of its session: it goes to its
    place, right before the first that has a higher number.
    """
    if _came_in_order(entries):
        return tuple(entries)
    late = _late_chunks(entries)
    if not late:
        return tuple(entries)
    # A ring of places, closed by one behind the last: each chunk is put before its successor, in the order of arrival.
    end = len(entries)
    before, behind = [end] * (end + 1), [end] * (end + 1)
    for place in range(end):
        successor = late.get(place, end)
        predecessor = before[successor]
        behind[predecessor], before[place] = place, predecessor
        behind[place], before[successor] = successor, place
    ordered = []
    place = behind[end]
    while place != end:
        ordered.append(entries[place])
        place = behind[place]
    return tuple(ordered)


def _came_in_order(entries: Sequence[ChunkEntry]) -> bool:
    """Whether no chunk came after a later one of its session, as nearly always; quick."""
    last: dict[str | None, int] = {}
    for _, session, seq, _ in entries:
        if seq is not None:
            if seq < last.get(session, 0):
                return False
            last[session] = seq
    return True


def _late_chunks(entries: Sequence[ChunkEntry]) -> dict[int, int]:
    """The places of chunks that came after a later one of their session, each with the place of its successor: of those
    that had come by then the one with the next higher number.

    It takes as long as sorting: each session is put in order once, and from its end backwards in time a chunk's
    neighbour is its successor, after which the chunk itself is taken out.
    """
    sessions: dict[str, list[tuple[int, int]]] = {}
    for place, entry in enumerate(entries):
        if entry.number:
            session, seq = entry.number
            sessions.setdefault(session, []).append((seq, place))
    late: dict[int, int] = {}
    for arrived in sessions.values():
        in_order = sorted(arrived)
        if in_order == arrived:
            continue
        rank = {place: index for index, (_, place) in enumerate(in_order)}
        last = len(in_order)
        lower, higher = list(range(-1, last - 1)), list(range(1, last + 1))
        for _, place in reversed(arrived):
            index = rank[place]
            if higher[index] < last:
                late[place] = in_order[higher[index]][1]
                lower[higher[index]] = lower[index]
            if lower[index] >= 0:
                higher[lower[index]] = higher[index]
    return late


def find_gaps(ordered: Sequence[ChunkEntry], due: Mapping[str, int], missing: Missing) -> tuple[Gap, ...]:
    """Where numbers are missing: before the first chunk of the session that has a higher one.

    What is not in ``missing`` came once, and was left out of a log that is too long.
    """
    gaps = []
    expected = dict(due)
    offset = 0
    for entry in ordered:
        if entry.number:
            session, seq = entry.number
            start = expected.get(session, 1)
            of_session = missing.get(session, ()) if seq > start else ()
            begin = bisect_left(of_session, start, key=itemgetter(1))
            for first, last in of_session[begin : bisect_left(of_session, seq, key=itemgetter(0))]:
                gaps.append(Gap(offset, session, max(first, start), min(last, seq - 1)))
            expected[session] = max(seq + 1, start)
        offset += entry.size
    return tuple(gaps)


def erased_gaps(ordered: Sequence[ChunkEntry], erasures: Sequence[Erasure]) -> tuple[Gap, ...]:
    """Where of these chunks text was erased; offsets count from the first one."""
    starts, offset = {}, 0
    for entry in ordered:
        starts[entry.chunk_id] = offset
        offset += entry.size
    return tuple(
        each.gap(notice, starts[notice.chunk] + notice.start)
        for each in erasures
        for notice in each.notices
        if notice.chunk in starts
    )


def in_order(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """By their places; at the same place as they were."""
    return tuple(sorted(gaps, key=lambda gap: gap.offset))


def due_after(ordered: Sequence[ChunkEntry], due: Mapping[str, int]) -> dict[str, int]:
    """For each session the number that comes next behind these chunks."""
    expected = dict(due)
    for entry in ordered:
        if entry.number:
            session, seq = entry.number
            expected[session] = max(seq + 1, expected.get(session, 1))
    return expected


class Moved(Unavailable):
    """Text has left the database, or the log was shortened, since its index was read."""


def load_text(connection: Connection, log_id: int, entries: Sequence[ChunkEntry]) -> list[bytes]:
    """The text of some chunks, in that order.

    Raises:
        Moved: One is not there any more, or another one by now.
        Unavailable: One is damaged.
    """
    rows = connection.execute(
        select(chunks.c.ChunkID, chunks.c.Data).where(
            chunks.c.LogID == log_id, chunks.c.ChunkID.in_([entry.chunk_id for entry in entries])
        )
    )
    return _decompress(entries, {row.ChunkID: row.Data for row in rows})


def _decompress(entries: Sequence[ChunkEntry], found: Mapping[int, bytes]) -> list[bytes]:
    decompress = zstandard.ZstdDecompressor().decompress
    try:
        texts = [
            b"" if session == ERASURE else decompress(found[chunk_id])
            for chunk_id, session, _, _ in entries
            if chunk_id in found
        ]
    except zstandard.ZstdError as error:
        raise Unavailable(f"A part of the log is damaged in the database: {error}.", reason="damaged") from error
    if [len(text) for text in texts] != [entry.size for entry in entries]:
        raise Moved("The log has just left the database or was shortened: read on.")
    return texts


@dataclass(frozen=True, slots=True)
class Stored:
    """Logs as the database had them at one moment: compressed."""

    rows: Mapping[int, Sequence[Sequence[Any]]]

    def text_of(self, log_id: int) -> list[bytes] | None:
        """The whole text of one, in pieces; None if it is not all there, or damaged."""
        rows = self.rows.get(log_id)
        if rows is None:
            return None
        entries = [ChunkEntry(*row[1:5]) for row in rows]
        found = {row[1]: row[5] for row in rows}
        try:
            return _decompress(reading_order(entries), found)
        except (Moved, Unavailable):
            return None


def load_whole(connection: Connection, log_ids: Sequence[int]) -> Stored:
    """Logs of which nothing has left the database; others are passed over."""
    whole = connection.execute(select(logs.c.LogID).where(logs.c.LogID.in_(log_ids), logs.c.ExpiredChunkID == 0))
    some = [log_id for (log_id,) in whole]
    rows = connection.execute(
        select(chunks.c.LogID, chunks.c.ChunkID, chunks.c.Session, chunks.c.Seq, chunks.c.RawBytes, chunks.c.Data)
        .where(chunks.c.LogID.in_(some))
        .order_by(chunks.c.LogID, chunks.c.ChunkID)
    ).all()
    return Stored({log_id: list(of_log) for log_id, of_log in groupby(rows, itemgetter(0))})


def stream_text(database: Database, log_id: int, index: Index) -> Iterator[bytes]:
    """The text of all chunks of an index, in order, in bounded memory.

    Some chunks a transaction, which is over before they are given: however long the log, and whoever takes it slowly,
    SQLite's ``-wal`` need not be kept for it.

    Raises:
        Moved, Unavailable: As of :func:`load_text`.
    """
    for start in range(0, len(index.entries), _PIECES_AT_ONCE):
        with database.reading() as connection:
            texts = load_text(connection, log_id, index.entries[start : start + _PIECES_AT_ONCE])
        yield from texts
