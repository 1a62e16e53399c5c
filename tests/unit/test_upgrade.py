# SPDX-License-Identifier: GPL-3.0-only
"""Making the tables, and bringing older ones up to date."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, Engine, Index, event, inspect, select, text
from sqlalchemy.schema import CreateColumn
from support.mariadb import MariaDB

from PilotLoggingDIRAC import errors
from PilotLoggingDIRAC.errors import ConfigurationError
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store import logs, schema, upgrade
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase, prepare

KEY = LogKey("alpha", "0" * 32)
SOURCE = str(Path(errors.__file__).parent.parent)


@pytest.fixture
def empty(new_url: Callable[[], URL]) -> Iterator[Database]:
    """A database without tables."""
    database = Database(new_url())
    yield database
    database.close()


def version_of(database: Database) -> list[int]:
    with database.reading() as connection:
        return list(connection.execute(select(schema.schema_version.c.Version)).scalars())


def send_line(database: Database) -> None:
    database.transact(lambda connection: append_all(connection, [Append(KEY, b"one\n")], database.now(connection)))


def lines_in(database: Database) -> int:
    with database.reading() as connection:
        record = logs.find(connection, KEY)
    return record.lines if record else 0


def columns_of(database: Database, table: str) -> set[str]:
    with database.reading() as connection:
        return {column["name"] for column in inspect(connection).get_columns(table)}


def test_fresh(empty: Database) -> None:
    prepare(empty)
    assert version_of(empty) == [schema.VERSION]
    for table in schema.metadata.sorted_tables:
        assert columns_of(empty, table.name) == {column.name for column in table.columns}
    send_line(empty)
    assert lines_in(empty) == 1


def test_a_second_time_nothing_happens(empty: Database) -> None:
    prepare(empty)
    send_line(empty)
    prepare(empty)
    assert version_of(empty) == [schema.VERSION]
    assert lines_in(empty) == 1


def test_a_first_time_that_was_cut_off_is_made_good(empty: Database) -> None:
    """MySQL commits each table at once: a component may have died between them."""
    with empty.writing() as connection:
        schema.schema_version.create(connection)
        schema.logs.create(connection)
    prepare(empty)
    assert version_of(empty) == [schema.VERSION]
    send_line(empty)
    assert lines_in(empty) == 1


PREPARING = """
import os, sys
from sqlalchemy import make_url
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.upgrade import prepare

for url in sys.argv[1:]:
    waiting, go = os.pipe()
    children = []
    for _ in range(10):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(waiting, 1)
            prepare(Database(make_url(url)))
            os._exit(0)
        children.append(child)
    os.close(go)
    print([os.waitpid(child, 0)[1] for child in children])
"""


def test_ten_processes_at_once(new_url: Callable[[], URL]) -> None:
    """Several times, since they do not always get into each other's way."""
    urls = [new_url() for _ in range(3)]
    done = subprocess.run(
        [sys.executable, "-c", PREPARING, *(url.render_as_string(hide_password=False) for url in urls)],
        env={"PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
    )
    assert (done.stdout.splitlines(), done.stderr[-2000:]) == ([str([0] * 10)] * 3, "")
    for url in urls:
        database = Database(url)
        assert version_of(database) == [schema.VERSION]
        database.close()


def add_colour(connection: Connection) -> None:
    """An invented step to the version after this one."""
    columns = {column["name"] for column in inspect(connection).get_columns("PilotLogs")}
    if "Colour" not in columns:
        connection.execute(text("ALTER TABLE PilotLogs ADD COLUMN Colour VARCHAR(20) NOT NULL DEFAULT 'grey'"))


NEXT = schema.VERSION + 1


def test_an_older_database_is_upgraded_and_keeps_its_logs(empty: Database) -> None:
    prepare(empty)
    send_line(empty)
    prepare(empty, {NEXT: add_colour}, NEXT)
    assert version_of(empty) == [NEXT]
    assert "Colour" in columns_of(empty, "PilotLogs")
    assert lines_in(empty) == 1


def test_all_steps_run_in_order_and_once(empty: Database) -> None:
    prepare(empty)
    done: list[int] = []
    steps = {NEXT + more: lambda _connection, number=NEXT + more: done.append(number) for more in (1, 0, 2)}
    prepare(empty, steps, NEXT + 1)
    prepare(empty, steps, NEXT + 1)
    assert done == [NEXT, NEXT + 1]
    prepare(empty, steps, NEXT + 2)
    assert done == [NEXT, NEXT + 1, NEXT + 2]
    assert version_of(empty) == [NEXT + 2]


def test_many_upgrade_at_once_and_one_does_it(empty: Database) -> None:
    prepare(empty)
    runs: list[str] = []

    def step(connection: Connection) -> None:
        runs.append(threading.current_thread().name)
        add_colour(connection)

    def upgrade_it(_number: int) -> None:
        database = Database(empty.url)
        prepare(database, {NEXT: step}, NEXT)
        database.close()

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(upgrade_it, range(5)))
    assert len(runs) == 1
    assert version_of(empty) == [NEXT]


