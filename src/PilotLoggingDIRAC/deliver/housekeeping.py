# SPDX-License-Identifier: GPL-3.0-only
"""What the database does with logs that nobody writes any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from ..settings import VOSettings
from ..store import lifecycle
from ..store.engine import Database

_DAY = 86400.0


def close_silent(database: Database, vo: str, settings: VOSettings) -> int:
    """Close the logs of a VO whose pilots have said nothing for too long; gives their number."""

    def close(connection: Connection) -> int:
        before = lifecycle.ago(database.now(connection), settings.silent_after)
        return lifecycle.close_silent(connection, vo, before)

    return database.transact(close)


def settle(database: Database, vo: str, settings: VOSettings) -> int:
    """Archive logs that wait for nothing any more, since a plugin was taken off the VO's list; gives their number."""
    return database.transact(
        lambda connection: lifecycle.settle(connection, vo, settings.logging_plugins, database.now(connection))
    )


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
            figures["expired"] += database.transact(partial(lifecycle.expire, log_id=log_id))
    # A row must not be forgotten before its text may expire.
    age = max(clear_pilots_delay * _DAY, settings.keep_delivered)
    while not stopping():
        forgotten = database.transact(lambda connection: lifecycle.forget(connection, vo, lifecycle.ago(now, age)))
        figures["forgotten"] += forgotten
        if not forgotten:
            break
    return figures


def _expired(database: Database, vo: str, before: datetime) -> list[int]:
    with database.reading() as connection:
        return lifecycle.list_expired(connection, vo, before)
