# SPDX-License-Identifier: GPL-3.0-only
"""Finding logs: one by its name, many by what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, Row, Select, Subquery, and_, case, func, or_, select

from ..errors import Rejected
from ..model import COUNTED_COLUMNS, FACTS, LISTED_COLUMNS, ExpiredPart, LogKey, LogRecord, LogState
from .list_order import behind, key_of, order_of, sorting
from .numbering import Numbering
from .parts import parts
from .quiet import READ, Quietness
from .schema import logs
from .selection import must_read_rows, where

COLUMNS = LISTED_COLUMNS
COUNTED = COUNTED_COLUMNS
MOST_COUNTED = 20_000
"""Logs among which they are: what is asked for is a menu."""
MOST_GROUPED = 200_000
"""Logs that are counted by a column."""
_FEW = 1000
CLOSED = (LogState.COMPLETE, LogState.SILENT)
"""The states of logs that are to be delivered."""
DEEPEST = 100_000
QUICK_SORTS = frozenset(("LastArrival", "Stamp"))
"""For others all logs are sorted for each page, and a deep one takes MariaDB ten seconds and more."""
_NO_INDEX = "USE INDEX ()"
"""For what reads all rows anyway: in the table's own order. MariaDB would go by an index, and fetch each row alone."""


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
        facts={fact.name: getattr(row, fact.column) for fact in FACTS},
    )


def find(connection: Connection, key: LogKey) -> LogRecord | None:
    """The log of that name, or None."""
    row = connection.execute(select(logs).where(logs.c.VO == key.vo, logs.c.Stamp == key.stamp)).one_or_none()
    return None if row is None else _record(row)


def find_by_id(connection: Connection, log_id: int) -> LogRecord | None:
    """The log of that id, or None."""
    row = connection.execute(select(logs).where(logs.c.LogID == log_id)).one_or_none()
    return None if row is None else _record(row)


def list_vos(connection: Connection) -> list[str]:
    """The VOs that have a log in the database, in alphabetical order."""
    # From one to the next, by the index: a database may look at each of a million rows for what is distinct.
    found: list[str] = []
    following = select(func.min(logs.c.VO))
    while (vo := connection.execute(following).scalar()) is not None:
        found.append(vo)
        following = select(func.min(logs.c.VO)).where(logs.c.VO > vo)
    return found


class ListPage(NamedTuple):
    """A page of the list of logs."""

    rows: list[dict[str, Any]]
    """Column names to values."""
    start: int
    """How many of the logs selected come before these."""
    total: int
    """Of all that are selected."""
    key: str
    """Where to go on, for ``after``; empty if there is no more."""


def list_page(
    connection: Connection,
    selection: Mapping[str, Any],
    sort: Collection[Any],
    start: int,
    limit: int,
    vo: str | None = None,
    quietness: Quietness | None = None,
    after: Any = None,
) -> ListPage:
    """A page of the list of logs.

    Args:
        connection: In a reading transaction.
        selection: Conditions, see :func:`.selection.where`.
        sort: See :func:`.list_order.order_of`.
        start: Rows to pass over; nothing where there is a key.
        limit: Rows to give at most.
        vo: Only logs of this VO, whatever the selection says; None for all.
        quietness: What counts as quiet: then rows tell it too, and it can be selected by.
        after: The key of the page before this one, by the same sort: then no log that keeps its place is missing, or
            there twice, whatever became of the others meanwhile.

    Raises:
        Rejected: A condition, a sort or the key is unknown or ill-typed.
    """
    order = order_of(sort)
    condition = _where(connection, selection, vo, quietness)
    rest = behind(order, after) if after else None
    sorted_by = {pair[0] for pair in sort}
    if rest is None and start > DEEPEST and not sorted_by <= QUICK_SORTS:
        raise Rejected(f"Beyond row {DEEPEST} lists are sorted by {' or '.join(sorted(QUICK_SORTS))} only.")
    few = _few(connection, selection, condition)
    total = count_logs(connection, selection, vo, quietness) if few is None else len(few)
    wanted = condition if few is None else logs.c.LogID.in_(few)
    if rest is not None:
        wanted = and_(wanted, rest)
        start = total - int(connection.execute(select(func.count()).select_from(logs).where(wanted)).scalar_one())
    passed_over = start if rest is None else 0
    # One more, to see whether there is any.
    ids = select(logs.c.LogID).where(wanted).order_by(*sorting(order)).offset(passed_over).limit(limit + 1)
    if few is None and must_read_rows(selection, sorted_by):
        ids = ids.with_hint(logs, _NO_INDEX, "mysql")
    # The ids first: only the rows that are given need be read, not those that are passed over.
    page = ids.subquery()
    statement = _listed(quietness).join(page, logs.c.LogID == page.c.LogID).order_by(*sorting(order))
    rows = [_told(row, quietness) for row in connection.execute(statement)]
    more, rows = len(rows) > limit > 0, rows[:limit]
    return ListPage(rows, start, total, key_of(connection, order, rows[-1]) if more else "")


