# SPDX-License-Identifier: GPL-3.0-only
"""Connections to PilotLogDB: one SQLite file for one host, MySQL or MariaDB for several."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event, select, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, IntegrityError, SQLAlchemyError
from sqlalchemy.sql import func

from ..errors import PilotLoggingError, Unavailable
from .quarantine import Identity, companion_of
from .sqlite_file import SQLiteFile
from .wal_bound import LIMIT, FileConnection, WALBound

T = TypeVar("T")

_BUSY_SECONDS = 10.0
"""How long a transaction waits for another one's locks."""
_ANSWER_SECONDS = 15.0
"""How long a server may take for one statement; then it counts as away."""
_CONNECT_SECONDS = 5
_IDLE_SECONDS = 8
"""How long a transaction on MariaDB that may lock rests between two statements: less than others wait for its locks."""
_REMNANTS_SECONDS = 1.0
_POOL = "PilotLogDB"
_JOURNAL_ROOM = 256 * 2**20
"""Bytes that a database's journal may need on its disk beside its files, even if new text fits into them."""
_STATEMENTS = 100
"""Compiled statements that an engine keeps, 100 kB each and more: readers ask for ever new combinations."""
_PACKET_FACTOR = 1.5
"""Room for what cannot be compressed, and for the rest of the statement."""
_CONFLICT_RETRIES = 8
_CONFLICT_SECONDS = 10.0
"""How often, and for how long, a transaction that has to give way is tried again."""
_CONFLICTS = ((1213,), (1205,))
"""MySQL's ER_LOCK_DEADLOCK and ER_LOCK_WAIT_TIMEOUT, as the first argument of the driver's exception."""

_log = logging.getLogger(__name__)


class Conflict(Unavailable):
    """Two transactions locked each other out and the database ended this one: run it again at once."""

    reason = "database"


class StatementRefused(Unavailable):
    """The database is there, and refused what it was to do: one value of many may be at the bottom of it."""

    reason = "database"


class Database:
    """The engines behind PilotLogDB.

    ``writing()`` and ``reading()`` give a connection within a transaction. On SQLite a writing transaction takes the
    file's lock at its beginning, so that it never fails half-way because somebody else wrote; on MySQL it runs at
    READ COMMITTED, since it locks the rows that it changes and wants to see what others have committed by then.
    """

    def __init__(
        self,
        url: URL,
        report: Callable[[str], None] = _log.error,
        answer_seconds: float = _ANSWER_SECONDS,
        file: SQLiteFile | None = None,
        busy_seconds: float = _BUSY_SECONDS,
        conflict_seconds: float = _CONFLICT_SECONDS,
        idle_seconds: int = _IDLE_SECONDS,
        wal_limit: int = LIMIT,
    ) -> None:
        """Nothing is opened yet.

        Args:
            url: ``sqlite:///path`` or ``mysql+mysqldb://...``
            report: Called with one or two sentences when something needs a person.
            answer_seconds: How long a server may take for one statement.
            file: That of another Database of this process, so that both know the same of it.
            busy_seconds: How long a transaction waits for another one's locks.
            conflict_seconds: How long one that has to give way is tried again.
            idle_seconds: How long a writing transaction may rest between two statements, where MariaDB is the server.
            wal_limit: Bytes of SQLite's ``-wal`` past which :meth:`tidy` empties it.
        """
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.file = file
        self._conflict_seconds = conflict_seconds
        if self.is_sqlite:
            self.file = file or SQLiteFile(Path(url.database or ""), busy_seconds, report)
            self._wal = WALBound(companion_of(self.file.path, "-wal"), self.file.connect, wal_limit)
            self._writers = _sqlite_engine(url, self.file, "BEGIN IMMEDIATE", self._wal)
            self._readers = _sqlite_engine(url, self.file, "BEGIN")
        else:
            self._writers = _server_engine(url, "READ COMMITTED", answer_seconds, busy_seconds, idle_seconds)
            self._readers = _server_engine(url, "REPEATABLE READ", answer_seconds, busy_seconds)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run work in a writing transaction, again if it has to give way to another one; gives what it returns.

        Raises:
            Unavailable: The database is away, locked or full; nothing was stored.
        """
        until = time.monotonic() + self._conflict_seconds
        attempt = 0
        while True:
            try:
                with self.writing() as connection:
                    return work(connection)
            except Conflict:
                attempt += 1
                if attempt > _CONFLICT_RETRIES or time.monotonic() > until:
                    raise
                time.sleep(random.uniform(0, 0.02) * attempt)  # noqa: S311 - spreads, guards nothing

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that changes something; it is committed, durably, when the block ends.

        Raises:
            Unavailable: The database is away, locked or full; nothing of the block was stored.
        """
        with self._transaction(self._writers) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees the database as it was at one moment.

        Raises:
            Unavailable: The database is away or locked.
        """
        with self._transaction(self._readers) as connection:
            yield connection

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with _typed_errors(), engine.connect() as connection:
            opened = _opened_file(connection)
            try:
                with connection.begin():
                    yield connection
            except DBAPIError as error:
                if self.file is None or not self.file.is_damaged(opened, error.orig):
                    raise
                raise self.file.found_damaged(opened, _sentence(error.orig)) from error
            if self.file is not None and engine is self._writers and self.file.identity != opened:
                # It was set aside or replaced while this ran: what was written is in a file that nobody reads.
                raise Unavailable("PilotLogDB was replaced in the meantime: send it again.", reason="database")

    def tidy(self) -> None:
        """Between two writing transactions: keep SQLite's ``-wal`` short. Seldom more than a look at its size.

        What goes wrong is left to the next transaction, which says it to somebody.
        """
        if not self.is_sqlite or not self._wal.is_due:
            return
        with suppress(PilotLoggingError, OSError), _typed_errors():
            connection = self._writers.raw_connection()
            try:
                driver = connection.driver_connection
                assert isinstance(driver, FileConnection)
                self._wal.shorten(driver)
            except sqlite3.Error as error:
                _log.warning("PilotLogDB's -wal could not be emptied: %s", error)
            finally:
                connection.close()

    def now(self, connection: Connection) -> datetime:
        """The time by the database's clock: collectors and agents on several hosts then agree on it."""
        if self.is_sqlite:
            return datetime.now(UTC)
        value = connection.execute(select(func.utc_timestamp(text("6")))).scalar_one()
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)

    def drop_remnants(self, seconds: float = 0.0) -> bool:
        """Let earlier states of what was changed go from the SQLite file's ``-wal``. A server sees to that itself.

        Args:
            seconds: How long it is tried again, while somebody reads them.

        Returns:
            Whether they are gone.
        """
        until = time.monotonic() + seconds
        while self.file is not None:
            try:
                if self.file.drop_remnants():
                    return True
            except (PilotLoggingError, sqlite3.Error):
                _log.warning("Remnants of what was erased could not be removed yet.", exc_info=True)
            if time.monotonic() > until:
                return False
            time.sleep(_REMNANTS_SECONDS)
        return True

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

    def disk_left(self) -> int | None:
        """Bytes that there is room for: on the disk of the database, and within its own files.

        Returns:
            None where the disk cannot be seen: a MySQL or MariaDB server shows its disks where it has the plugin DISKS
            and the user the right FILE.
        """
        if self.file is not None:
            try:
                status = os.statvfs(self.file.path.parent)
            except OSError:
                return None
            return room(status.f_bavail * status.f_frsize, self.free_inside())
        try:
            with self.reading() as connection:
                left = connection.execute(_DISK_OF_SERVER).scalar()
        except PilotLoggingError:
            return None
        return None if left is None else room(int(left) * 1024, self.free_inside())

    def free_inside(self) -> int:
        """Bytes in the database's own files that expired text has left free, and new text will take first.

        Such files do not shrink: without these, a disk that has once been full would count as full for ever. 0 where it
        cannot be said.
        """
        if self.file is not None and self.file.identity is None:
            return 0  # looking would make the file
        try:
            with self._transaction(self._readers) as connection:
                if self.is_sqlite:
                    pages = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
                    return pages * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
                return int(connection.execute(_FREE_IN_TABLES).scalar() or 0)
        except PilotLoggingError:
            return 0

    def close(self) -> None:
        """Close all connections."""
        if self.is_sqlite:
            self._wal.close()
        self._writers.dispose()
        self._readers.dispose()


