# SPDX-License-Identifier: GPL-3.0-only
"""The agents' work list."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.store import Store

from PilotLoggingDIRAC.deliver.courier import give_back
from PilotLoggingDIRAC.model import DeliveryState, LogKey
from PilotLoggingDIRAC.store import deliveries, schema
from PilotLoggingDIRAC.store import due as due_module
from PilotLoggingDIRAC.store.due import list_due

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=6)
LEASE = timedelta(minutes=5)


class WorkList:
    """The deliveries of logs to a plugin A, each step in a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database = store.database

    def closed_log(self, text: str = "text\n", vo: str = "alpha", ago: timedelta = timedelta()) -> int:
        key = self.store.new_key(vo)
        self.store.send(text, key=key)
        self.store.finalise(key)
        self.store.make_older(ago, key=key)
        return int(self.store.record(key).log_id)

    def due(self, now: datetime = NOW, plugin: str = "A", vo: str = "alpha", limit: int = 100) -> list[int]:
        with self.database.reading() as connection:
            return list_due(connection, vo, plugin, now, limit)

    def claim(self, log_id: int, owner: str, now: datetime = NOW) -> Any:
        with self.database.writing() as connection:
            return deliveries.claim(connection, log_id, "A", owner, now, LEASE)

    def renew(self, log_id: int, owner: str, until: datetime) -> bool:
        with self.database.writing() as connection:
            return deliveries.renew(connection, log_id, "A", owner, until)

    def confirm(self, log_id: int, owner: str, cursor: int = 1) -> bool:
        with self.database.writing() as connection:
            return deliveries.confirm(connection, log_id, "A", owner, cursor, "reference")

    def fail(self, log_id: int, owner: str, attempts: int, error: str, next_attempt: datetime) -> bool:
        with self.database.writing() as connection:
            return deliveries.fail(connection, log_id, "A", owner, attempts, error, next_attempt)

    def find(self, log_id: int) -> Any:
        with self.database.reading() as connection:
            return deliveries.find(connection, log_id, "A")


@pytest.fixture
def work(store: Store) -> WorkList:
    return WorkList(store)


def test_closed_logs_of_a_vo_are_due_to_each_plugin(work: WorkList) -> None:
    mine = work.closed_log()
    theirs = work.closed_log(vo="beta")
    work.store.send("open\n")
    assert work.due() == work.due(plugin="B") == [mine]
    assert work.due(vo="beta") == [theirs]


def test_a_silent_log_is_due(work: WorkList) -> None:
    work.store.send("open\n")
    assert work.due() == []
    work.store.close_silent()
    assert work.due() == [work.store.record().log_id]


def test_the_longest_wait_comes_first(work: WorkList) -> None:
    ages = [3, 5, 1, 4]
    ids = {age: work.closed_log(ago=timedelta(hours=age)) for age in ages}
    assert work.due() == [ids[age] for age in (5, 4, 3, 1)]
    assert work.due(limit=2) == [ids[5], ids[4]]


def test_a_claim_keeps_others_out(work: WorkList) -> None:
    log_id = work.closed_log()
    delivery = work.claim(log_id, "first")
    assert delivery.state is DeliveryState.PENDING
    assert (delivery.log_id, delivery.plugin, delivery.cursor, delivery.attempts) == (log_id, "A", 0, 0)
    assert (delivery.last_error, delivery.reference) == ("", "")
    assert work.claim(log_id, "second") is None
    assert work.claim(log_id, "first") is None, "one process has many threads"
    assert work.due() == []
    assert work.due(plugin="B") == [log_id]


def test_many_claim_and_each_log_goes_to_one(work: WorkList) -> None:
    """Agents that begin at the same moment have the same list before them."""
    log_ids = [work.closed_log() for _ in range(10)]

    def claim_all(owner: str) -> list[int]:
        return [log_id for log_id in log_ids if work.claim(log_id, owner)]

    with ThreadPoolExecutor(4) as agents:
        taken = list(agents.map(claim_all, "1234"))
    assert sorted(log_id for each in taken for log_id in each) == log_ids


