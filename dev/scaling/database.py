# SPDX-License-Identifier: GPL-3.0-only
"""What the database tells at the end."""

from parts.state import Stack
from readerbenchmark.contents import open_database
from sqlalchemy import func, select, text

from PilotLoggingDIRAC.store.schema import logs

_OF_SERVER = "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"


def size(stack: Stack) -> int:
    """Its bytes on disk, by the server's own account where it has a server."""
    if stack.plan.database == "sqlite":
        return sum(path.stat().st_size for path in stack.layout.sqlite.parent.glob("*.sqlite*"))
    return int(_ask(stack, text(_OF_SERVER)))


def waiting_for_delivery(stack: Stack) -> int:
    """Logs whose pilots said goodbye and that no plugin has yet."""
    return int(_ask(stack, select(func.count()).where(logs.c.Finalised.is_not(None), logs.c.Archived.is_(None))))


def _ask(stack: Stack, query: object) -> object:
    database = open_database(stack)
    try:
        with database.reading() as connection:
            return connection.execute(query).scalar_one()
    finally:
        database.close()
