# SPDX-License-Identifier: GPL-3.0-only
"""Connections to PilotLogDB: transactions, and errors that say what a caller can do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import URL, Connection, event, text
from support.archives import Archives
from support.mariadb import MariaDB
from support.store import Store

from PilotLoggingDIRAC.errors import Rejected, Unavailable
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store import logs
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.chunks import index_of
from PilotLoggingDIRAC.store.engine import Conflict, Database
from PilotLoggingDIRAC.store.upgrade import prepare


def test_a_transaction_is_seen_by_others_when_it_has_ended(store: Store, key: LogKey) -> None:
    with store.database.writing() as connection:
        append_all(connection, [Append(key, b"one\n")], store.database.now(connection))
        assert not store.knows()
    assert store.knows()


def test_a_reading_transaction_sees_one_moment(store: Store, archives: Archives, key: LogKey) -> None:
    """A page is put together from several statements: text that expires between them must not be missing from it."""
    store.send("one\n")
    store.finalise()
    archives.add()
    archives.deliver(store.record().log_id)
    with store.database.reading() as connection:
        record = logs.find(connection, key)
        assert record is not None
        assert record.expired_bytes == 0
        store.expire()
        index = index_of(connection, record)
        assert index.size == record.bytes - record.expired_bytes


def test_the_clock_is_in_utc(database: Database) -> None:
    with database.reading() as connection:
        now = database.now(connection)
    assert now.utcoffset() == timedelta()
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=10)


def test_times_keep_their_microseconds(store: Store, key: LogKey) -> None:
    moment = datetime(2026, 6, 10, 11, 2, 2, 823512, tzinfo=UTC)
    with store.database.writing() as connection:
        append_all(connection, [Append(key, b"one\n")], moment)
    assert store.record().first_arrival == moment


def test_our_own_errors_pass_through(database: Database) -> None:
    with pytest.raises(Rejected, match=r"^no$"):
        with database.writing():
            raise Rejected("no")


def test_errors_of_the_database_are_typed(database: Database) -> None:
    with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: .*NoSuchTable.*\.$"):
        with database.reading() as connection:
            connection.execute(text("SELECT * FROM NoSuchTable"))


def test_other_errors_on_the_way_to_the_database_are_typed(database: Database) -> None:
    with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: .*bind parameter"):
        with database.reading() as connection:
            connection.execute(text("SELECT :unbound"))


def test_the_durability_of_a_new_database_is_no_problem(database: Database) -> None:
    assert database.server_problem(10 * 2**20) is None


def test_sqlite_waits_for_the_disk(tmp_path: Any) -> None:
    database = Database(URL.create("sqlite", database=str(tmp_path / "db.sqlite")))
    with database.writing() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    database.close()


def test_a_server_that_does_not_wait_for_the_disk_is_a_problem(
    mariadb_server: MariaDB, mariadb_database: Database
) -> None:
    mariadb_server.run_sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    try:
        problem = mariadb_database.server_problem(10 * 2**20)
    finally:
        mariadb_server.run_sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    assert problem is not None
    assert "innodb_flush_log_at_trx_commit = 2" in problem
    assert "Set it to 1." in problem


def test_a_database_that_is_not_there_is_unavailable(new_url: Callable[[], URL]) -> None:
    url = new_url()
    broken = url.set(database="/nowhere/at/all") if url.get_backend_name() == "sqlite" else url.set(port=1)
    database = Database(broken)
    for transaction in (database.reading, database.writing):
        with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: "):
            with transaction():
                pass
    database.close()


def test_a_database_that_somebody_keeps_locked_is_unavailable(tmp_path: Any) -> None:
    """Writing waits a while and says so; reading goes on."""
    url = URL.create("sqlite", database=str(tmp_path / "db.sqlite"))
    database, other = Database(url, busy_seconds=0.1), Database(url)
    with other.writing():
        with database.reading() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        with pytest.raises(Unavailable, match=r"database is locked\.$"):
            with database.writing():
                pass
    with database.writing():
        pass
    database.close()
    other.close()


class CrossedTransactions:
    """Two threads that write to the same two logs, each first to the one that the other writes to last."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keys = [LogKey("conflict", digit * 32) for digit in "12"]
        self.both_have_one = threading.Barrier(2)
        self.now = datetime.now(UTC)
        self.attempts = [0, 0]
        with database.writing() as connection:
            append_all(connection, [Append(key) for key in self.keys], self.now)

    def write(self, connection: Connection, mine: int) -> int:
        self.attempts[mine] += 1
        append_all(connection, [Append(self.keys[mine])], self.now)
        if self.attempts[mine] == 1:
            self.both_have_one.wait(120)
        append_all(connection, [Append(self.keys[1 - mine])], self.now)
        return mine

    def run(self, run_one: Callable[[int], Any]) -> list[Future[Any]]:
        with ThreadPoolExecutor(2) as threads:
            return [threads.submit(run_one, mine) for mine in (0, 1)]


def test_two_transactions_that_lock_each_other_out_are_a_conflict(mariadb_database: Database) -> None:
    """MariaDB ends one of them, with an error that says: again."""
    crossed = CrossedTransactions(mariadb_database)

    def write(mine: int) -> None:
        with mariadb_database.writing() as connection:
            crossed.write(connection, mine)

    problems = [outcome.exception() for outcome in crossed.run(write)]
    assert sorted(type(problem) for problem in problems if problem) == [Conflict]


