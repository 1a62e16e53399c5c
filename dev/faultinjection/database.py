# SPDX-License-Identifier: GPL-3.0-only
"""PilotLogDB itself, as its administrator sees it."""

import sqlite3

from parts import mariadb
from parts.state import Stack

_COLUMNS = (
    "VO",
    "Stamp",
    "PilotLogs.State",
    "Finalised IS NOT NULL",
    "ExitCode",
    "PilotLogs.`Lines`",
    "Bytes",
    "Truncated",
    "LastChunkID",
    "ExpiredChunkID",
    "Plugin",
    "PilotLogDeliveries.State",
    "PilotLogDeliveries.`Cursor`",
    "Reference",
)
_ROWS = (
    f"SELECT {', '.join(_COLUMNS)} FROM PilotLogs "
    "LEFT JOIN PilotLogDeliveries ON PilotLogDeliveries.LogID = PilotLogs.LogID ORDER BY VO, Stamp"
)
_NEXT_ATTEMPT = "UPDATE PilotLogDeliveries SET NextAttempt = '2000-01-01 00:00:00.000000' WHERE State <> 'Delivered'"
_LEASES = "UPDATE PilotLogDeliveries SET LeaseUntil = '2000-01-01 00:00:00.000000' WHERE Owner IS NOT NULL"


def run(stack: Stack, statement: str) -> list[list[str]]:
    """Run a statement; gives its rows, with NULL as the word."""
    if stack.plan.database == "mariadb":
        return [line.split("\t") for line in mariadb.run_sql(stack, statement, "PilotLogDB").splitlines()]
    connection = sqlite3.connect(stack.layout.sqlite, timeout=30)
    try:
        with connection:
            return [["NULL" if v is None else str(v) for v in row] for row in connection.execute(statement).fetchall()]
    finally:
        connection.close()


def rows(stack: Stack) -> list[list[str]]:
    """Each log with each of its deliveries, see _COLUMNS."""
    return run(stack, _ROWS)


def try_at_once(stack: Stack) -> None:
    """Have what failed tried again now, as ``docs/operating.md`` tells an operator to do it."""
    run(stack, _NEXT_ATTEMPT)


def end_leases(stack: Stack) -> None:
    """As if five minutes had passed: what a killed agent had taken on is free. Only while no agent runs."""
    run(stack, _LEASES)


def not_archived(stack: Stack) -> int:
    """How many logs are not archived."""
    return int(run(stack, "SELECT COUNT(*) FROM PilotLogs WHERE State <> 'Archived'")[0][0])


def not_expired(stack: Stack, vo: str) -> int:
    """How many archived logs of a VO still have text in the database."""
    statement = f"SELECT COUNT(*) FROM PilotLogs WHERE VO = '{vo}' AND ExpiredChunkID < LastChunkID"
    return int(run(stack, statement)[0][0])
