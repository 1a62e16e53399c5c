# SPDX-License-Identifier: GPL-3.0-only
"""The agents' work: who carries which log to which plugin, and how it went. :mod:`.due` says what comes next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select

from ..model import Delivery, DeliveryState, LogRecord, LogState
from .engine import insert_if_absent
from .logs import CLOSED, closed, list_vos
from .parts import parts
from .schema import deliveries, logs

_ERROR_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Backlog:
    """The closed logs of a VO that a plugin has not confirmed, and the open ones that a stream failed to take.

    Attributes:
        logs: How many logs.
        failing: How many of them failed at the last attempt.
        oldest: Last arrival of the one that has waited longest.
        last_error: What one of those attempts said; empty when none failed.
        untried: How many of them have never been carried to the plugin.
    """

    vo: str
    plugin: str
    logs: int
    failing: int
    oldest: datetime
    last_error: str
    untried: int = 0


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


def of(log_id: Any, plugin: str) -> ColumnElement[bool]:
    """The condition for the delivery of a log to a plugin."""
    return and_(deliveries.c.LogID == log_id, deliveries.c.Plugin == plugin)


def unconfirmed(last_chunk_id: Any) -> ColumnElement[bool]:
    """The condition that the plugin lacks something of the log."""
    return or_(deliveries.c.State != DeliveryState.DELIVERED, deliveries.c.Cursor < last_chunk_id)


def free(now: datetime) -> ColumnElement[bool]:
    """The condition that nobody is at it."""
    return or_(deliveries.c.Owner.is_(None), deliveries.c.LeaseUntil < now)


def claim(
    connection: Connection, log_id: int, plugin: str, owner: str, now: datetime, lease: timedelta
) -> Delivery | None:
    """Take a delivery on, so that no other agent does it too.

    Returns:
        The delivery, or None when somebody else has it, or has done it meanwhile, or the log is open again or gone.
    """
    last_chunk_id = _lock(connection, log_id, closed())
    if last_chunk_id is None:
        return None
    connection.execute(
        insert_if_absent(connection, deliveries).values(
            LogID=log_id, Plugin=plugin, State=DeliveryState.PENDING, NextAttempt=now
        )
    )
    taken = connection.execute(
        deliveries.update()
        .where(of(log_id, plugin), unconfirmed(last_chunk_id), deliveries.c.NextAttempt <= now, free(now))
        .values(Owner=owner, LeaseUntil=now + lease)
    ).rowcount
    return find(connection, log_id, plugin) if taken else None


def _lock(connection: Connection, log_id: int, *conditions: ColumnElement[bool]) -> int | None:
    """Let no other transaction change this log until the end of this one; gives its ``LastChunkID``, or None when there
    is no such log for which the conditions hold."""
    found = select(logs.c.LastChunkID).where(logs.c.LogID == log_id, *conditions)
    return connection.execute(found.with_for_update()).scalar()


def renew(connection: Connection, log_id: int, plugin: str, owner: str, until: datetime) -> bool:
    """Keep a delivery that takes long; False when somebody else has taken it over."""
    return (
        connection.execute(
            deliveries.update().where(of(log_id, plugin), deliveries.c.Owner == owner).values(LeaseUntil=until)
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


def keep_progress(connection: Connection, log_id: int, plugin: str, owner: str, reference: str) -> bool:
    """Note how far a delivery is that goes on; False when somebody else has taken it over."""
    statement = deliveries.update().where(of(log_id, plugin), deliveries.c.Owner == owner)
    return connection.execute(statement.values(Reference=reference)).rowcount > 0


def keep_copy(connection: Connection, log_id: int, plugin: str, owner: str, cursor: int, reference: str) -> bool:
    """Note a copy that has all chunks up to ``cursor``, while the delivery goes on; False when somebody else has taken
    it over."""
    statement = deliveries.update().where(of(log_id, plugin), deliveries.c.Owner == owner)
    values = {"State": DeliveryState.DELIVERED, "Cursor": cursor, "Reference": reference}
    return connection.execute(statement.values(**values)).rowcount > 0


def drop_reference(connection: Connection, log_id: int, plugin: str) -> None:
    """Note that a plugin that nobody delivers to any more has no copy of a log either."""
    connection.execute(deliveries.update().where(of(log_id, plugin)).values(Reference=""))


def release(connection: Connection, log_id: int, plugin: str, owner: str) -> bool:
    """Give a delivery back undone, as at the end of an agent."""
    return _end(connection, log_id, plugin, owner)


def _end(connection: Connection, log_id: int, plugin: str, owner: str, **values: Any) -> bool:
    statement = deliveries.update().where(of(log_id, plugin), deliveries.c.Owner == owner)
    return connection.execute(statement.values(Owner=None, LeaseUntil=None, **values)).rowcount > 0


def find(connection: Connection, log_id: int, plugin: str) -> Delivery | None:
    """The delivery of a log to a plugin, or None where it was never begun."""
    row = connection.execute(select(deliveries).where(of(log_id, plugin))).one_or_none()
    return None if row is None else _delivery(row)


def find_many(connection: Connection, *conditions: ColumnElement[bool]) -> list[Delivery]:
    """The deliveries for which all conditions hold, in no order."""
    return [_delivery(row) for row in connection.execute(select(deliveries).where(*conditions))]


def owned_by(owner: str) -> ColumnElement[bool]:
    """The condition that a process has taken it on and not ended it."""
    return deliveries.c.Owner == owner


def of_owner(connection: Connection, owner: str) -> list[Delivery]:
    """What a process has taken on and not ended."""
    return find_many(connection, owned_by(owner))


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


def backlog(connection: Connection, plugins: Mapping[str, Collection[str]] | None = None) -> list[Backlog]:
    """What is waiting, for each VO and plugin that has a backlog.

    Args:
        connection: In a reading transaction.
        plugins: The plugins of each VO, as they are now: then all closed logs count that these have not confirmed. Of a
            VO that is not named, only those deliveries count that were begun.
    """
    named = plugins or {}
    pairs = [(vo, plugin, True) for vo, names in named.items() for plugin in names]
    for vo in list_vos(connection):
        if vo not in named:
            pairs += [(vo, plugin, False) for plugin in _begun(connection, vo)]
    return [entry for pair in sorted(pairs) if (entry := _backlog_of(connection, *pair))]


def _begun(connection: Connection, vo: str) -> set[str]:
    """The plugins to which some log of a VO is on its way."""
    unfinished = unconfirmed(logs.c.LastChunkID)
    conditions = [*(and_(logs.c.State == state, unfinished) for state in CLOSED), _fails_while_open()]
    return {
        plugin
        for condition in conditions
        for plugin in connection.execute(
            select(deliveries.c.Plugin)
            .distinct()
            .select_from(logs.join(deliveries, deliveries.c.LogID == logs.c.LogID))
            .where(logs.c.VO == vo, condition)
        ).scalars()
    }


def _fails_while_open() -> ColumnElement[bool]:
    """The condition for an open log that a stream could not take when it was tried last."""
    behind = deliveries.c.Cursor < logs.c.LastChunkID
    return and_(logs.c.State == LogState.OPEN, deliveries.c.Attempts > 0, behind)


def _backlog_of(connection: Connection, vo: str, plugin: str, all_closed: bool) -> Backlog | None:
    unless_whole = or_(deliveries.c.LogID.is_(None), unconfirmed(logs.c.LastChunkID))
    # One state at a time: then a database goes by the index of the state, past a million archived logs.
    found = [
        _part(connection, plugin, all_closed and state in CLOSED, part, condition)
        for state, condition in (*((state, unless_whole) for state in CLOSED), (LogState.OPEN, _fails_while_open()))
        for part in parts(connection, logs.c.LastArrival, logs.c.VO == vo, logs.c.State == state)
    ]
    waiting = [part for part in found if part.Logs]
    if not waiting:
        return None
    return Backlog(
        vo,
        plugin,
        sum(part.Logs for part in waiting),
        sum(int(part.Failing) for part in waiting),
        min(part.Oldest for part in waiting),
        max(part.LastError or "" for part in waiting),
        sum(int(part.Untried) for part in waiting),
    )


def _part(connection: Connection, plugin: str, with_untried: bool, *conditions: ColumnElement[bool]) -> Row[Any]:
    attempts = func.coalesce(deliveries.c.Attempts, 0)
    return connection.execute(
        select(
            func.count().label("Logs"),
            func.sum(case((attempts > 0, 1), else_=0)).label("Failing"),
            func.sum(case((deliveries.c.LogID.is_(None), 1), else_=0)).label("Untried"),
            func.min(logs.c.LastArrival).label("Oldest"),
            func.max(deliveries.c.LastError).label("LastError"),
        )
        .select_from(logs.join(deliveries, of(logs.c.LogID, plugin), isouter=with_untried))
        .where(*conditions)
    ).one()