def test_a_transaction_that_gives_way_is_run_again(mariadb_database: Database) -> None:
    crossed = CrossedTransactions(mariadb_database)
    outcomes = crossed.run(lambda mine: mariadb_database.transact(lambda connection: crossed.write(connection, mine)))
    assert [outcome.result() for outcome in outcomes] == [0, 1]
    assert sorted(crossed.attempts) == [1, 2]


def test_a_transaction_is_run_once_where_nobody_is_in_its_way(store: Store) -> None:
    attempts: list[int] = []

    def fails(_connection: Connection) -> None:
        attempts.append(1)
        raise Unavailable("no")

    with pytest.raises(Unavailable, match=r"^no$"):
        store.database.transact(fails)
    assert attempts == [1]
    assert store.database.transact(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7


def test_a_transaction_that_always_has_to_give_way_is_given_up(store: Store) -> None:
    attempts: list[int] = []

    def gives_way(_connection: Connection) -> None:
        attempts.append(1)
        raise Conflict("again")

    with pytest.raises(Conflict, match=r"^again$"):
        store.database.transact(gives_way)
    assert 5 < len(attempts) < 20


def test_a_server_that_does_not_take_the_largest_message_is_a_problem(mariadb_database: Database) -> None:
    problem = mariadb_database.server_problem(64 * 2**20)
    assert problem is not None
    assert "max_allowed_packet" in problem
    assert "MaxMessageSize" in problem


def test_a_table_that_somebody_keeps_locked_is_unavailable(mariadb_server: MariaDB) -> None:
    """The server itself would wait for a day, and a transaction that gives way is not tried again for ever."""
    url = mariadb_server.new_database()
    database, other = Database(url, busy_seconds=1.0, conflict_seconds=0.5), Database(url)
    prepare(database)
    begun = time.monotonic()
    with other.reading() as connection:
        connection.execute(text("LOCK TABLES PilotLogs WRITE"))
        with pytest.raises(Unavailable):
            database.transact(lambda mine: append_all(mine, [Append(LogKey("alpha", "0" * 32))], datetime.now(UTC)))
        connection.execute(text("UNLOCK TABLES"))
    assert time.monotonic() - begun < 60
    database.transact(lambda mine: append_all(mine, [Append(LogKey("alpha", "0" * 32))], datetime.now(UTC)))
    database.close()
    other.close()


@pytest.mark.parametrize("has_written", [False, True])
def test_a_process_that_hangs_gives_back_what_it_has_locked(mariadb_server: MariaDB, has_written: bool) -> None:
    url = mariadb_server.new_database()
    hanging, other = Database(url, idle_seconds=1), Database(url)
    prepare(other)
    append = [Append(LogKey("alpha", "0" * 32))]
    other.transact(lambda mine: append_all(mine, append, datetime.now(UTC)))
    with pytest.raises(Unavailable):
        with hanging.writing() as connection:
            connection.execute(text("SELECT * FROM PilotLogs FOR UPDATE")).all()
            if has_written:
                append_all(connection, append, datetime.now(UTC))
            other.transact(lambda mine: append_all(mine, append, datetime.now(UTC)))
    hanging.close()
    other.close()


def test_a_server_that_is_silent_is_unavailable(mariadb_server: MariaDB) -> None:
    database = Database(mariadb_server.new_database(), answer_seconds=1)
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        with database.reading() as connection:
            connection.execute(text("SELECT SLEEP(120)"))
    assert time.monotonic() - begun < 60
    database.close()


def test_a_connection_that_is_lost_when_its_work_is_done_is_no_news(
    mariadb_server: MariaDB, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(mariadb_server.new_database())

    def kill(connection: Any, *_: Any) -> None:
        mariadb_server.run_sql(f"KILL {connection.thread_id()}")

    event.listen(database._readers.pool, "reset", kill)
    with database.reading() as connection:
        connection.execute(text("SELECT 1"))
    event.remove(database._readers.pool, "reset", kill)
    with database.reading() as connection:
        connection.execute(text("SELECT 1"))
    assert [record.name for record in caplog.records if record.name.startswith("sqlalchemy")] == []
    database.close()


@pytest.mark.parametrize("moment", ["connect", "checkout"])
@pytest.mark.parametrize("way", ["reading", "writing"])
def test_a_connection_that_is_lost_before_its_first_statement_is_unavailable(
    mariadb_server: MariaDB, moment: str, way: str
) -> None:
    """Before anything of ours runs on it, the engine sets what a connection needs."""
    database = Database(mariadb_server.new_database())

    def kill(connection: Any, *_: Any) -> None:
        mariadb_server.run_sql(f"KILL {connection.thread_id()}")

    pool = (database._readers if way == "reading" else database._writers).pool
    event.listen(pool, moment, kill, insert=True)
    with pytest.raises(Unavailable, match=r"^PilotLogDB cannot do that now: "):
        with getattr(database, way)() as connection:
            connection.execute(text("SELECT 1"))
    event.remove(pool, moment, kill)
    with getattr(database, way)() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    database.close()
