# SPDX-License-Identifier: GPL-3.0-only
"""Text that somebody with the right to has erased: how it goes, and what is remembered of it.

Each byte of it but the line's ends becomes ``*`` in its chunk. So all positions stay: cursors, line numbers, gaps, and
the bytes that stand in the archive only. What is remembered is a chunk of its own without text (session
:data:`ERASURE`), which says who, when and where, and not what. As it is new to every plugin, the log is carried to each
of them once more, whenever its storage is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import zstandard
from sqlalchemy import Connection, bindparam, func, select

from ..errors import NotFound, Unavailable
from ..model import Gap, LogRecord, LogState
from ..redaction import Carry
from .numbering import Numbering
from .schema import chunks, logs

ERASURE = " erased"
"""The ``Session`` of the chunks that remember it, which no sender can have; their ``Seq`` is their ``ChunkID``."""
_STARS = bytes(byte if byte == 10 else 42 for byte in range(256))
_CHUNKS_AT_ONCE = 200
_UPDATE_DATA = (
    chunks.update()
    .where(chunks.c.LogID == bindparam("log_id"), chunks.c.ChunkID == bindparam("chunk_id"))
    .values(Data=bindparam("data"))
)

Range = tuple[int, int]
"""From a byte to before another one."""


class Place(NamedTuple):
    """Some bytes that go.

    Attributes:
        chunk: The ChunkID; 0 for text that stands in the archive only.
        start, end: Bytes of the chunk's text; of the log's text where that is archived.
    """

    chunk: int
    start: int
    end: int


class Notice(NamedTuple):
    """Where readers are told: before the line that begins there; counted as in :class:`Place`."""

    chunk: int
    start: int
    lines: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is remembered.

    Attributes:
        chunk_id: Of the chunk that says it.
        by: The name of who did it.
        time: When, by the database's clock.
        lines: How many lines had something of it.
        copies: For each plugin the references of copies that still have the text and are to be removed.
    """

    chunk_id: int
    by: str
    time: datetime
    lines: int
    places: tuple[Place, ...]
    notices: tuple[Notice, ...]
    copies: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def gap(self, notice: Notice, offset: int) -> Gap:
        """What readers are shown in its place."""
        return Gap(offset, "", notice.lines, notice.lines, f"by {self.by}, {self.time:%Y-%m-%d %H:%M} UTC")

    def dump(self) -> bytes:
        document = {
            "by": self.by,
            "time": self.time.isoformat(),
            "lines": self.lines,
            "places": self.places,
            "notices": self.notices,
            "copies": dict(self.copies),
        }
        return zstandard.compress(json.dumps(document).encode())

    @classmethod
    def load(cls, chunk_id: int, data: bytes) -> Erasure:
        """
        Raises:
            Unavailable: It is damaged.
        """
        try:
            document: dict[str, Any] = json.loads(zstandard.decompress(data))
        except (zstandard.ZstdError, ValueError) as error:
            raise Unavailable(f"A part of the log is damaged in the database: {error}.", reason="damaged") from error
        return cls(
            chunk_id,
            document["by"],
            datetime.fromisoformat(document["time"]),
            document["lines"],
            tuple(Place(*place) for place in document["places"]),
            tuple(Notice(*notice) for notice in document["notices"]),
            document["copies"],
        )


class Changed(Unavailable):
    """The log's text has moved or changed since it was looked at: look again."""


def mask(data: bytes, ranges: Iterable[Range], offset: int = 0) -> bytes:
    """A text in which some bytes have become stars.

    Args:
        data: The text.
        ranges: In any order; what is outside of ``data`` does not matter.
        offset: Of the first byte of ``data``, as the ranges count.
    """
    masked: bytearray | None = None
    for start, end in ranges:
        first, last = max(start - offset, 0), min(end - offset, len(data))
        if first < last:
            masked = bytearray(data) if masked is None else masked
            masked[first:last] = masked[first:last].translate(_STARS)
    return data if masked is None else bytes(masked)


def is_masked(data: bytes) -> bool:
    """Whether there is nothing to erase any more."""
    return not data.strip(b"*\n")


def load(connection: Connection, log_id: int, chunk_ids: Sequence[int] | None = None) -> tuple[Erasure, ...]:
    """What was erased of a log, as far as the database still has the rest of it, in order."""
    statement = select(chunks.c.ChunkID, chunks.c.Data).where(chunks.c.LogID == log_id, chunks.c.Session == ERASURE)
    if chunk_ids is not None:
        statement = statement.where(chunks.c.ChunkID.in_(chunk_ids))
    return tuple(Erasure.load(*row) for row in connection.execute(statement.order_by(chunks.c.ChunkID)))


