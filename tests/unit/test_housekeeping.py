# SPDX-License-Identifier: GPL-3.0-only
"""What the database does with logs that nobody writes any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.deliver import housekeeping
from PilotLoggingDIRAC.deliver.courier import give_back, note_lost
from PilotLoggingDIRAC.model import Append, Final, LogKey, LogState
from PilotLoggingDIRAC.settings import VOSettings, parse
from PilotLoggingDIRAC.store import deliveries, due, lifecycle, logs, parts, schema, usage
from PilotLoggingDIRAC.store.quiet import Quietness

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def settings(**options: str) -> VOSettings:
    return parse(VOSettings, "/Operations/alpha/Pilot", options)


def archived_log(store: Store, archives: Archives, age: timedelta, text: str = "text\n") -> LogKey:
    key: LogKey = store.new_key()
    store.append(Append(key, text.encode(), session="a", seq=1, final=Final(0)))
    archives.deliver(store.record(key).log_id)
    store.make_older(age, key=key)
    return key


@pytest.fixture
def folder(archives: Archives) -> Any:
    return archives.add()


def test_silent_logs_are_closed(store: Store) -> None:
    two_hours, four_hours = store.new_key(), store.new_key()
    store.send("text\n", key=two_hours, ago=2 * HOUR)
    store.send("text\n", key=four_hours, ago=4 * HOUR)
    assert housekeeping.close_silent(store.database, "beta", settings()) == 0
    assert housekeeping.close_silent(store.database, "alpha", settings()) == 1
    assert store.record(four_hours).state is LogState.SILENT
    assert housekeeping.close_silent(store.database, "alpha", settings(SilentAfter="90m")) == 1
    assert store.record(two_hours).state is LogState.SILENT


def test_delivered_text_expires_after_its_time(store: Store, archives: Archives, folder: Any) -> None:
    young, old = (archived_log(store, archives, age) for age in (23 * HOUR, 25 * HOUR))
    assert housekeeping.expire(store.database, "alpha", settings(), 30) == {"expired": 1, "forgotten": 0}
    assert (store.text(young), store.text(old)) == ("text\n", "")
    assert housekeeping.expire(store.database, "alpha", settings(), 30)["expired"] == 0
    assert housekeeping.expire(store.database, "alpha", settings(KeepDelivered="1h"), 30)["expired"] == 1


def test_logs_that_are_not_stored_do_not_expire(store: Store, archives: Archives, folder: Any) -> None:
    """However old they are."""
    folder.problem = OSError("The storage is down.")
    keys = [store.new_key() for _ in range(3)]
    for key in keys:
        store.send("text\n", key=key)
        store.make_older(100 * DAY, key=key)
    store.finalise(keys[1])
    store.finalise(keys[2])
    archives.deliver(store.record(keys[2]).log_id)
    assert not any(housekeeping.expire(store.database, "alpha", settings(), 30).values())
    assert [store.text(key) for key in keys] == ["text\n"] * 3


def test_all_that_may_expire_does_so_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A VO may have a hundred thousand pilots a day, and an agent's cycles are minutes apart."""
    monkeypatch.setattr(lifecycle, "STEP", 5)
    store.append(*(Append(store.new_key(), b"text\n", session="a", seq=1) for _ in range(12)))
    with store.database.writing() as connection:
        archived = store.database.now(connection) - 2 * DAY
        connection.execute(schema.logs.update().values(State=LogState.ARCHIVED, Archived=archived))
    assert housekeeping.expire(store.database, "alpha", settings(), 1) == {"expired": 12, "forgotten": 12}


def test_expiring_stops_between_two_logs(store: Store, archives: Archives, folder: Any) -> None:
    keys = [archived_log(store, archives, 40 * DAY) for _ in range(3)]
    answers = iter([False, True])
    figures = housekeeping.expire(store.database, "alpha", settings(), 30, lambda: next(answers))
    assert figures == {"expired": 1}
    assert all(store.knows(key) for key in keys)


def test_a_log_is_forgotten_after_some_days(store: Store, archives: Archives, folder: Any) -> None:
    young, old = (archived_log(store, archives, age) for age in (29 * DAY, 31 * DAY))
    assert housekeeping.expire(store.database, "alpha", settings(), 30) == {"expired": 2, "forgotten": 1}
    assert (store.knows(young), store.knows(old)) == (True, False)
    assert folder.content(old) == "text\n", "its storage keeps it"


