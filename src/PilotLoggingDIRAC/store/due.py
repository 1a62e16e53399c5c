# SPDX-License-Identifier: GPL-3.0-only
"""The order of the agents' work: which closed logs are to be carried to a plugin now.

Logs that have never failed go first, so that a few which fail for ever cannot keep new ones waiting. Then come those
whose pause is over, in the order in which their pauses ended: each gets its turn, whatever the others do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, func, or_, select

from ..model import DeliveryState, LogState
from .deliveries import free, of, unconfirmed
from .logs import closed
from .schema import deliveries, logs

_CLOSED = (LogState.COMPLETE, LogState.SILENT)
_ATTEMPTS = func.coalesce(deliveries.c.Attempts, 0)
_STEP = 200
"""Deliveries changed by one transaction, so that none holds its locks for long."""


def list_due(connection: Connection, vo: str, plugin: str, now: datetime, limit: int) -> list[int]:
    """Closed logs of a VO that this plugin has not confirmed whole, that nobody is delivering and whose pause is over:
    those that never failed, then the others."""
    first = list_never_failed(connection, vo, plugin, now, limit)
    return first if len(first) == limit else first + list_failed_before(connection, vo, plugin, now, limit - len(first))


def list_never_failed(connection: Connection, vo: str, plugin: str, now: datetime, limit: int) -> list[int]:
    """Those that have not failed since the plugin last confirmed them. The longest wait comes first."""
    return _first(connection, vo, plugin, now, limit, _ATTEMPTS == 0, (logs.c.LastArrival, logs.c.LogID))


def list_failed_before(connection: Connection, vo: str, plugin: str, now: datetime, limit: int) -> list[int]:
    """Those of :func:`list_due` that failed the last time. The pause that ended first comes first."""
    order = (deliveries.c.NextAttempt, logs.c.LastArrival, logs.c.LogID)
    return _first(connection, vo, plugin, now, limit, _ATTEMPTS > 0, order)


def _first(
    connection: Connection,
    vo: str,
    plugin: str,
    now: datetime,
    limit: int,
    attempts: ColumnElement[bool],
    order: tuple[Column[Any], ...],
) -> list[int]:
    """The first of a VO's logs that are due; the last column of the order is their number."""
    waits = and_(unconfirmed(logs.c.LastChunkID), deliveries.c.NextAttempt <= now, free(now))
    # One state at a time, and no condition that a log without a delivery cannot meet: then a database goes by the index
    # of the closed logs, past millions of archived logs and their deliveries.
    tables = logs.outerjoin(deliveries, of(logs.c.LogID, plugin))
    found: list[tuple[Any, ...]] = []
    for state in _CLOSED:
        statement = (
            select(*order)
            .select_from(tables)
            .where(logs.c.VO == vo, logs.c.State == state, attempts, or_(deliveries.c.LogID.is_(None), waits))
            .order_by(*order)
            .limit(limit)
        )
        found += (tuple(row) for row in connection.execute(statement))
    return [row[-1] for row in sorted(found)[:limit]]


def end_pauses(connection: Connection, vo: str, plugin: str, now: datetime, at_once: int = _STEP) -> int:
    """Let pauses of a VO's logs be over, since the plugin works again; they go in the order of their arrival then.

    Args:
        connection: In a writing transaction.
        vo: The VO.
        plugin: The plugin.
        now: By the database's clock.
        at_once: How many at most.

    Returns:
        How many. Call it with the same ``now`` until it gives 0.
    """
    # By the deliveries' own index, past a million of the plugin's that have succeeded: pilots wait for who writes.
    paused: list[int] = []
    for state, waits in (
        (DeliveryState.PENDING, deliveries.c.NextAttempt > now),
        (DeliveryState.PENDING, deliveries.c.NextAttempt < now),
        # A log that was stored once. Where its pause is over already, it goes before the others.
        (DeliveryState.DELIVERED, deliveries.c.NextAttempt > now),
    ):
        statement = (
            select(deliveries.c.LogID)
            .select_from(deliveries.join(logs, logs.c.LogID == deliveries.c.LogID))
            .where(deliveries.c.Plugin == plugin, deliveries.c.State == state, waits, deliveries.c.Attempts > 0)
            .where(logs.c.VO == vo, closed())
            .limit(at_once - len(paused))
        )
        paused += connection.execute(statement).scalars()
    if paused:
        connection.execute(
            deliveries.update()
            .where(deliveries.c.Plugin == plugin, deliveries.c.LogID.in_(paused))
            .values(NextAttempt=now)
        )
    return len(paused)
