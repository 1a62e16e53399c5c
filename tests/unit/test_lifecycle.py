# SPDX-License-Identifier: GPL-3.0-only
"""Closing, settling, expiring and forgetting logs, by the statements alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.store import Store

from PilotLoggingDIRAC.model import Gap, LogKey, LogState
from PilotLoggingDIRAC.store import deliveries, lifecycle, schema

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=5)


def confirm(store: Store, plugin: str, key: LogKey, cursor: int | None = None) -> None:
    """Let a plugin confirm a log, all of it where no cursor is given."""
    record = store.record(key)
    with store.database.writing() as connection:
        assert deliveries.claim(connection, record.log_id, plugin, "test", NOW, LEASE)
        cursor = record.last_chunk_id if cursor is None else cursor
        assert deliveries.confirm(connection, record.log_id, plugin, "test", cursor, f"{plugin}/{key.stamp}")


def settle(store: Store, *plugins: str, vo: str = "alpha", log_id: int | None = None) -> int:
    with store.database.writing() as connection:
        log_ids = lifecycle.list_settled(connection, vo, plugins) if log_id is None else [log_id]
        return lifecycle.settle(connection, vo, plugins, NOW, log_ids)


def archived(store: Store, key: LogKey, text: str = "text\n") -> None:
    store.send(text, key=key)
    store.finalise(key)
    confirm(store, "A", key)
    settle(store, "A")
    assert store.record(key).state is LogState.ARCHIVED


@pytest.fixture
def two(store: Store) -> tuple[LogKey, LogKey]:
    """Two logs of one VO."""
    return store.new_key(), store.new_key()


# Silent


def test_silent_logs_of_one_vo_are_closed(store: Store) -> None:
    old, new, other, done = (store.new_key(vo) for vo in ("alpha", "alpha", "beta", "alpha"))
    for key, age in ((old, 5), (new, 1), (other, 5), (done, 5)):
        store.send("text\n", key=key, ago=age * HOUR)
    store.finalise(done)
    store.make_older(5 * HOUR, key=done)
    with store.database.writing() as connection:
        assert lifecycle.close_silent(connection, "alpha", store.database.now(connection) - 3 * HOUR) == 1
    assert [store.record(key).state for key in (old, new, other, done)] == [
        LogState.SILENT,
        LogState.OPEN,
        LogState.OPEN,
        LogState.COMPLETE,
    ]


def test_a_log_of_ten_days_is_open_while_it_is_written(store: Store) -> None:
    for day in range(10, -1, -1):
        store.send(f"2026-06-{day:02d}T11:02:02.9Z INFO day {day}\n", ago=timedelta(days=day))
        with store.database.writing() as connection:
            now = store.database.now(connection) - timedelta(days=day)
            assert lifecycle.close_silent(connection, "alpha", now - 3 * HOUR) == 0
    assert store.record().lines == 11


# Archived


def test_a_log_is_archived_when_every_plugin_has_it(store: Store, key: LogKey) -> None:
    store.send("text\n")
    store.finalise()
    assert settle(store, "A", "B") == 0
    confirm(store, "A", key)
    assert settle(store, "A", "B") == 0
    confirm(store, "B", key)
    assert settle(store, "A", "B") == 1
    assert settle(store, "A", "B") == 0
    assert (store.record().state, store.record().archived) == (LogState.ARCHIVED, NOW)


def test_a_plugin_of_the_past_does_not_count(store: Store, key: LogKey) -> None:
    store.send("text\n")
    store.finalise()
    confirm(store, "A", key)
    assert settle(store, "B") == 0
    assert settle(store, "A") == 1


def test_without_plugins_nothing_is_archived(store: Store) -> None:
    """Else it would expire from the one place where it is."""
    store.send("text\n")
    store.finalise()
    assert settle(store) == 0


def test_a_log_that_opens_again_during_its_delivery_is_not_archived(store: Store, key: LogKey) -> None:
    store.send("text\n")
    store.close_silent()
    confirm(store, "A", key)
    store.send("")
    assert store.record().state is LogState.OPEN
    assert settle(store, "A") == 0


def test_a_line_that_came_meanwhile_keeps_a_log_from_being_archived(store: Store, key: LogKey) -> None:
    store.send("one\n")
    store.finalise()
    confirm(store, "A", key)
    store.send("two\n")
    assert settle(store, "A") == 0
    confirm(store, "A", key)
    assert settle(store, "A") == 1


def test_only_one_log_or_one_vo_is_settled(store: Store, two: tuple[LogKey, LogKey]) -> None:
    for key in two:
        store.send("text\n", key=key)
        store.finalise(key)
        confirm(store, "A", key)
    assert settle(store, "A", vo="beta") == 0
    assert settle(store, "A", log_id=store.record(two[1]).log_id) == 1
    assert [store.record(key).state for key in two] == [LogState.COMPLETE, LogState.ARCHIVED]


# Expired


def test_what_may_expire(store: Store) -> None:
    old, other, still_open = store.new_key(), store.new_key("beta"), store.new_key()
    archived(store, old)
    store.send("text\n", key=other)
    store.send("text\n", key=still_open)
    log_id = store.record(old).log_id
    with store.database.reading() as connection:
        assert lifecycle.list_expired(connection, "alpha", NOW) == []
        assert lifecycle.list_expired(connection, "alpha", NOW + HOUR) == [log_id]
        assert lifecycle.list_expired(connection, "beta", NOW + HOUR) == []
    assert store.expire(old)
    with store.database.reading() as connection:
        assert lifecycle.list_expired(connection, "alpha", NOW + HOUR) == []


def test_only_the_text_expires(store: Store, two: tuple[LogKey, LogKey]) -> None:
    for key in two:
        archived(store, key)
    before = store.record(two[0])
    assert store.expire(two[0])
    after = store.record(two[0])
    assert (after.expired_bytes, after.expired_chunk_id) == (5, 1)
    assert (after.state, after.bytes, after.lines) == (before.state, before.bytes, before.lines)
    assert store.index(two[0]).entries == ()
    assert store.text(two[1]) == "text\n"


def test_a_log_that_is_open_again_does_not_expire(store: Store, key: LogKey) -> None:
    archived(store, key)
    store.send("late\n")
    assert not store.expire()
    assert store.text() == "text\nlate\n"


def test_a_log_that_is_gone_does_not_expire(store: Store) -> None:
    with store.database.writing() as connection:
        assert not lifecycle.expire(connection, -1)


def test_gaps_are_remembered_when_the_text_expires(store: Store, key: LogKey) -> None:
    for seq in (1, 3):
        store.send_numbered(seq, f"{seq}\n")
    store.finalise()
    confirm(store, "A", key)
    settle(store, "A")
    store.expire()
    assert store.record().expired_part.gaps == (Gap(2, "pilot", 2, 2),)
    for seq in (4, 6):
        store.send_numbered(seq, f"{seq}\n")
    confirm(store, "A", key)
    settle(store, "A")
    store.expire()
    part = store.record().expired_part
    assert part.gaps == (Gap(2, "pilot", 2, 2), Gap(6, "pilot", 5, 5))
    assert part.due == {"pilot": 7}
    assert store.record().expired_bytes == 8


# Forgotten


def test_a_log_is_forgotten_after_its_text_has_expired(store: Store, two: tuple[LogKey, LogKey]) -> None:
    for key in two:
        archived(store, key)
    store.expire(two[0])
    with store.database.writing() as connection:
        assert lifecycle.forget(connection, "alpha", NOW) == 0
        assert lifecycle.forget(connection, "beta", NOW + HOUR) == 0
        assert lifecycle.forget(connection, "alpha", NOW + HOUR) == 1
    assert not store.knows(two[0])
    assert store.knows(two[1])
    with store.database.reading() as connection:
        left = connection.execute(schema.deliveries.select()).all()
    assert [row.LogID for row in left] == [store.record(two[1]).log_id]


def test_a_log_without_text_is_forgotten_too(store: Store, key: LogKey) -> None:
    store.finalise()
    confirm(store, "A", key)
    settle(store, "A")
    assert store.forget() == 1


def test_a_log_with_a_late_line_is_not_forgotten(store: Store, key: LogKey) -> None:
    archived(store, key)
    store.expire()
    store.send("late\n")
    assert store.forget() == 0
    assert store.text() == "late\n"
