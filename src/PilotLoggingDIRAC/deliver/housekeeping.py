# SPDX-License-Identifier: GPL-3.0-only
"""What the database does with logs that nobody writes any more.

SQLite has one writer at a time, and what pilots send waits for it: so all of this is done in short transactions, and
after each of them the database is left alone for as long as it took.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from ..settings import VOSettings
from ..store import lifecycle
from ..store.engine import Database

T = TypeVar("T")

_DAY = 86400.0
_LONGEST_PAUSE = 0.5
"""In seconds. A transaction that took longer waited for others itself."""


def _change(database: Database, work: Callable[[Connection], T]) -> T:
    began = time.monotonic()
    try:
        return database.transact(work)
    finally:
        time.sleep(min(time.monotonic() - began, _LONGEST_PAUSE))


def close_silent(database: Database, vo: str, settings: VOSettings) -> int:
    """Close the logs of a VO whose pilots have said nothing for too long; gives their number."""

    def close(connection: Connection) -> int:
        before = lifecycle.ago(database.now(connection), settings.silent_after)
        return lifecycle.close_silent(connection, vo, before)

    closed = 0
    while step := _change(database, close):
        closed += step
    return closed


def settle(database: Database, vo: str, settings: VOSettings) -> int:
    """Archive logs that wait for nothing any more, since a plugin was taken off the VO's list; gives their number."""
    plugins = settings.logging_plugins
    with database.reading() as connection:
        found = lifecycle.list_settled(connection, vo, plugins)

    def settle_these(connection: Connection, log_ids: list[int]) -> int:
        return lifecycle.settle(connection, vo, plugins, database.now(connection), log_ids)

    steps = (found[start : start + lifecycle.STEP] for start in range(0, len(found), lifecycle.STEP))
    return sum(_change(database, partial(settle_these, log_ids=log_ids)) for log_ids in steps)


def expire(
    database: Database,
    vo: str,
    settings: VOSettings,
    clear_pilots_delay: int,
    stopping: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Remove the text of logs that were stored long enough ago, and after ``clear_pilots_delay`` days their rows.

    Args:
        database: PilotLogDB.
        vo: The VO.
        settings: Its settings.
        clear_pilots_delay: In days.
        stopping: Asked between two logs; True ends the work.

    Returns:
        How many logs ``expired`` and how many were ``forgotten``.
    """
    figures: Counter[str] = Counter()
    with database.reading() as connection:
        now = database.now(connection)
    while log_ids := _expired(database, vo, lifecycle.ago(now, settings.keep_delivered)):
        for log_id in log_ids:
            if stopping():
                return figures
            figures["expired"] += _change(database, partial(lifecycle.expire, log_id=log_id))
    # A row must not be forgotten before its text may expire.
    age = max(clear_pilots_delay * _DAY, settings.keep_delivered)
    while not stopping():
        forgotten = _change(database, lambda connection: lifecycle.forget(connection, vo, lifecycle.ago(now, age)))
        figures["forgotten"] += forgotten
        if not forgotten:
            break
    return figures


def _expired(database: Database, vo: str, before: datetime) -> list[int]:
    with database.reading() as connection:
        return lifecycle.list_expired(connection, vo, before)