_DISK_OF_SERVER = text(
    "SELECT Available FROM information_schema.DISKS WHERE @@datadir LIKE CONCAT(Path, '%') "
    "ORDER BY LENGTH(Path) DESC LIMIT 1"
)
"""In KiB, of the disk on which the server's data are."""
_FREE_IN_TABLES = text("SELECT MAX(DATA_FREE) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
"""The largest, not the sum: where all tables share one file, each tells the same."""


def room(disk: int, inside: int) -> int:
    """Bytes that there is room for, of what is left on the disk and what is free within the database's files.

    Also what goes to the free places is written to a journal first. Where the disk has no room for that, what is free
    within counts for nothing.
    """
    return disk + inside if disk >= _JOURNAL_ROOM else disk


def _sqlite_engine(url: URL, file: SQLiteFile, begin: str, wal: WALBound | None = None) -> Engine:
    engine = create_engine(url, creator=file.connect, query_cache_size=_STATEMENTS)

    @event.listens_for(engine, "checkout")
    def _same_file(connection: FileConnection, _record: Any, _proxy: Any) -> None:
        if connection.identity != file.identity:
            raise DisconnectionError  # the pool drops this connection and makes a new one
        if wal is not None:
            wal.before_writing(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _server_engine(
    url: URL, isolation_level: str, answer_seconds: float, busy_seconds: float, idle_seconds: int = 0
) -> Engine:
    waits = int(busy_seconds)
    # A connection that is lost cannot be reset either. The pool would log that with a traceback; whoever used the
    # connection has been told already.
    logging.getLogger(f"sqlalchemy.pool.impl.QueuePool.{_POOL}").setLevel(logging.CRITICAL)
    return create_engine(
        url,
        isolation_level=isolation_level,
        query_cache_size=_STATEMENTS,
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_logging_name=_POOL,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": int(answer_seconds),
            "write_timeout": int(answer_seconds),
            # The server's own figures are 50 s for a row and a day for a table. MariaDB also ends a transaction in
            # whose middle a process hangs, before others give up waiting for the logs that it has locked; the option
            # for writing transactions alone does not count one that has only locked so far.
            "init_command": f"SET innodb_lock_wait_timeout = {waits}, lock_wait_timeout = {waits}"
            f" /*M!100300 , idle_transaction_timeout = {idle_seconds} */",
        },
    )


def _opened_file(connection: Connection) -> Identity | None:
    driver = connection.connection.driver_connection
    return driver.identity if isinstance(driver, FileConnection) else None


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
        raise Unavailable(f"PilotLogDB cannot do that now: {_sentence(error.orig)}.", reason="database") from error
    except SQLAlchemyError as error:
        raise Unavailable(f"PilotLogDB cannot do that now: {_sentence(error)}.", reason="database") from error


def _sentence(error: BaseException | None) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300]