_LISTED = select(*(logs.c[name] for name in COLUMNS))
_LISTED_WITH_QUIET = _LISTED.add_columns(*READ)


def _listed(quietness: Quietness | None) -> Select[Any]:
    return _LISTED_WITH_QUIET if quietness else _LISTED


def _told(row: Row[Any], quietness: Quietness | None) -> dict[str, Any]:
    return quietness.told(dict(row._mapping)) if quietness else dict(row._mapping)


def _few(
    connection: Connection, selection: Mapping[str, Any], condition: ColumnElement[bool], most: int = _FEW
) -> list[int] | None:
    """The ids of the logs that are selected; None if there are many.

    Where there are few of them among many, a database that goes through all logs in some order until it has a page full
    takes very long; and where there are many, finding so few is quick.
    """
    statement = select(logs.c.LogID).where(condition).limit(most + 1)
    if must_read_rows(selection):
        statement = statement.with_hint(logs, _NO_INDEX, "mysql")
    found = connection.execute(statement).scalars().all()
    return None if len(found) > most else list(found)


def _where(
    connection: Connection, selection: Mapping[str, Any], vo: str | None, quietness: Quietness | None
) -> ColumnElement[bool]:
    condition = where(selection, vo, quietness)
    if selection.get("Quiet") is True and vo is None and "VO" not in selection:
        # The index of open logs begins with the VO; without it SQLite would read the row of nearly each log.
        return and_(condition, logs.c.VO.in_(list_vos(connection)))
    return condition


def count_logs(
    connection: Connection, selection: Mapping[str, Any], vo: str | None = None, quietness: Quietness | None = None
) -> int:
    """How many logs are selected; arguments as of :func:`list_page`."""
    counted = select(func.count()).select_from(logs).where(_where(connection, selection, vo, quietness))
    return int(connection.execute(counted).scalar_one())


def find_row(connection: Connection, key: LogKey, quietness: Quietness | None = None) -> dict[str, Any] | None:
    """One log as in a list of logs; None if there is none of that name."""
    statement = _listed(quietness).where(logs.c.VO == key.vo, logs.c.Stamp == key.stamp)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _told(row, quietness)


def list_values(
    connection: Connection,
    selection: Mapping[str, Any],
    columns: Sequence[str],
    limit: int,
    vo: str | None = None,
    most: int = MOST_COUNTED,
    quietness: Quietness | None = None,
) -> tuple[dict[str, list[tuple[Any, int]]], int]:
    """The most frequent values of some columns among the logs selected, or the latest of them.

    Args:
        connection: In a reading transaction.
        columns: Some of :data:`COUNTED`.
        limit: Values of each column that are given.
        most: Logs that are looked at.

    Returns:
        For each column pairs of a value and how many logs have it, and how many logs were looked at.

    Raises:
        Rejected: A condition or a column is unknown or ill-typed.
    """
    if len(columns) > len(COUNTED):
        raise Rejected(
            f"There are {len(columns)} columns of which values are wanted; {len(COUNTED)} at most are given."
        )
    for name in columns:
        if name not in COUNTED:
            raise Rejected(f"Values of {ascii(name)[:80]} are not counted; of these they are: {', '.join(COUNTED)}.")
    names = list(dict.fromkeys(columns))
    latest = _latest(names, _where(connection, selection, vo, quietness), most)
    # All columns by one statement: to find the logs takes longer than to count.
    grouped = connection.execute(select(*latest.c, func.count()).group_by(*latest.c)).all() if names else []
    values: dict[str, list[tuple[Any, int]]] = {}
    for place, name in enumerate(names):
        counts: Counter[Any] = Counter()
        for row in grouped:
            counts[row[place]] += row[-1]
        most_first = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0] or "")))
        values[name] = most_first[:limit]
    return values, sum(row[-1] for row in grouped)


def _latest(columns: Iterable[str], condition: ColumnElement[bool], most: int) -> Subquery:
    """Columns of the logs with the latest lines among those that meet a condition."""
    selected = select(*(logs.c[name] for name in columns)).where(condition)
    return selected.order_by(logs.c.LastArrival.desc()).limit(most).subquery()


