"""Finding logs: one by its name, many by what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from ..errors import Rejected
from ..model import ExpiredPart, LogKey, LogRecord, LogState
from .numbering import Numbering
from .schema import logs

_INTERNAL = ("LogID", "LastChunkID", "ExpiredChunkID", "ExpiredBytes", "Gaps", "Numbering")

COLUMNS = tuple(column.name for column in logs.c if column.name not in _INTERNAL)
"""The columns that a list of logs shows, and by which it can be sorted."""


def _record(row: Row[Any]) -> LogRecord:
    return LogRecord(
        log_id=row.LogID,
        key=LogKey(row.VO, row.Stamp),
        state=LogState(row.State),
        first_arrival=row.FirstArrival,
        last_arrival=row.LastArrival,
        finalised=row.Finalised,
        archived=row.Archived,
        exit_code=row.ExitCode,
        lines=row.Lines,
        bytes=row.Bytes,
        warnings=row.Warnings,
        errors=row.Errors,
        truncated=row.Truncated,
        last_chunk_id=row.LastChunkID,
        expired_chunk_id=row.ExpiredChunkID,
        expired_bytes=row.ExpiredBytes,
        expired_part=ExpiredPart.load(row.Gaps),
        missing=Numbering.load(row.Numbering).missing,
        site=row.Site,
        ce=row.CE,
        queue=row.Queue,
        host=row.Host,
        pilot_reference=row.PilotReference,
        pilot_version=row.PilotVersion,
    )


def find(connection: Connection, key: LogKey) -> LogRecord | None:
    """The log of that name, or None."""
    row = connection.execute(select(logs).where(logs.c.VO == key.vo, logs.c.Stamp == key.stamp)).one_or_none()
    return None if row is None else _record(row)


def find_by_id(connection: Connection, log_id: int) -> LogRecord | None:
    """The log of that id, or None."""
    row = connection.execute(select(logs).where(logs.c.LogID == log_id)).one_or_none()
    return None if row is None else _record(row)


def communities(connection: Connection) -> list[str]:
    """The VOs that have a log in the database, in alphabetical order."""
    return list(connection.execute(select(logs.c.VO).distinct().order_by(logs.c.VO)).scalars())


def _equals(column: Any, fits: Callable[[Any], bool], what: str) -> Any:
    def condition(value: Any) -> ColumnElement[bool]:
        values = value if isinstance(value, (list, tuple)) else [value]
        if not all(fits(each) for each in values):
            raise Rejected(f"The selection's {column.name} is neither {what} nor a list of such.")
        condition: ColumnElement[bool] = column.in_(values)
        return condition

    return condition


def _is_text(value: Any) -> bool:
    # Lone surrogates can be in no column.
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_exit_code(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**31


def _time(value: Any, name: str) -> datetime:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise Rejected(f"The selection's {name} is not a time such as 2026-06-10T11:02:02Z.") from None


def _flag(value: Any, condition: ColumnElement[bool], name: str) -> ColumnElement[bool]:
    if not isinstance(value, bool):
        raise Rejected(f"The selection's {name} is neither true nor false.")
    return condition if value else ~condition


_SELECTIONS: Mapping[str, Any] = {
    **{
        name: _equals(logs.c[name], _is_text, "a text")
        for name in ("VO", "Stamp", "State", "Site", "CE", "Queue", "Host", "PilotReference", "PilotVersion")
    },
    "ExitCode": _equals(logs.c.ExitCode, _is_exit_code, "a whole number"),
    "Since": lambda value: logs.c.LastArrival >= _time(value, "Since"),
    "Until": lambda value: logs.c.FirstArrival < _time(value, "Until"),
    "HasErrors": lambda value: _flag(value, logs.c.Errors > 0, "HasErrors"),
    "Finalised": lambda value: _flag(value, logs.c.Finalised.is_not(None), "Finalised"),
}


def list_logs(
    connection: Connection,
    selection: Mapping[str, Any],
    sort: Collection[Any],
    start: int,
    limit: int,
    vo: str | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """A page of the list of logs.

    Args:
        connection: In a reading transaction.
        selection: Conditions that all hold: column names to a value or a list of values (VO, Stamp, State, Site, CE,
            Queue, Host, PilotReference, PilotVersion, ExitCode); ``Since`` and ``Until``, times; ``HasErrors`` and
            ``Finalised``, true or false.
        sort: Pairs of a column of :data:`COLUMNS` and ``ASC`` or ``DESC``; without any, latest arrival first.
        start: Rows to pass over.
        limit: Rows to give at most.
        vo: Only logs of this VO, whatever the selection says; None for all.

    Returns:
        The rows as column names to values, and the number of all rows selected.

    Raises:
        Rejected: A condition or a sort is unknown or ill-typed.
    """
    conditions = [] if vo is None else [logs.c.VO == vo]
    for name, value in selection.items():
        if name not in _SELECTIONS:
            raise Rejected(
                f"Logs cannot be selected by {ascii(name)[:80]}; by these they can: {', '.join(_SELECTIONS)}."
            )
        conditions.append(_SELECTIONS[name](value))
    order = [_sorted_by(pair) for pair in sort] or [logs.c.LastArrival.desc()]
    where = and_(True, *conditions)
    total = connection.execute(select(func.count()).select_from(logs).where(where)).scalar_one()
    rows = connection.execute(
        select(*(logs.c[name] for name in COLUMNS))
        .where(where)
        .order_by(*order, logs.c.LogID)
        .offset(start)
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows], total


def _sorted_by(pair: Any) -> Any:
    if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and pair[0] in COLUMNS and pair[1] in ("ASC", "DESC")):
        raise Rejected(f"The sort is not a list of pairs of a column and ASC or DESC; columns: {', '.join(COLUMNS)}.")
    column = logs.c[pair[0]]
    return column.asc() if pair[1] == "ASC" else column.desc()


def states(connection: Connection) -> dict[tuple[str, str], int]:
    """How many logs each VO has in each state."""
    rows = connection.execute(select(logs.c.VO, logs.c.State, func.count()).group_by(logs.c.VO, logs.c.State))
    return {(vo, state): count for vo, state, count in rows}


def closed() -> ColumnElement[bool]:
    """The condition for logs that are to be delivered."""
    return or_(logs.c.State == LogState.COMPLETE, logs.c.State == LogState.SILENT)