def ranges_of_chunk(erasures: Iterable[Erasure], chunk_id: int) -> list[Range]:
    """What of a chunk's text was erased; with 0, what of the text that stands in the archive only."""
    return [(place.start, place.end) for erasure in erasures for place in erasure.places if place.chunk == chunk_id]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready to be written, so that pilots do not wait meanwhile.

    Attributes:
        log: As it was when the places were found.
        chunks: ChunkID and new data of those that change.
        lines: How many lines are concerned.
        known: How often something had been erased of the log by then.
    """

    log: LogRecord
    places: tuple[Place, ...]
    notices: tuple[Notice, ...]
    lines: int
    chunks: tuple[tuple[int, bytes], ...]
    known: int


def prepare(
    connection: Connection, log: LogRecord, places: Sequence[Place], notices: Sequence[Notice], lines: int
) -> Prepared:
    """Make what :func:`erase` writes.

    Args:
        connection: In a reading transaction.

    Raises:
        Unavailable: A part of the log is damaged.
    """
    by_chunk: dict[int, list[Range]] = {}
    for place in places:
        if place.chunk:
            by_chunk.setdefault(place.chunk, []).append((place.start, place.end))
    known = _count(connection, log.log_id)
    compressor, decompressor = zstandard.ZstdCompressor(level=3, write_checksum=True), zstandard.ZstdDecompressor()
    masked, ids = [], sorted(by_chunk)
    for start in range(0, len(ids), _CHUNKS_AT_ONCE):
        part = ids[start : start + _CHUNKS_AT_ONCE]
        statement = select(chunks.c.ChunkID, chunks.c.Data)
        for chunk_id, data in connection.execute(
            statement.where(chunks.c.LogID == log.log_id, chunks.c.ChunkID.in_(part))
        ):
            try:
                text = mask(decompressor.decompress(data), by_chunk[chunk_id])
            except zstandard.ZstdError as error:
                raise Unavailable(f"A part of the log is damaged in the database: {error}.") from error
            masked.append((chunk_id, compressor.compress(text)))
    return Prepared(log, tuple(places), tuple(notices), lines, tuple(masked), known)


def _count(connection: Connection, log_id: int) -> int:
    statement = select(func.count()).where(chunks.c.LogID == log_id, chunks.c.Session == ERASURE)
    return connection.execute(statement).scalar_one()


def erase(connection: Connection, prepared: Prepared, by: str, now: datetime) -> Erasure:
    """Erase some text of a log, in the caller's transaction, and open the log's deliveries again.

    Args:
        connection: In a writing transaction.
        prepared: Text that has come since then is not looked at.
        by: Who does it.
        now: By the database's clock.

    Raises:
        NotFound: The log is not in the database any more.
        Changed: Text has left the database since then, or was erased, or the log was shortened.
    """
    log = prepared.log
    row = connection.execute(select(logs).where(logs.c.LogID == log.log_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no log {log.key.stamp} of VO {log.key.vo}.")
    before = (log.expired_chunk_id, log.truncated, prepared.known)
    if (row.ExpiredChunkID, row.Truncated, _count(connection, log.log_id)) != before:
        raise Changed("The log has just left the database or was changed: try it again.")
    if prepared.chunks:
        connection.execute(
            _UPDATE_DATA,
            [{"log_id": log.log_id, "chunk_id": chunk_id, "data": data} for chunk_id, data in prepared.chunks],
        )
    erasure = Erasure(row.LastChunkID + 1, by, now, prepared.lines, prepared.places, prepared.notices)
    connection.execute(
        chunks.insert().values(
            LogID=log.log_id,
            ChunkID=erasure.chunk_id,
            Session=ERASURE,
            Seq=erasure.chunk_id,
            Arrival=now,
            Lines=0,
            RawBytes=0,
            Data=erasure.dump(),
        )
    )
    state = row.State
    if state == LogState.ARCHIVED:
        # Every plugin gets it again; then it is archived again.
        state = LogState.COMPLETE if row.Finalised else LogState.SILENT
    connection.execute(
        logs.update()
        .where(logs.c.LogID == log.log_id)
        .values(LastChunkID=erasure.chunk_id, State=state, Numbering=_without_text(row.Numbering))
    )
    return erasure


def _without_text(document: str) -> str:
    """What a log remembers of its messages, without the ends of lines that redaction goes on from: they are text."""
    numbering = Numbering.load(document)
    carries = {}
    for place, dumped in numbering.carries.items():
        carry = Carry.load(dumped)
        if kept := Carry(b"", carry.inside, carry.key_lines).dump():
            carries[place] = kept
    numbering.carries = carries
    return numbering.dump()


def note_copy(connection: Connection, log_id: int, plugin: str, reference: str) -> None:
    """Remember that a plugin's copy of a log still has text that was erased, and is to be removed."""
    connection.execute(select(logs.c.LogID).where(logs.c.LogID == log_id).with_for_update())
    for erasure in load(connection, log_id)[-1:]:
        known = erasure.copies.get(plugin, ())
        if reference not in known:
            _keep_copies(connection, log_id, erasure, {**erasure.copies, plugin: [*known, reference]})


def forget_copies(connection: Connection, log_id: int, plugin: str) -> None:
    """Note that they were removed."""
    connection.execute(select(logs.c.LogID).where(logs.c.LogID == log_id).with_for_update())
    for erasure in load(connection, log_id):
        if plugin in erasure.copies:
            left = {name: copies for name, copies in erasure.copies.items() if name != plugin}
            _keep_copies(connection, log_id, erasure, left)


def _keep_copies(connection: Connection, log_id: int, erasure: Erasure, copies: Mapping[str, Sequence[str]]) -> None:
    data = replace(erasure, copies=copies).dump()
    connection.execute(
        chunks.update().where(chunks.c.LogID == log_id, chunks.c.ChunkID == erasure.chunk_id).values(Data=data)
    )
