# SPDX-License-Identifier: GPL-3.0-only
"""The order of a list of logs, and where in it a page ends, so that the next one begins right behind it.

By a number of rows to pass over, a log would be left out for each that has left the selection meanwhile, and shown
twice for each that has come.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Integer, and_, false, or_, select, true
from sqlalchemy.sql import operators

from ..documents import accept_time, read_argument
from ..errors import Rejected
from ..model import LISTED_COLUMNS
from .schema import UTCDateTime, logs

MOST_SORTS = 4
"""Columns by which one list is sorted."""
_LONGEST = 8192
"""Characters of a key: so many columns of text, as long as they can be."""
_MOST_ID = 2**63 - 1

Order = Sequence[tuple[Column[Any], bool]]
"""Columns, and whether the smallest comes first. The last one is ``LogID``: no two logs have the same place."""


def order_of(sort: Collection[Any]) -> Order:
    """The order that somebody asks for.

    Args:
        sort: Pairs of a column and ``ASC`` or ``DESC``; without any, latest arrival first.

    Raises:
        Rejected: They are no such pairs, or too many.
    """
    if len(sort) > MOST_SORTS:
        raise Rejected(f"The sort has {len(sort)} columns; it takes {MOST_SORTS} at most.")
    pairs = [read_argument("The sort", _accept_pair, pair) for pair in sort] or [("LastArrival", "DESC")]
    order = [(logs.c[name], direction == "ASC") for name, direction in pairs]
    # In the same direction as the last column, so that its index gives this order.
    return [*order, (logs.c.LogID, order[-1][1])]


def _accept_pair(pair: Any) -> Sequence[str]:
    if isinstance(pair, (list, tuple)) and len(pair) == 2 and pair[0] in LISTED_COLUMNS and pair[1] in ("ASC", "DESC"):
        return pair
    raise ValueError(f"is not a list of pairs of a column and ASC or DESC; columns: {', '.join(LISTED_COLUMNS)}")


def sorting(order: Order) -> list[ColumnElement[Any]]:
    """For a statement's ``ORDER BY``."""
    return [column.asc() if ascending else column.desc() for column, ascending in order]


def key_of(connection: Connection, order: Order, row: Mapping[str, Any]) -> str:
    """Names a row's place in an order, for :func:`behind`; it stays the same when the row changes or goes.

    Args:
        connection: That read the row, in the same transaction.
        row: As in a list of logs.
    """
    one = select(logs.c.LogID).where(logs.c.VO == row["VO"], logs.c.Stamp == row["Stamp"])
    values = [*(row[column.name] for column, _ in order[:-1]), connection.execute(one).scalar_one()]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def behind(order: Order, key: Any) -> ColumnElement[bool]:
    """The condition for rows behind a place.

    Raises:
        Rejected: The key is none that was given for this order.
    """
    values = read_argument("The key", lambda value: _accept_key(order, value), key)
    alternatives: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for (column, ascending), value in zip(order, values, strict=True):
        alternatives.append(and_(*same, _beyond(column, ascending, value)))
        same.append(column.is_(None) if value is None else column == value)
    # The first says nothing new, but an index understands it.
    return and_(_from(*order[0], values[0]), or_(*alternatives))


def _beyond(column: Column[Any], ascending: bool, value: Any) -> ColumnElement[bool]:
    """Both kinds of database sort NULL before all else."""
    if value is None:
        return column.is_not(None) if ascending else false()
    return operators.gt(column, value) if ascending else _or_null(column, operators.lt(column, value))


def _from(column: Column[Any], ascending: bool, value: Any) -> ColumnElement[bool]:
    if value is None:
        return true() if ascending else column.is_(None)
    return operators.ge(column, value) if ascending else _or_null(column, operators.le(column, value))


def _or_null(column: Column[Any], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(condition, column.is_(None)) if column.nullable else condition


def _accept_key(order: Order, key: Any) -> Sequence[Any]:
    try:
        if not isinstance(key, str) or len(key) > _LONGEST:
            raise ValueError
        values = json.loads(base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(order):
            raise ValueError
        return [_typed(column, value) for (column, _), value in zip(order, values, strict=True)]
    except (ValueError, RecursionError):
        raise ValueError("is not one that listLogs gave for this order") from None


def _typed(column: Column[Any], value: Any) -> Any:
    if value is None and column.nullable:
        return None
    if isinstance(column.type, UTCDateTime):
        return accept_time(value)
    if isinstance(column.type, Integer):
        if type(value) is int and abs(value) <= _MOST_ID:
            return value
    elif isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value):
        return value
    raise ValueError
