"""Connections to PilotLogDB: one SQLite file for one host, MySQL or MariaDB for several."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event, select, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.sql import func

from ..errors import PilotLoggingError, Unavailable

T = TypeVar("T")

_BUSY_SECONDS = 10.0
"""How long a SQLite connection waits for another process's transaction."""
_PACKET_FACTOR = 1.5
"""Room for what cannot be compressed, and for the rest of the statement."""
_CONFLICT_RETRIES = 8
_CONFLICTS = ((1213,), (1205,))
"""MySQL's ER_LOCK_DEADLOCK and ER_LOCK_WAIT_TIMEOUT, as the first argument of the driver's exception."""


class Conflict(Unavailable):
    """Two transactions locked each other out and the database ended this one: run it again at once."""


class StatementRefused(Unavailable):
    """The database is there, and refused what it was to do: one value of many may be at the bottom of it."""


class Database:
    """The engines behind PilotLogDB.

    ``writing()`` and ``reading()`` give a connection within a transaction. On SQLite a writing transaction takes the
    file's lock at its beginning, so that it never fails half-way because somebody else wrote; on MySQL it runs at
    READ COMMITTED, since it locks the rows that it changes and wants to see what others have committed by then.
    """

    def __init__(self, url: URL) -> None:
        """Nothing is opened yet.

        Args:
            url: ``sqlite:///path`` or ``mysql+mysqldb://...``
        """
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writers = self._sqlite_engine(url, "BEGIN IMMEDIATE")
            self._readers = self._sqlite_engine(url, "BEGIN")
        else:
            self._writers = create_engine(
                url,
                isolation_level="READ COMMITTED",
                pool_pre_ping=True,
                pool_recycle=1800,
                connect_args={"connect_timeout": 5, "read_timeout": 60, "write_timeout": 60},
            )
            self._readers = self._writers.execution_options(isolation_level="REPEATABLE READ")

    @staticmethod
    def _sqlite_engine(url: URL, begin: str) -> Engine:
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})

        @event.listens_for(engine, "connect")
        def _configure(connection: sqlite3.Connection, _record: Any) -> None:
            connection.isolation_level = None  # transactions begin below, not where the driver thinks
            _use_wal(connection)
            # FULL: a commit has reached the disk when it returns. Promise 1 stands on this line.
            connection.execute("PRAGMA synchronous = FULL")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run work in a writing transaction, again if it has to give way to another one; gives what it returns.

        Raises:
            Unavailable: The database is away, locked or full; nothing was stored.
        """
        for attempt in range(_CONFLICT_RETRIES):
            try:
                with self.writing() as connection:
                    return work(connection)
            except Conflict:
                time.sleep(random.uniform(0, 0.02) * (attempt + 1))  # noqa: S311 - spreads, guards nothing
        with self.writing() as connection:
            return work(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that changes something; it is committed, durably, when the block ends.

        Raises:
            Unavailable: The database is away, locked or full; nothing of the block was stored.
        """
        with _typed_errors(), self._writers.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees the database as it was at one moment.

        Raises:
            Unavailable: The database is away or locked.
        """
        with _typed_errors(), self._readers.begin() as connection:
            yield connection

    def now(self, connection: Connection) -> datetime:
        """The time by the database's clock: collectors and agents on several hosts then agree on it."""
        if self.is_sqlite:
            return datetime.now(UTC)
        value = connection.execute(select(func.utc_timestamp(text("6")))).scalar_one()
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)

    def server_problem(self, largest_message: int) -> str | None:
        """What an operator must mend in the database server; None when all is well.

        "Acknowledged means stored" holds only with ``innodb_flush_log_at_trx_commit = 1``, and a message of
        ``largest_message`` bytes must fit ``max_allowed_packet``, or it would be refused for ever.
        """
        if self.is_sqlite:
            return None
        with self.reading() as connection:
            row = connection.execute(text("SELECT @@innodb_flush_log_at_trx_commit, @@max_allowed_packet")).one()
        if int(row[0]) != 1:
            return (
                f"The database server runs with innodb_flush_log_at_trx_commit = {row[0]}: acknowledged text is lost "
                "when its host crashes. Set it to 1."
            )
        if int(row[1]) < largest_message * _PACKET_FACTOR:
            return (
                f"The database server runs with max_allowed_packet = {row[1]}, too small for messages of "
                f"{largest_message} bytes (MaxMessageSize). Set it to {int(largest_message * _PACKET_FACTOR)} at least."
            )
        return None

    def close(self) -> None:
        """Close all connections."""
        self._writers.dispose()
        self._readers.dispose()


def _use_wal(connection: sqlite3.Connection) -> None:
    """The first connection of all switches the file; while it does, SQLite refuses the others without waiting."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def insert_if_absent(connection: Connection, table: Table) -> Insert:
    """An INSERT that leaves a row alone that is there already; each kind of database has its own words for it."""
    if connection.dialect.name == "mysql":
        return mysql.insert(table).prefix_with("IGNORE")
    return sqlite.insert(table).on_conflict_do_nothing()


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except PilotLoggingError:
        raise
    except DBAPIError as error:
        if getattr(error.orig, "args", (None,))[:1] in _CONFLICTS:
            raise Conflict("PilotLogDB ended this transaction in favour of another one.") from error
        if isinstance(error, (DataError, IntegrityError)):
            raise StatementRefused(f"PilotLogDB refuses that: {_sentence(error.orig)}.") from error
        raise Unavailable(f"PilotLogDB cannot do that now: {_sentence(error.orig)}.") from error
    except SQLAlchemyError as error:
        raise Unavailable(f"PilotLogDB cannot do that now: {_sentence(error)}.") from error


def _sentence(error: BaseException | None) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300]