def test_a_confirmed_delivery_is_done(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first")
    assert work.confirm(log_id, "first")
    delivery = work.find(log_id)
    assert (delivery.state, delivery.cursor, delivery.reference) == (DeliveryState.DELIVERED, 1, "reference")
    assert work.due() == []
    assert work.claim(log_id, "second") is None


def test_a_late_line_makes_it_due_again(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first")
    work.confirm(log_id, "first")
    work.store.send("late\n", key=LogKey("alpha", f"{1:032d}"))
    assert work.due() == [log_id]
    delivery = work.claim(log_id, "second")
    assert (delivery.cursor, delivery.reference) == (1, "reference")


def test_a_lease_expires(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first", now=NOW)
    assert work.due(NOW + LEASE) == []
    assert work.claim(log_id, "second", now=NOW + LEASE) is None
    assert work.due(LATER) == [log_id]
    assert work.claim(log_id, "second", now=LATER) is not None


def test_a_lease_is_renewed(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first")
    assert work.renew(log_id, "first", LATER + LEASE)
    assert work.claim(log_id, "second", now=LATER) is None


def test_who_has_lost_the_lease_changes_nothing(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first", now=NOW)
    work.claim(log_id, "second", now=LATER)
    assert not work.confirm(log_id, "first")
    assert not work.renew(log_id, "first", LATER + timedelta(hours=1))
    assert not work.fail(log_id, "first", 1, "no", LATER + timedelta(hours=1))
    with work.database.writing() as connection:
        assert not deliveries.release(connection, log_id, "A", "first")
    give_back(work.database, "first")
    assert work.find(log_id).state is DeliveryState.PENDING
    assert work.claim(log_id, "third", now=LATER) is None
    assert work.confirm(log_id, "second")


def test_progress_is_kept_through_a_failure_and_noted_by_the_owner_only(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first")
    with work.database.writing() as connection:
        assert not deliveries.keep_progress(connection, log_id, "A", "second", "all")
        for reference in ("half", "half"):
            assert deliveries.keep_progress(connection, log_id, "A", "first", reference)
    work.fail(log_id, "first", 1, "It is down.", NOW)
    delivery = work.find(log_id)
    assert (delivery.state, delivery.reference) == (DeliveryState.PENDING, "half")


def test_a_failure_is_noted_and_there_is_a_pause(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first")
    assert work.fail(log_id, "first", 1, "The storage element is full.", NOW + timedelta(minutes=1))
    delivery = work.find(log_id)
    assert (delivery.attempts, delivery.last_error) == (1, "The storage element is full.")
    assert work.due(NOW) == []
    assert work.claim(log_id, "second", now=NOW) is None
    assert work.due(NOW + timedelta(minutes=1)) == [log_id]
    assert work.claim(log_id, "second", now=NOW + timedelta(minutes=1)).attempts == 1
    assert work.confirm(log_id, "second")
    assert (work.find(log_id).attempts, work.find(log_id).last_error) == (0, "")


def test_any_error_can_be_noted(work: WorkList) -> None:
    log_id = work.closed_log()
    for error in ("x" * 100_000, "😀" * 30_000, "a\0b", "\x1b[31m"):
        work.claim(log_id, "first")
        assert work.fail(log_id, "first", 1, error, NOW)
        assert work.find(log_id).last_error == error[:2000]


def test_an_error_with_a_lone_surrogate_can_be_noted(work: WorkList) -> None:
    """Python decodes foreign file names and messages to such."""
    log_id = work.closed_log()
    work.claim(log_id, "first")
    assert work.fail(log_id, "first", 1, b"no such file: \xe9".decode("utf-8", "surrogateescape"), NOW)
    assert work.find(log_id).last_error.startswith("no such file: ")


def test_what_is_given_back_is_due_at_once(work: WorkList) -> None:
    first, second, other = (work.closed_log() for _ in range(3))
    for log_id, owner in ((first, "first"), (second, "first"), (other, "second")):
        work.claim(log_id, owner)
    with work.database.writing() as connection:
        assert deliveries.release(connection, first, "A", "first")
    assert work.due() == [first]
    give_back(work.database, "first")
    assert work.due() == [first, second]
    assert work.find(first).attempts == 0


def test_a_log_that_is_gone_cannot_be_claimed(work: WorkList) -> None:
    """Nothing of it is left behind: SQLite may give its number to another log."""
    assert work.claim(4711, "first") is None
    with work.database.reading() as connection:
        assert connection.execute(schema.deliveries.select()).all() == []


def test_deliveries_of_a_log(work: WorkList) -> None:
    log_id = work.closed_log()
    with work.database.writing() as connection:
        for plugin in ("B", "A"):
            deliveries.claim(connection, log_id, plugin, "first", NOW, LEASE)
    with work.database.reading() as connection:
        assert [delivery.plugin for delivery in deliveries.of_log(connection, log_id)] == ["A", "B"]
        assert deliveries.of_log(connection, -1) == []
        assert deliveries.find(connection, log_id, "C") is None


def test_the_backlog(work: WorkList) -> None:
    done, failing, begun = (work.closed_log(ago=timedelta(hours=hours)) for hours in (9, 5, 2))
    theirs = work.closed_log(vo="beta")
    for log_id in (done, failing, begun, theirs):
        work.claim(log_id, "first")
    work.confirm(done, "first")
    work.fail(failing, "first", 3, "The storage element is full.", NOW)
    with work.database.reading() as connection:
        alpha, beta = deliveries.backlog(connection)
        now = work.database.now(connection)
    assert (alpha.vo, alpha.plugin, alpha.logs, alpha.failing) == ("alpha", "A", 2, 1)
    assert alpha.last_error == "The storage element is full."
    assert abs(now - alpha.oldest - timedelta(hours=5)) < timedelta(minutes=30)
    assert (beta.vo, beta.logs, beta.failing, beta.last_error) == ("beta", 1, 0, "")


def test_the_backlog_of_named_plugins_has_what_was_never_tried(work: WorkList) -> None:
    """Also when no agent runs at all, which is when it matters."""
    tried, _ = (work.closed_log(ago=timedelta(hours=hours)) for hours in (2, 5))
    work.closed_log(vo="gamma")
    work.store.send("open\n", key=LogKey("alpha", "f" * 32))
    work.claim(tried, "first")
    work.fail(tried, "first", 1, "The storage element is full.", NOW)
    with work.database.reading() as connection:
        found = deliveries.backlog(connection, {"alpha": ("A", "B"), "gamma": ("A",), "delta": ("A",)})
        now = work.database.now(connection)
        assert [entry.vo for entry in deliveries.backlog(connection)] == ["alpha"]
    figures = [(entry.vo, entry.plugin, entry.logs, entry.failing, entry.untried) for entry in found]
    assert figures == [("alpha", "A", 2, 1, 1), ("alpha", "B", 2, 0, 2), ("gamma", "A", 1, 0, 1)]
    assert [entry.last_error for entry in found] == ["The storage element is full.", "", ""]
    assert abs(now - found[0].oldest - timedelta(hours=5)) < timedelta(minutes=30)


def test_a_plugin_that_was_taken_off_has_no_backlog(work: WorkList) -> None:
    log_id = work.closed_log()
    work.claim(log_id, "first")
    with work.database.reading() as connection:
        assert [entry.plugin for entry in deliveries.backlog(connection, {"alpha": ("B",)})] == ["B"]


def failed(work: WorkList, attempts: int, pause: timedelta, ago: timedelta = timedelta()) -> int:
    """A log that has failed, and the end of its pause after ``NOW``."""
    log_id = work.closed_log(ago=ago)
    work.claim(log_id, "first", now=NOW - timedelta(days=1))
    work.fail(log_id, "first", attempts, "no", NOW + pause)
    return log_id


def test_logs_that_never_failed_go_first(work: WorkList) -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    old = failed(work, 20, -minute, ago=9 * hour)
    older_pause = failed(work, 1, -2 * minute, ago=hour)
    failed(work, 1, minute)
    young, fresh = work.closed_log(), work.closed_log(ago=3 * hour)
    assert work.due() == [fresh, young, older_pause, old]
    assert work.due(limit=3) == [fresh, young, older_pause]
    assert work.due(limit=2) == [fresh, young]


def test_a_delivered_log_with_a_late_line_counts_as_one_that_never_failed(work: WorkList) -> None:
    log_id = failed(work, 3, timedelta())
    work.claim(log_id, "first")
    work.confirm(log_id, "first")
    work.store.send("late\n", key=LogKey("alpha", f"{1:032d}"))
    other = failed(work, 1, timedelta())
    assert work.due() == [log_id, other]


def test_pauses_of_one_vo_and_plugin_end(work: WorkList) -> None:
    hour = timedelta(hours=1)
    ids = [
        failed(work, attempts, pause, ago=age * hour)
        for attempts, pause, age in ((1, hour, 1), (5, hour, 3), (2, -hour, 2))
    ]
    with work.database.writing() as connection:
        assert due_module.end_pauses(connection, "beta", "A", NOW) == 0
        assert due_module.end_pauses(connection, "alpha", "B", NOW) == 0
        assert [due_module.end_pauses(connection, "alpha", "A", NOW, at_once=2) for _ in range(3)] == [2, 1, 0]
    assert work.due() == [ids[1], ids[2], ids[0]], "in the order of their arrival"
    assert work.find(ids[1]).attempts == 5


def test_what_an_owner_has(work: WorkList) -> None:
    mine, theirs, done = (work.closed_log() for _ in range(3))
    for log_id, owner in ((mine, "first"), (theirs, "second"), (done, "first")):
        work.claim(log_id, owner)
    work.confirm(done, "first")
    with work.database.reading() as connection:
        assert [delivery.log_id for delivery in deliveries.of_owner(connection, "first")] == [mine]