def test_nobody_upgrades_before_the_other_has_committed(empty: Database) -> None:
    """Who waits sees the new version, and does not take the step again."""
    prepare(empty)
    runs: list[str] = []
    other = Database(empty.url)
    with ThreadPoolExecutor(1) as threads:
        waiting: list[Future[None]] = []

        def step(_connection: Connection) -> None:
            runs.append(threading.current_thread().name)

        def before_commit(_connection: Connection) -> None:
            if runs and not waiting:
                waiting.append(threads.submit(prepare, other, {NEXT: step}, NEXT))
                wait(waiting, timeout=1)

        event.listen(Engine, "commit", before_commit)
        try:
            prepare(empty, {NEXT: step}, NEXT)
        finally:
            event.remove(Engine, "commit", before_commit)
        waiting[0].result()
    other.close()
    assert len(runs) == 1


def test_an_upgrade_that_takes_others_too_long(mariadb_server: MariaDB) -> None:
    refusals: list[errors.Unavailable] = []

    database = Database(mariadb_server.new_database())

    def long_step(_connection: Connection) -> None:
        other = Database(database.url)
        with pytest.raises(errors.Unavailable) as refusal:
            prepare(other, {NEXT: add_colour}, NEXT, lock_seconds=0)
        refusals.append(refusal.value)
        other.close()

    prepare(database)
    prepare(database, {NEXT: long_step}, NEXT)
    database.close()
    assert [str(refusal) for refusal in refusals] == ["Another process has been upgrading PilotLogDB for 0 seconds."]