def test_a_log_is_not_forgotten_before_its_text_may_expire(store: Store, archives: Archives, folder: Any) -> None:
    key = archived_log(store, archives, 3 * DAY)
    figures = housekeeping.expire(store.database, "alpha", settings(KeepDelivered="5d"), 1)
    assert not any(figures.values())
    assert store.text(key) == "text\n"


def test_a_log_without_text_is_forgotten(store: Store, archives: Archives, folder: Any) -> None:
    key = archived_log(store, archives, 31 * DAY, text="")
    housekeeping.expire(store.database, "alpha", settings(), 30)
    assert not store.knows(key)


def test_a_late_line_starts_the_time_anew(store: Store, archives: Archives, folder: Any) -> None:
    key = archived_log(store, archives, 2 * DAY)
    store.send("late\n", key=key)
    assert not any(housekeeping.expire(store.database, "alpha", settings(), 30).values())
    archives.deliver(store.record(key).log_id)
    assert not any(housekeeping.expire(store.database, "alpha", settings(), 30).values())
    assert store.text(key) == "text\nlate\n"
    store.make_older(2 * DAY, key=key)
    assert housekeeping.expire(store.database, "alpha", settings(), 30)["expired"] == 1


def test_a_plugin_that_was_taken_off_holds_no_log_back(
    store: Store, archives: Archives, folder: Any, storage_problem: Exception
) -> None:
    """It was down for ever; the other one has the log."""
    archives.add("Down").problem = storage_problem
    key = store.new_key()
    store.send("text\n", key=key)
    store.finalise(key)
    assert archives.deliver(store.record(key).log_id) == [True, False]
    assert housekeeping.settle(store.database, "alpha", settings(LoggingPlugins="Folder, Down")) == 0
    assert housekeeping.settle(store.database, "beta", settings(LoggingPlugins="Folder")) == 0
    assert housekeeping.settle(store.database, "alpha", settings(LoggingPlugins="Folder")) == 1
    assert store.record(key).state is LogState.ARCHIVED


