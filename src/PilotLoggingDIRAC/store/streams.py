# SPDX-License-Identifier: GPL-3.0-only
"""Logs on their way to a stream: which of them have text that it lacks, who sends it, and how far it has confirmed.

The rows are those of :mod:`.deliveries`. ``Cursor`` is the last chunk that was confirmed, also while the log is open;
``State`` is Delivered once the end of a closed log was confirmed too; ``Reference`` says how many lines were sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import zstandard
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select

from ..errors import Unavailable
from ..model import Delivery, DeliveryState, LogRecord, LogState
from . import deliveries as stored
from . import logs as found
from .engine import insert_if_absent
from .erasure import ERASURE, Erasure
from .schema import chunks, deliveries, logs
from .truncation import MARK

_STATES = (LogState.OPEN, LogState.COMPLETE, LogState.SILENT)
_ATTEMPTS = func.coalesce(deliveries.c.Attempts, 0)
_LINES = " lines"


@dataclass(frozen=True, slots=True)
class Claim:
    """A log that a process has taken on.

    Attributes:
        lines: How many ended lines the stream has of it.
    """

    log: LogRecord
    delivery: Delivery
    lines: int


class StoredChunk(NamedTuple):
    """A row of ``PilotLogChunks`` with its text.

    Attributes:
        left_out: Bytes, where this is the line that stands for what was left out of a log that is too long.
        erasure: Where this says that text of chunks before it was erased.
    """

    chunk_id: int
    session: str | None
    seq: int | None
    arrival: datetime
    text: bytes
    left_out: int
    erasure: Erasure | None = None


def list_due(
    connection: Connection, vo: str, plugin: str, now: datetime, limit: int, arrived_since: datetime | None = None
) -> list[int]:
    """Logs of a VO with something that this stream lacks, that nobody sends and whose pause is over: those that failed
    come last, else the longest wait comes first.

    Args:
        connection: In a reading or writing transaction.
        vo: The VO.
        plugin: The stream.
        now: By the database's clock.
        limit: Logs to give at most.
        arrived_since: Of open logs, only those with text of that time or later: for who has looked at all before.
    """
    order = (_ATTEMPTS, logs.c.LastArrival, logs.c.LogID)
    ready = and_(deliveries.c.NextAttempt <= now, stored.free(now))
    rows: list[tuple[Any, ...]] = []
    # One state at a time, as in .due: so a database goes by its index.
    for state in _STATES:
        is_open = state is LogState.OPEN
        lacking = deliveries.c.Cursor < logs.c.LastChunkID if is_open else stored.unconfirmed(logs.c.LastChunkID)
        never = deliveries.c.LogID.is_(None)
        begun: ColumnElement[bool] = and_(never, logs.c.LastChunkID > 0) if is_open else never
        statement = (
            select(*order)
            .select_from(logs.outerjoin(deliveries, stored.of(logs.c.LogID, plugin)))
            .where(logs.c.VO == vo, logs.c.State == state, or_(begun, and_(lacking, ready)))
            .order_by(*order)
            .limit(limit)
        )
        if is_open and arrived_since is not None:
            statement = statement.where(logs.c.LastArrival >= arrived_since)
        rows += (tuple(row) for row in connection.execute(statement))
    return [row[-1] for row in sorted(rows)[:limit]]


def any_open(connection: Connection, vo: str) -> bool:
    """Whether a pilot of the VO may still write."""
    statement = select(logs.c.LogID).where(logs.c.VO == vo, logs.c.State == LogState.OPEN).limit(1)
    return connection.execute(statement).first() is not None


def claim(
    connection: Connection, log_ids: Sequence[int], plugin: str, owner: str, now: datetime, lease: timedelta
) -> list[Claim]:
    """Take logs on, so that no other process sends them too; those that somebody else has taken or ended meanwhile are
    left out.

    They come in the order of ``log_ids``.
    """
    if not log_ids:
        return []
    rows = [
        {"LogID": log_id, "Plugin": plugin, "State": DeliveryState.PENDING, "NextAttempt": now}
        # In one order, so that two processes do not wait for each other.
        for log_id in sorted(log_ids)
    ]
    connection.execute(insert_if_absent(connection, deliveries), rows)
    wanted = and_(deliveries.c.Plugin == plugin, deliveries.c.LogID.in_(log_ids))
    last_chunk_id = select(logs.c.LastChunkID).where(logs.c.LogID == deliveries.c.LogID).scalar_subquery()
    connection.execute(
        deliveries.update()
        .where(wanted, stored.unconfirmed(last_chunk_id), deliveries.c.NextAttempt <= now, stored.free(now))
        # Of a log that was closed and has new text since, the end is to be told again.
        .values(Owner=owner, LeaseUntil=now + lease, State=DeliveryState.PENDING)
    )
    claims = {}
    for delivery in stored.find_many(connection, wanted, deliveries.c.Owner == owner):
        log = found.find_by_id(connection, delivery.log_id)
        if log is not None:
            claims[delivery.log_id] = Claim(log, delivery, _lines(delivery))
    return [claims[log_id] for log_id in log_ids if log_id in claims]


def _lines(delivery: Delivery) -> int:
    number = delivery.reference.removesuffix(_LINES)
    return int(number) if number.isdecimal() else 0


def load(connection: Connection, log_id: int, after: int, limit: int) -> Iterator[StoredChunk]:
    """The next chunks of a log, in the order of their ``ChunkID``.

    Raises:
        Unavailable: One is damaged.
    """
    rows = connection.execute(
        select(chunks.c.ChunkID, chunks.c.Session, chunks.c.Seq, chunks.c.Arrival, chunks.c.Data)
        .where(chunks.c.LogID == log_id, chunks.c.ChunkID > after)
        .order_by(chunks.c.ChunkID)
        .limit(limit)
    ).all()
    decompressor = zstandard.ZstdDecompressor()
    for chunk_id, session, seq, arrival, data in rows:
        if session == ERASURE:
            yield StoredChunk(chunk_id, None, None, arrival, b"", 0, Erasure.load(chunk_id, data))
            continue
        try:
            text = decompressor.decompress(data)
        except zstandard.ZstdError as error:
            raise Unavailable(f"A part of the log is damaged in the database: {error}.", reason="damaged") from error
        if session == MARK:
            yield StoredChunk(chunk_id, None, None, arrival, text, int(seq or 0))
        else:
            yield StoredChunk(chunk_id, session, seq, arrival, text, 0)


class StreamProgress(NamedTuple):
    """How far the stream has confirmed a log: up to this chunk, and so many ended lines."""

    log_id: int
    cursor: int
    lines: int


def keep_progress(connection: Connection, plugin: str, owner: str, progress: Sequence[StreamProgress]) -> None:
    """Note how far logs are that this owner still sends."""
    if progress:
        connection.execute(
            deliveries.update()
            .where(
                deliveries.c.LogID == bindparam("log_id"), deliveries.c.Plugin == plugin, deliveries.c.Owner == owner
            )
            .values(Cursor=bindparam("cursor"), Reference=bindparam("lines"), Attempts=0, LastError=""),
            [
                {"log_id": log_id, "cursor": cursor, "lines": f"{lines}{_LINES}"}
                for log_id, cursor, lines in sorted(progress)
            ],
        )


def renew(connection: Connection, plugin: str, owner: str, until: datetime) -> None:
    """Keep all logs that this owner sends to the stream."""
    connection.execute(
        deliveries.update().where(deliveries.c.Plugin == plugin, deliveries.c.Owner == owner).values(LeaseUntil=until)
    )


def release(connection: Connection, log_ids: Sequence[int], plugin: str, owner: str) -> None:
    """Give logs back, however far they are."""
    connection.execute(
        deliveries.update()
        .where(deliveries.c.Plugin == plugin, deliveries.c.Owner == owner, deliveries.c.LogID.in_(log_ids))
        .values(Owner=None, LeaseUntil=None)
    )


def end(connection: Connection, log_id: int, plugin: str, owner: str, cursor: int, lines: int) -> bool:
    """Note that the stream has all of a closed log and knows that it is closed.

    Returns:
        False when the log was opened again meanwhile, or somebody else has taken it over.
    """
    now_last = connection.execute(
        select(logs.c.LastChunkID).where(logs.c.LogID == log_id, found.closed()).with_for_update()
    ).scalar()
    if now_last != cursor:
        return False
    return stored.confirm(connection, log_id, plugin, owner, cursor, f"{lines}{_LINES}")
