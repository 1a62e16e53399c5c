# SPDX-License-Identifier: GPL-3.0-only
"""Making the tables, and bringing those of an older version up to date: by itself, at the start of any component."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import URL, Column, Connection, Index, MetaData, Table, func, inspect, select, text
from sqlalchemy.schema import CreateColumn

from ..errors import ConfigurationError, Unavailable
from ..model import FACTS
from .engine import Database
from .quarantine import Identity
from .schema import HOUSEKEEPING_INDEX, VERSION, logs, metadata, schema_version

_NOTHING = Identity(0, 0)
_log = logging.getLogger(__name__)

Step = Callable[[Connection], None]


def _index_lists(connection: Connection) -> None:
    """Version 2: lists of many logs are quick."""
    there = {index["name"] for index in inspect(connection).get_indexes(logs.name)}
    for index in logs.indexes:
        if index.name not in there and index.name != HOUSEKEEPING_INDEX:
            index.create(connection)
    if _OLD_INDEX in there:
        Index(_OLD_INDEX, Table(logs.name, MetaData(), Column("LastArrival")).c.LastArrival).drop(connection)


_OLD_INDEX = "IX_PilotLogs_VO_LastArrival"


def _find_expired(connection: Connection) -> None:
    """Version 3: logs that may expire or be forgotten are found among a million archived ones. The column takes no room
    and no copy of the table; pilots write while MariaDB makes the index."""
    inspector = inspect(connection)
    if logs.c.HasText.name not in {column["name"] for column in inspector.get_columns(logs.name)}:
        table = connection.dialect.identifier_preparer.format_table(logs)
        column = CreateColumn(logs.c.HasText).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column}"))
    if HOUSEKEEPING_INDEX not in {index["name"] for index in inspector.get_indexes(logs.name)}:
        next(index for index in logs.indexes if index.name == HOUSEKEEPING_INDEX).create(connection)


def _add_facts(connection: Connection, version: int) -> None:
    """The columns of what is said of pilots since a version."""
    there = {column["name"] for column in inspect(connection).get_columns(logs.name)}
    table = connection.dialect.identifier_preparer.format_table(logs)
    for fact in FACTS:
        if fact.since == version and fact.column not in there:
            column = CreateColumn(logs.c[fact.column]).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} DEFAULT ''"))


UPGRADES: Mapping[int, Step] = {
    2: _index_lists,
    3: _find_expired,
    **{fact.since: partial(_add_facts, version=fact.since) for fact in FACTS if fact.since > 1},
}
"""For each version above 1 the step that makes it from the one before. A step must bear being run again after a crash:
MySQL commits each change of a table at once."""

_LOCK_SECONDS = 60
_LOCK_ASKED_SECONDS = 5
_STEP_SECONDS = 3600.0
"""A change of a large table takes its time."""


def prepare(
    database: Database,
    steps: Mapping[int, Step] = UPGRADES,
    version: int = VERSION,
    lock_seconds: int = _LOCK_SECONDS,
) -> None:
    """Make the tables or upgrade them. Safe when several processes on several hosts do it at once: one works, the
    others wait, for ``lock_seconds`` at most.

    Raises:
        ConfigurationError: The database was made by a newer release than this one.
        Unavailable: It cannot be reached, or somebody else has been upgrading it for a minute.
    """
    if _current(database) == version:
        return
    with _exclusive(database, lock_seconds), database.writing() as connection:
        current = _version_in(connection)
        if current is None:
            _refuse_others(database, connection)
            metadata.create_all(connection)
            connection.execute(schema_version.insert().values(Version=version))
            return
        if current > version:
            raise ConfigurationError(
                "/Systems/WorkloadManagement/Databases/PilotLogDB",
                f"names a database of version {current}, and this release knows only {version}: upgrade it.",
            )
        for number in range(current + 1, version + 1):
            steps[number](connection)
            connection.execute(schema_version.update().values(Version=number))


def _current(database: Database) -> int | None:
    with database.reading() as connection:
        return _version_in(connection)


def _version_in(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(func.max(schema_version.c.Version))).scalar()


def _refuse_others(database: Database, connection: Connection) -> None:
    """
    Raises:
        ConfigurationError: The SQLite file has tables of something else.
    """
    tables = inspect(connection).get_table_names()
    if database.is_sqlite and tables and schema_version.name not in tables:
        raise ConfigurationError(
            "/Systems/WorkloadManagement/Databases/PilotLogDB/SQLiteFile",
            f"leads to {database.url.database}, which is a database of something else: name another file.",
        )


@contextmanager
def _exclusive(database: Database, lock_seconds: int) -> Iterator[None]:
    """Only one process upgrades. SQLite's writing transaction is exclusive already."""
    if database.is_sqlite:
        yield
        return
    name = {"name": f"PilotLogDB.{database.url.database}"[:64]}
    # On a connection of its own, so that the lock outlasts the commit of what is done under it.
    with database.reading() as connection:
        # Asked for in pieces: a server that takes long to answer counts as away.
        pieces = range(0, max(1, lock_seconds), _LOCK_ASKED_SECONDS)
        ask = text(f"SELECT GET_LOCK(:name, {min(lock_seconds, _LOCK_ASKED_SECONDS)})")
        if not any(connection.execute(ask, name).scalar() == 1 for _ in pieces):
            raise Unavailable(f"Another process has been upgrading PilotLogDB for {lock_seconds} seconds.")
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)


class PreparedDatabase(Database):
    """A database whose tables are made or upgraded before its first use.

    When it is away at the start of a component, that is no failure of the component: each use tries again.
    """

    def __init__(self, url: URL, report: Callable[[str], None] = _log.error, **more: Any) -> None:
        """As :class:`~.engine.Database`; the folder of the SQLite file is made."""
        super().__init__(url, report, **more)
        self._report = report
        if self.file is not None:
            with suppress(OSError):  # each use says what is wrong
                self.file.path.parent.mkdir(parents=True, exist_ok=True)
        self._prepared: Identity | None = _NOTHING
        self._preparing = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        self._prepare_once()
        with super().writing() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self._prepare_once()
        with super().reading() as connection:
            yield connection

    def _prepare_once(self) -> None:
        if self._prepared == self._present():
            return
        with self._preparing:
            if self._prepared == self._present():
                return
            plain = Database(self.url, self._report, _STEP_SECONDS, self.file)
            try:
                prepare(plain)
                present = self._present()
                # Once more: it may have been replaced in between, and must be this very file that has the tables.
                prepare(plain)
                if self.is_sqlite:
                    # A connection that stays: where the last one is closed SQLite copies all of the -wal, and a long
                    # one would keep everybody waiting here.
                    with super().reading():
                        pass
            finally:
                plain.close()
            if self._present() == present:
                self._prepared = present
                if self.file is not None:
                    self.file.note_ours(present)

    def _present(self) -> Identity | None:
        """Which SQLite file is there now: it may be set aside and replaced; a server stays the same."""
        return None if self.file is None else self.file.identity