# Pilots are answered meanwhile


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The rows of PilotLogs that each update changed, with steps of 5 logs."""
    monkeypatch.setattr(lifecycle, "STEP", 5)
    found: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        if statement.replace('"', "").replace("`", "").startswith("UPDATE PilotLogs SET"):
            found.append(cursor.rowcount)

    event.listen(Engine, "after_cursor_execute", note)
    yield found
    event.remove(Engine, "after_cursor_execute", note)


def test_many_silent_logs_are_closed_in_small_transactions(store: Store, changes: list[int]) -> None:
    for _ in range(12):
        store.send("text\n", key=store.new_key(), ago=4 * HOUR)
    changes.clear()
    assert housekeeping.close_silent(store.database, "alpha", settings()) == 12
    assert changes == [5, 5, 2]


def test_many_logs_are_settled_in_small_transactions(
    store: Store, archives: Archives, folder: Any, changes: list[int]
) -> None:
    archives.add("Down").problem = OSError("The storage is down.")
    for _ in range(12):
        key = store.new_key()
        store.append(Append(key, b"text\n", session="a", seq=1, final=Final(0)))
        archives.deliver(store.record(key).log_id)
    changes.clear()
    assert housekeeping.settle(store.database, "alpha", settings(LoggingPlugins="Folder")) == 12
    assert changes == [5, 5, 2]
    assert housekeeping.settle(store.database, "alpha", settings(LoggingPlugins="Folder")) == 0
    assert changes == [5, 5, 2], "nothing to do takes no lock"


def test_what_may_expire_is_found_by_an_index(store: Store) -> None:
    """However many logs have expired and are kept; MariaDB has the same index."""
    if not store.database.is_sqlite:
        pytest.skip("the plan that is read is SQLite's")
    with _statements(lambda statement: statement.startswith("SELECT")) as asked, store.database.writing() as connection:
        now = store.database.now(connection)
        asked.clear()
        lifecycle.list_expired(connection, "alpha", now)
        lifecycle.forget(connection, "alpha", now)
    assert len(asked) == 2
    for plan in _plans(store, asked):
        assert len(plan) == 1, plan  # no sorting
        assert plan[0].endswith(f"{schema.HOUSEKEEPING_INDEX} (VO=? AND State=? AND HasText=? AND Archived<?)")


def test_backlog_and_usage_pass_by_archived_logs(store: Store) -> None:
    if not store.database.is_sqlite:
        pytest.skip("the plan that is read is SQLite's")
    store.send("text\n")
    with (
        _statements(lambda statement: "WHERE" in statement and "min(" not in statement.split(",")[0]) as asked,
        store.database.reading() as connection,
    ):
        usage.by_vo(connection)
        deliveries.backlog(connection)
        deliveries.backlog(connection, {"alpha": ["Folder"]})
    assert len(asked) >= 8
    for plan in _plans(store, asked):
        assert any("PilotLogs USING" in line and "(VO=? AND State=?" in line for line in plan), plan


def test_what_takes_the_writers_place_is_found_by_an_index(store: Store) -> None:
    """Pilots wait for it: neither what has been delivered nor what is silent too is passed over one by one."""
    if not store.database.is_sqlite:
        pytest.skip("the plan that is read is SQLite's")
    store.send("text\n")
    with _statements() as asked, store.database.writing() as connection:
        now = store.database.now(connection)
        asked.clear()
        due.end_pauses(connection, "alpha", "Folder", now)
        assert lifecycle.close_silent(connection, "alpha", now + HOUR) == 1
    with store.database.writing() as connection:
        assert deliveries.claim(connection, store.record().log_id, "Folder", "crashed", now, HOUR)
    with _changes() as changes:
        assert len(note_lost(store.database, "crashed", "It crashed.")) == 1
        give_back(store.database, "crashed")
    assert [plan for plan in _plans(store, changes) if "(LogID=? AND Plugin=?)" not in plan[0]] == []
    *pauses, select, update = asked
    assert len(pauses) == 3
    for plan in _plans(store, pauses):
        assert plan[0].rpartition(" (")[2].rstrip("<>?)") == "Plugin=? AND State=? AND NextAttempt", plan
    by_index, by_number = _plans(store, [select, update])
    assert [line.rpartition(" (")[2] for line in by_index] == ["VO=? AND State=? AND LastArrival<?)"]
    assert by_number == ["SEARCH PilotLogs USING INTEGER PRIMARY KEY (rowid=?)"]


@contextmanager
def _statements(wanted: Callable[[str], bool] = bool) -> Iterator[list[tuple[str, Any]]]:
    """What the database is asked, with its parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if wanted(statement):
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def _changes() -> Iterator[list[tuple[str, Any]]]:
    """What is changed: only who has the writer's place may do that."""
    with _statements(lambda statement: statement.startswith("UPDATE")) as asked:
        yield asked
    assert asked


def test_figures_of_many_logs_are_added_up_in_parts(
    store: Store, archives: Archives, folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of the parts, and though many logs have the same time."""
    down = archives.add("Down")
    down.problem = OSError("The storage is down.")
    same = [store.new_key() for _ in range(7)]
    store.append(*(Append(key, b"same\n", session="a", seq=1) for key in same))
    for number in range(23):
        key = store.new_key("beta" if number % 5 == 0 else "alpha")
        store.append(
            Append(key, b"x" * number + b"\n", session="a", seq=1, final=Final(0) if number % 3 else None),
            ago=timedelta(minutes=10 * number),
        )
        if number % 6 == 1 and key.vo == "alpha":
            archives.deliver(store.record(key).log_id)
    settled = settings(LoggingPlugins="Folder")
    assert housekeeping.settle(store.database, "alpha", settled) > 1
    for _ in range(4):
        key = store.new_key()
        store.append(Append(key, b"waits\n", session="a", seq=1, final=Final(0)))
        archives.deliver(store.record(key).log_id)

    def figures(size: int) -> list[Any]:
        monkeypatch.setattr(parts, "MOST_LOGS", size)
        with store.database.reading() as connection:
            now = store.database.now(connection)
            return [
                usage.by_vo(connection),
                deliveries.backlog(connection, {"alpha": ["Folder", "Down"], "beta": ["Folder"]}),
                deliveries.backlog(connection),
                logs.count_quiet(connection, Quietness(now + HOUR, 900.0)),
            ]

    whole = figures(1000)
    assert whole[0]["alpha"].open_logs > 10
    assert len(whole[1]) == 3
    assert whole[2] != []
    assert whole[3]["alpha"] > 7
    for size in (1, 2, 3, 5, 7):
        assert figures(size) == whole


def _plans(store: Store, asked: list[tuple[str, Any]]) -> list[list[str]]:
    with store.database.reading() as connection:
        return [
            [row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
            for statement, parameters in asked
        ]
