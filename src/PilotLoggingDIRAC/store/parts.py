# SPDX-License-Identifier: GPL-3.0-only
"""The logs of a VO in parts, so that no statement that adds up figures of many logs takes long.

What is added up stands in the rows themselves: an index that had it too would be written with each message.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, and_, select

MOST_LOGS = 10_000
"""Rows that one statement reads: some milliseconds."""


def parts(
    connection: Connection, by: Column[datetime], *conditions: ColumnElement[bool]
) -> Iterator[ColumnElement[bool]]:
    """Conditions that part the logs for which some others hold; each comes with those others, and has
    :data:`MOST_LOGS` logs. A part is larger only where so many logs have the very same time.

    Args:
        connection: In a reading transaction.
        by: A time that all of these logs have. An index that begins with the columns of the conditions has it next, so
            that the bounds are found without a row being read.
        conditions: Equalities.
    """
    begin: datetime | None = None
    while True:
        rest = conditions if begin is None else (*conditions, by >= begin)
        end = connection.execute(select(by).where(*rest).order_by(by).offset(MOST_LOGS).limit(1)).scalar()
        if end == begin and end is not None:
            end = connection.execute(select(by).where(*conditions, by > end).order_by(by).limit(1)).scalar()
        if end is None:
            yield and_(*rest)
            return
        yield and_(*rest, by < end)
        begin = end
