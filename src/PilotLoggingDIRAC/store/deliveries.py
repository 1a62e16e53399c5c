"""The agents' work list: which log is due to which plugin, who has it, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select

from ..model import Delivery, DeliveryState, LogRecord
from .engine import insert_if_absent
from .logs import closed
from .schema import deliveries, logs

_ERROR_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a plugin of a VO has been handed and has not confirmed.

    Attributes:
        logs: How many logs.
        failing: How many of them failed at the last attempt.
        oldest: Last arrival of the one that has waited longest.
        last_error: What one of those attempts said; empty when none failed.
    """

    vo: str
    plugin: str
    logs: int
    failing: int
    oldest: datetime
    last_error: str


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        log_id=row.LogID,
        plugin=row.Plugin,
        state=DeliveryState(row.State),
        cursor=row.Cursor,
        attempts=row.Attempts,
        next_attempt=row.NextAttempt,
        last_error=row.LastError,
        reference=row.Reference,
    )


def _of(log_id: Any, plugin: str) -> ColumnElement[bool]:
    return and_(deliveries.c.LogID == log_id, deliveries.c.Plugin == plugin)


def _unconfirmed(last_chunk_id: Any) -> ColumnElement[bool]:
    return or_(deliveries.c.State != DeliveryState.DELIVERED, deliveries.c.Cursor < last_chunk_id)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(deliveries.c.Owner.is_(None), deliveries.c.LeaseUntil < now)


def due(connection: Connection, vo: str, plugin: str, now: datetime, limit: int) -> list[int]:
    """Closed logs of a VO that this plugin has not confirmed whole, that nobody is delivering and whose pause is over.

    The logs that have waited longest come first.
    """
    return list(
        connection.execute(
            select(logs.c.LogID)
            .select_from(logs.outerjoin(deliveries, _of(logs.c.LogID, plugin)))
            .where(
                logs.c.VO == vo,
                closed(),
                or_(
                    deliveries.c.LogID.is_(None),
                    and_(_unconfirmed(logs.c.LastChunkID), deliveries.c.NextAttempt <= now, _free(now)),
                ),
            )
            .order_by(logs.c.LastArrival, logs.c.LogID)
            .limit(limit)
        ).scalars()
    )


def claim(
    connection: Connection, log_id: int, plugin: str, owner: str, now: datetime, lease: timedelta
) -> Delivery | None:
    """Take a delivery on, so that no other agent does it too.

    Returns:
        The delivery, or None when somebody else has it, or has done it meanwhile, or the log is gone.
    """
    last_chunk_id = _lock(connection, log_id)
    if last_chunk_id is None:
        return None
    connection.execute(
        insert_if_absent(connection, deliveries).values(
            LogID=log_id, Plugin=plugin, State=DeliveryState.PENDING, NextAttempt=now
        )
    )
    taken = connection.execute(
        deliveries.update()
        .where(_of(log_id, plugin), _unconfirmed(last_chunk_id), deliveries.c.NextAttempt <= now, _free(now))
        .values(Owner=owner, LeaseUntil=now + lease)
    ).rowcount
    return find(connection, log_id, plugin) if taken else None


def _lock(connection: Connection, log_id: int) -> int | None:
    """Let no other transaction change this log until the end of this one; gives its ``LastChunkID``, or None when there
    is no such log."""
    return connection.execute(select(logs.c.LastChunkID).where(logs.c.LogID == log_id).with_for_update()).scalar()


def renew(connection: Connection, log_id: int, plugin: str, owner: str, until: datetime) -> bool:
    """Keep a delivery that takes long; False when somebody else has taken it over."""
    return (
        connection.execute(
            deliveries.update().where(_of(log_id, plugin), deliveries.c.Owner == owner).values(LeaseUntil=until)
        ).rowcount
        > 0
    )


def confirm(connection: Connection, log_id: int, plugin: str, owner: str, cursor: int, reference: str) -> bool:
    """Note that the plugin has all chunks up to ``cursor``; False when somebody else has taken the delivery over."""
    # So that of two plugins that confirm at once the later one sees the other.
    _lock(connection, log_id)
    return _end(
        connection,
        log_id,
        plugin,
        owner,
        State=DeliveryState.DELIVERED,
        Cursor=cursor,
        Reference=reference,
        Attempts=0,
        LastError="",
    )


def fail(
    connection: Connection, log_id: int, plugin: str, owner: str, attempts: int, error: str, next_attempt: datetime
) -> bool:
    """Note why it did not work and when to try again; False when somebody else has taken the delivery over."""
    return _end(
        connection,
        log_id,
        plugin,
        owner,
        Attempts=attempts,
        # Foreign messages may hold what no database takes.
        LastError=error[:_ERROR_LENGTH].encode("utf-8", "replace").decode(),
        NextAttempt=next_attempt,
    )


def release(connection: Connection, log_id: int, plugin: str, owner: str) -> bool:
    """Give a delivery back undone, as at the end of an agent."""
    return _end(connection, log_id, plugin, owner)


def release_all(connection: Connection, owner: str) -> None:
    """Give back all that this owner has, as when a process is ended in the middle of a delivery."""
    connection.execute(deliveries.update().where(deliveries.c.Owner == owner).values(Owner=None, LeaseUntil=None))


def _end(connection: Connection, log_id: int, plugin: str, owner: str, **values: Any) -> bool:
    statement = deliveries.update().where(_of(log_id, plugin), deliveries.c.Owner == owner)
    return connection.execute(statement.values(Owner=None, LeaseUntil=None, **values)).rowcount > 0


def find(connection: Connection, log_id: int, plugin: str) -> Delivery | None:
    """The delivery of a log to a plugin, or None where it was never begun."""
    row = connection.execute(select(deliveries).where(_of(log_id, plugin))).one_or_none()
    return None if row is None else _delivery(row)


def with_expired_text(connection: Connection, log: LogRecord) -> list[Delivery]:
    """The deliveries that have all of a log's text that has left the database."""
    return [
        delivery
        for delivery in of_log(connection, log.log_id)
        if delivery.state is DeliveryState.DELIVERED and delivery.reference and delivery.cursor >= log.expired_chunk_id
    ]


def of_log(connection: Connection, log_id: int) -> list[Delivery]:
    """All deliveries of a log."""
    rows = connection.execute(select(deliveries).where(deliveries.c.LogID == log_id).order_by(deliveries.c.Plugin))
    return [_delivery(row) for row in rows]


def backlog(connection: Connection) -> list[Backlog]:
    """What is waiting, for each VO and plugin that has been tried."""
    rows = connection.execute(
        select(
            logs.c.VO,
            deliveries.c.Plugin,
            func.count().label("Logs"),
            func.sum(case((deliveries.c.Attempts > 0, 1), else_=0)).label("Failing"),
            func.min(logs.c.LastArrival).label("Oldest"),
            func.max(deliveries.c.LastError).label("LastError"),
        )
        .select_from(deliveries.join(logs, logs.c.LogID == deliveries.c.LogID))
        .where(closed(), _unconfirmed(logs.c.LastChunkID))
        .group_by(logs.c.VO, deliveries.c.Plugin)
        .order_by(logs.c.VO, deliveries.c.Plugin)
    )
    return [Backlog(row.VO, row.Plugin, row.Logs, int(row.Failing), row.Oldest, row.LastError) for row in rows]