def count_by(
    connection: Connection,
    selection: Mapping[str, Any],
    column: str,
    limit: int,
    vo: str | None = None,
    most: int = MOST_GROUPED,
    quietness: Quietness | None = None,
) -> tuple[list[dict[str, Any]], int, int]:
    """How many of the logs selected, or of the latest of them, have which value of a column, and how they ended.

    Args:
        connection: In a reading transaction.
        column: One of :data:`COUNTED`.
        limit: Values that are given, those of most logs first.
        most: Logs that are looked at.
        quietness: What counts as quiet; without it nobody can ask for that.

    Returns:
        For each value its figures, how many values there are, and how many logs were looked at.

    Raises:
        Rejected: A condition or the column is unknown or ill-typed.
    """
    if column not in COUNTED:
        raise Rejected(f"Logs are not counted by {ascii(column)[:80]}; by these they are: {', '.join(COUNTED)}.")
    needed = dict.fromkeys((column, "State", "Finalised", "ExitCode", "Errors", "LastArrival"))
    of = _latest(needed, _where(connection, selection, vo, quietness), most).c
    number = func.count()
    figures = {
        "Logs": number,
        "Open": _number_of(of.State == LogState.OPEN),
        "Failed": _number_of(and_(of.ExitCode.is_not(None), of.ExitCode != 0)),
        "Silent": _number_of(and_(of.Finalised.is_(None), of.State != LogState.OPEN)),
        "WithErrors": _number_of(of.Errors > 0),
        "LastArrival": func.max(of.LastArrival),
    }
    value = of[column].label("Value")
    grouped = select(value, *(figure.label(name) for name, figure in figures.items())).group_by(of[column])
    rows = [_with_whole_numbers(row) for row in connection.execute(grouped)]
    rows.sort(key=lambda row: (-row["Logs"], str(row["Value"] or "")))
    return rows[:limit], len(rows), sum(row["Logs"] for row in rows)


def _with_whole_numbers(row: Row[Any]) -> dict[str, Any]:
    """MariaDB's sums are decimals, which are nothing for JSON."""
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in row._mapping.items()}


def _number_of(condition: ColumnElement[bool]) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0, type_=Integer)


Selected = tuple[int, bool, dict[str, Any]]
"""A log's id, whether text of it has left the database, and its row as in a list of logs."""


def newest_first(
    connection: Connection,
    selection: Mapping[str, Any],
    vo: str | None,
    below: int,
    limit: int,
    quietness: Quietness | None = None,
) -> list[Selected]:
    """Logs that are selected, the one that began last first.

    Args:
        below: Only logs with a smaller id.
        limit: How many to give at most.

    Returns:
        Of each its id, whether text of it has left the database, and its row as in a list of logs.
    """
    condition = and_(_where(connection, selection, vo, quietness), logs.c.LogID < below)
    few = _few(connection, selection, condition)
    statement = _listed(quietness).add_columns(logs.c.LogID.label("_id"), logs.c.ExpiredChunkID.label("_expired"))
    if few is None:
        # In the order of the ids themselves; an index would have to be sorted.
        statement = statement.with_hint(logs, "NOT INDEXED", "sqlite").with_hint(logs, "USE INDEX (PRIMARY)", "mysql")
        statement = statement.where(condition).order_by(logs.c.LogID.desc()).limit(limit)
    else:
        statement = statement.where(logs.c.LogID.in_(sorted(few)[-limit:])).order_by(logs.c.LogID.desc())
    found = connection.execute(statement)
    return [(row._mapping["_id"], row._mapping["_expired"] > 0, _without_own(_told(row, quietness))) for row in found]


def _without_own(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def count_quiet(connection: Connection, quietness: Quietness) -> dict[str, int]:
    """How many open logs of each VO are quiet."""
    counted: Counter[str] = Counter()
    for vo in list_vos(connection):
        for part in parts(connection, logs.c.LastArrival, logs.c.VO == vo, logs.c.State == LogState.OPEN):
            condition = quietness.condition(vo)
            counted[vo] += connection.execute(select(func.count()).where(part, condition)).scalar_one()
    return dict(+counted)


def count_states(connection: Connection) -> dict[tuple[str, str], int]:
    """How many logs each VO has in each state."""
    rows = connection.execute(select(logs.c.VO, logs.c.State, func.count()).group_by(logs.c.VO, logs.c.State))
    return {(vo, state): count for vo, state, count in rows}


def closed() -> ColumnElement[bool]:
    """The condition for logs that are to be delivered."""
    return or_(*(logs.c.State == state for state in CLOSED))