def test_a_step_that_fails_is_taken_again(empty: Database) -> None:
    prepare(empty)

    def fails(connection: Connection) -> None:
        add_colour(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        prepare(empty, {NEXT: fails}, NEXT)
    assert version_of(empty) == [schema.VERSION]
    prepare(empty, {NEXT: add_colour}, NEXT)
    assert version_of(empty) == [NEXT]


def test_a_database_of_a_newer_release_is_refused_and_left_alone(empty: Database) -> None:
    prepare(empty)
    prepare(empty, {NEXT: add_colour}, NEXT)
    with pytest.raises(ConfigurationError) as error:
        prepare(empty)
    assert str(error.value) == (
        "/Systems/WorkloadManagement/Databases/PilotLogDB "
        f"names a database of version {NEXT}, and this release knows only {schema.VERSION}: upgrade it."
    )
    assert version_of(empty) == [NEXT]


def test_version_2_has_other_indices(empty: Database) -> None:
    def indices() -> dict[str | None, list[str | None]]:
        with empty.reading() as connection:
            connection.execute(select(schema.logs.c.LogID))  # else SQLite says what it knew of the tables before
            return {index["name"]: index["column_names"] for index in inspect(connection).get_indexes("PilotLogs")}

    prepare(empty)
    new = indices()
    send_line(empty)
    for again in range(2):
        with empty.writing() as connection:
            old = Index("IX_PilotLogs_VO_LastArrival", schema.logs.c.VO, schema.logs.c.LastArrival)
            old.create(connection)
            schema.logs.indexes.discard(old)
            for index in list(schema.logs.indexes)[again:]:  # the second time it had died half-way
                if index.name != "IX_PilotLogs_VO_State_LastArrival":
                    index.drop(connection)
            connection.execute(schema.schema_version.update().values(Version=1))
        assert indices() != new
        prepare(empty)
        assert indices() == new
    assert lines_in(empty) == 1


@pytest.mark.parametrize("half_way", [False, True])
def test_version_3_knows_which_logs_have_text(empty: Database, half_way: bool) -> None:
    prepare(empty)
    send_line(empty)
    index = next(index for index in schema.logs.indexes if index.name == schema.HOUSEKEEPING_INDEX)
    with empty.writing() as connection:
        index.drop(connection)
        if not half_way:
            connection.execute(text("ALTER TABLE PilotLogs DROP COLUMN HasText"))
        connection.execute(schema.schema_version.update().values(Version=2))
    prepare(empty)
    assert version_of(empty) == [schema.VERSION]

    def has_text() -> int | None:
        with empty.reading() as connection:
            return connection.execute(select(schema.logs.c.HasText)).scalar_one()

    assert has_text() == 1
    with empty.writing() as connection:
        assert index.name in {there["name"] for there in inspect(connection).get_indexes("PilotLogs")}
        connection.execute(schema.logs.update().values(ExpiredChunkID=schema.logs.c.LastChunkID))
    assert has_text() == 0
    send_line(empty)
    assert has_text() == 1


def test_pilots_write_while_mariadb_comes_to_version_3(mariadb_server: MariaDB) -> None:
    """MariaDB refuses these words where it would have to copy the table or to lock out writers."""
    database = Database(mariadb_server.new_database())
    prepare(database)
    with database.writing() as connection:
        column = CreateColumn(schema.logs.c.HasText).compile(dialect=connection.dialect)
        for statement in (
            f"DROP INDEX {schema.HOUSEKEEPING_INDEX} ON PilotLogs",
            "ALTER TABLE PilotLogs DROP COLUMN HasText",
            f"ALTER TABLE PilotLogs ADD COLUMN {column}, ALGORITHM=INSTANT",
            f"CREATE INDEX {schema.HOUSEKEEPING_INDEX} ON PilotLogs (VO, State, HasText, Archived) "
            "ALGORITHM=INPLACE LOCK=NONE",
        ):
            connection.exec_driver_sql(statement)
    send_line(database)
    assert lines_in(database) == 1
    database.close()


def test_there_is_a_step_to_every_version() -> None:
    assert set(upgrade.UPGRADES) == set(range(2, schema.VERSION + 1))


# A database that is prepared at its first use


def test_a_first_use_makes_the_tables(new_url: Callable[[], URL]) -> None:
    for first in ("writing", "reading"):
        database = PreparedDatabase(new_url())
        with getattr(database, first)() as connection:
            assert logs.find(connection, KEY) is None
        send_line(database)
        assert lines_in(database) == 1
        database.close()


def test_many_threads_use_it_first(new_url: Callable[[], URL]) -> None:
    database = PreparedDatabase(new_url())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send_line, [database] * 8))
    assert lines_in(database) == 8
    database.close()


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "PilotLogDB.sqlite"
    database = PreparedDatabase(URL.create("sqlite", database=str(path)))
    send_line(database)
    assert path.exists()
    database.close()


def test_a_use_while_it_is_away_is_made_good_by_a_later_one(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    path.mkdir()
    database = PreparedDatabase(URL.create("sqlite", database=str(path)))
    with pytest.raises(errors.Unavailable):
        send_line(database)
    path.rmdir()
    send_line(database)
    assert lines_in(database) == 1
    database.close()
