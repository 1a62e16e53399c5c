# SPDX-License-Identifier: GPL-3.0-only
"""The life of a log between its last line and the day on which the database forgets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, select

from ..model import DeliveryState, ExpiredPart, LogState
from .chunks import in_order, load_index
from .logs import closed
from .numbering import Numbering
from .schema import chunks, deliveries, logs

_STEP = 200
"""Logs changed by one transaction, so that none holds its locks for long."""


def close_silent(connection: Connection, vo: str, silent_before: datetime) -> int:
    """Close the logs of a VO that had no new line since then; gives their number. A later line opens them again."""
    return connection.execute(
        logs.update()
        .where(logs.c.VO == vo, logs.c.State == LogState.OPEN, logs.c.LastArrival < silent_before)
        .values(State=LogState.SILENT)
    ).rowcount


def settle(connection: Connection, vo: str, plugins: tuple[str, ...], now: datetime, log_id: int | None = None) -> int:
    """Mark those closed logs of a VO as archived of which every one of these plugins has confirmed all.

    Args:
        connection: In a writing transaction.
        vo: The VO.
        plugins: All plugins of the VO, as they are now.
        now: By the database's clock.
        log_id: Only this log.

    Returns:
        How many. A line that came meanwhile keeps a log from it; without plugins there is nobody to have it.
    """
    if not plugins:
        return 0
    confirmed = [
        exists().where(
            deliveries.c.LogID == logs.c.LogID,
            deliveries.c.Plugin == plugin,
            deliveries.c.State == DeliveryState.DELIVERED,
            deliveries.c.Cursor >= logs.c.LastChunkID,
        )
        for plugin in plugins
    ]
    statement = logs.update().where(logs.c.VO == vo, closed(), *confirmed)
    if log_id is not None:
        statement = statement.where(logs.c.LogID == log_id)
    return connection.execute(statement.values(State=LogState.ARCHIVED, Archived=now)).rowcount


def list_expired(connection: Connection, vo: str, archived_before: datetime) -> list[int]:
    """Logs whose text may leave the database: archived before that time, and still there. The oldest first."""
    return list(
        connection.execute(
            select(logs.c.LogID)
            .where(
                logs.c.VO == vo,
                logs.c.State == LogState.ARCHIVED,
                logs.c.Archived < archived_before,
                logs.c.ExpiredChunkID < logs.c.LastChunkID,
            )
            .order_by(logs.c.Archived)
            .limit(_STEP)
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
                logs.c.ExpiredChunkID == logs.c.LastChunkID,
            )
            .limit(_STEP)
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
