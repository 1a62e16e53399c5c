# SPDX-License-Identifier: GPL-3.0-only
"""The life of a log between its last line and the day on which the database forgets it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, select

from ..model import DeliveryState, ExpiredPart, LogState
from .chunks import in_order, load_index
from .logs import closed
from .numbering import Numbering
from .schema import chunks, deliveries, logs

STEP = 100
"""Logs changed by one transaction, so that none holds its locks for long."""


def close_silent(connection: Connection, vo: str, silent_before: datetime) -> int:
    """Close logs of a VO that had no new line since then, the most silent first. A later line opens them again.

    Returns:
        How many. Call it with the same time until it gives 0.
    """
    silent = (logs.c.VO == vo, logs.c.State == LogState.OPEN, logs.c.LastArrival < silent_before)
    found = select(logs.c.LogID).where(*silent).order_by(logs.c.LastArrival).limit(STEP)
    log_ids = list(connection.execute(found).scalars())
    if not log_ids:
        return 0
    # Asked again: a line may have come since. Not so that SQLite goes by the index of it, past all that are silent.
    still = case((and_(*silent), 1), else_=0) == 1
    return connection.execute(
        logs.update().where(logs.c.LogID.in_(log_ids), still).values(State=LogState.SILENT)
    ).rowcount


def settle(connection: Connection, vo: str, plugins: tuple[str, ...], now: datetime, log_ids: Collection[int]) -> int:
    """Mark those of these logs as archived that :func:`list_settled` would still give.

    Args:
        connection: In a writing transaction.
        vo: The VO.
        plugins: All plugins of the VO, as they are now.
        now: By the database's clock.
        log_ids: The logs, :data:`STEP` of them at most, so that the transaction is short.

    Returns:
        How many.
    """
    if not plugins:
        return 0
    statement = logs.update().where(logs.c.LogID.in_(log_ids), logs.c.VO == vo, closed(), *_confirmed(plugins))
    return connection.execute(statement.values(State=LogState.ARCHIVED, Archived=now)).rowcount


def list_settled(connection: Connection, vo: str, plugins: tuple[str, ...]) -> list[int]:
    """Closed logs of a VO of which every one of these plugins has confirmed all. A line that came meanwhile keeps a log
    from it; without plugins there is nobody to have it."""
    if not plugins:
        return []
    return list(
        connection.execute(select(logs.c.LogID).where(logs.c.VO == vo, closed(), *_confirmed(plugins))).scalars()
    )


def _confirmed(plugins: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [
        exists().where(
            deliveries.c.LogID == logs.c.LogID,
            deliveries.c.Plugin == plugin,
            deliveries.c.State == DeliveryState.DELIVERED,
            deliveries.c.Cursor >= logs.c.LastChunkID,
        )
        for plugin in plugins
    ]


def list_expired(connection: Connection, vo: str, archived_before: datetime) -> list[int]:
    """Logs whose text may leave the database: archived before that time, and still there. The oldest first."""
    return list(
        connection.execute(
            select(logs.c.LogID)
            .where(
                logs.c.VO == vo,
                logs.c.State == LogState.ARCHIVED,
                logs.c.Archived < archived_before,
                logs.c.HasText == 1,
            )
            .order_by(logs.c.Archived)
            .limit(STEP)
        ).scalars()
    )


def expire(connection: Connection, log_id: int) -> bool:
    """Remove the text of an archived log; what is known of it stays.

    Returns:
        False when the log is no longer archived (a line has come) and was left alone.
    """
    row = connection.execute(select(logs).where(logs.c.LogID == log_id).with_for_update()).one_or_none()
    if row is None or row.State != LogState.ARCHIVED:
        return False
    before = ExpiredPart.load(row.Gaps)
    numbering = Numbering.load(row.Numbering)
    index = load_index(connection, log_id, row.ExpiredChunkID, before.due, numbering.missing)
    part = ExpiredPart(
        in_order(
            (
                *before.gaps,
                *index.erased_before,
                *(replace(gap, offset=gap.offset + row.ExpiredBytes) for gap in index.gaps),
            )
        ),
        {name: state.next_seq for name, state in numbering.sessions.items()},
    )
    connection.execute(delete(chunks).where(chunks.c.LogID == log_id))
    connection.execute(
        logs.update()
        .where(logs.c.LogID == log_id)
        .values(ExpiredChunkID=row.LastChunkID, ExpiredBytes=row.Bytes, Gaps=part.dump())
    )
    return True


def forget(connection: Connection, vo: str, archived_before: datetime) -> int:
    """Remove the rows of logs that were archived before that time and whose text has left the database."""
    forgotten = list(
        connection.execute(
            select(logs.c.LogID)
            .where(
                logs.c.VO == vo,
                logs.c.State == LogState.ARCHIVED,
                logs.c.Archived < archived_before,
                logs.c.HasText == 0,
            )
            .limit(STEP)
            .with_for_update()
        ).scalars()
    )
    if forgotten:
        connection.execute(delete(deliveries).where(deliveries.c.LogID.in_(forgotten)))
        connection.execute(delete(logs).where(logs.c.LogID.in_(forgotten)))
    return len(forgotten)


def ago(now: datetime, seconds: float) -> datetime:
    """So many seconds before ``now``."""
    return now - timedelta(seconds=seconds)
