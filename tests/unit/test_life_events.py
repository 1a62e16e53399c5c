# SPDX-License-Identifier: GPL-3.0-only
"""What may happen to a log, one event after the other: the rows of ``docs/life-of-a-log.md``."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.deliver import housekeeping
from PilotLoggingDIRAC.deliver.delivery_round import deliver_due
from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import LogKey, LogState
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.settings import VOSettings, parse

DAY = timedelta(days=1)


def line(number: int) -> str:
    return f"2026-06-10T11:02:02.{number:06d}Z INFO [A] line {number}\n"


def lines(*numbers: int) -> str:
    return "".join(line(number) for number in numbers)


class Log:
    """One log, with the pilot, the agent and a reader of it."""

    def __init__(self, store: Store, archives: Archives, key: LogKey) -> None:
        self.store, self.archives, self.key = store, archives, key
        archives.add()

    def send(self, *numbers: int, key: LogKey | None = None) -> None:
        self.store.send(lines(*numbers), key=key or self.key)

    def finalise(self, exit_code: int | None = 0) -> None:
        self.store.finalise(self.key, exit_code)

    def agent(self, **options: str) -> None:
        """One cycle of the agent. The VO's plugins are those of ``archives``."""
        settings = parse(
            VOSettings, "/Operations/alpha/Pilot", {"LoggingPlugins": ", ".join(self.archives.plugins)} | options
        )
        housekeeping.close_silent(self.store.database, "alpha", settings)
        housekeeping.settle(self.store.database, "alpha", settings)
        housekeeping.expire(self.store.database, "alpha", settings, 30)
        self.store.end_pauses()
        deliver_due(self.archives.courier(), "alpha", lambda: False)

    def days_go_by(self, days: float) -> None:
        self.store.make_older(days * DAY, self.key)

    def assert_is(self, state: LogState, text: str, *, exit_code: int | None, finalised: bool = True) -> None:
        """What the database says of it, and what a reader sees."""
        record = self.store.record(self.key)
        assert (record.state, record.exit_code) == (state, exit_code)
        assert (record.finalised is not None) == finalised
        assert (record.lines, record.bytes) == (text.count("\n"), len(text.encode()))
        assert self.archives.reader.page(self.key, Cursor(), 10**6).text == text or self.read() == text

    def read(self) -> str:
        return "".join(page.text for page in self.archives.reader.pieces(self.key, 10**6))

    def archive(self, plugin: str = "Folder") -> str | None:
        """What stands in the archive; None for no file."""
        folder = self.archives.plugins[plugin]
        assert len(folder.files) <= 1, "a piece is left over"
        return folder.content(self.key) if folder.files else None


@pytest.fixture
def log(store: Store, archives: Archives, key: LogKey) -> Log:
    return Log(store, archives, key)


# Goodbyes


def test_lines_after_the_goodbye(log: Log) -> None:
    log.send(1)
    log.finalise(3)
    log.send(2)
    log.assert_is(LogState.COMPLETE, lines(1, 2), exit_code=3)
    log.agent()
    assert log.archive() == lines(1, 2)
    log.send(3)
    log.assert_is(LogState.COMPLETE, lines(1, 2, 3), exit_code=3)
    log.agent()
    log.assert_is(LogState.ARCHIVED, lines(1, 2, 3), exit_code=3)
    assert log.archive() == lines(1, 2, 3)


def test_a_goodbye_before_any_line(log: Log) -> None:
    log.finalise(0)
    log.assert_is(LogState.COMPLETE, "", exit_code=0)
    log.send(1)
    log.assert_is(LogState.COMPLETE, line(1), exit_code=0)
    log.agent()
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=0)
    assert log.archive() == line(1)


def test_a_goodbye_alone(log: Log) -> None:
    """It may be the only trace of a pilot."""
    log.finalise(1)
    log.agent()
    log.assert_is(LogState.ARCHIVED, "", exit_code=1)
    assert log.archive() is None
    log.days_go_by(2)
    log.agent()
    log.send(1)
    log.agent()
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=1)
    assert log.archive() == line(1)


@pytest.mark.parametrize(("second", "stays"), [(0, 0), (7, 7), (None, 0)])
@pytest.mark.parametrize("archived", [False, True])
def test_a_second_goodbye(log: Log, second: int | None, stays: int, archived: bool) -> None:
    """The last number counts: a pilot's later commands know better how it ended. The first goodbye's time stays."""
    log.send(1)
    log.finalise(0)
    if archived:
        log.agent()
    first = log.store.record().finalised
    log.finalise(second)
    log.assert_is(LogState.ARCHIVED if archived else LogState.COMPLETE, line(1), exit_code=stays)
    assert log.store.record().finalised == first
    log.agent()
    assert len(log.archives.plugins["Folder"].stored) == 1, "no new text, no new copy"


def test_a_late_goodbye_of_a_killed_pilot(log: Log) -> None:
    """Its log has been stored as one that was never finalised; there is no new text, so the copy stays."""
    log.send(1)
    log.agent(SilentAfter="0s")
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=None, finalised=False)
    log.finalise(9)
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=9)


# Stamps


def test_one_stamp_in_two_vos(log: Log) -> None:
    other = LogKey("beta", log.key.stamp)
    log.send(1)
    log.send(2, key=other)
    log.finalise(3)
    log.agent()
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=3)
    assert log.archive() == line(1)
    theirs = log.store.record(other)
    assert (theirs.state, theirs.exit_code, theirs.finalised) == (LogState.OPEN, None, None)
    assert log.store.text(other) == line(2)


def test_a_stamp_used_again_after_a_week(log: Log) -> None:
    """It is one log: the new pilot's text stands behind the old one's, of which only the archive has the text."""
    log.send(1)
    log.finalise(0)
    log.agent()
    log.days_go_by(7)
    log.agent()
    assert log.store.text() == ""
    log.send(2)
    log.agent()
    log.send(3)
    log.finalise(5)
    log.agent()
    log.assert_is(LogState.ARCHIVED, lines(1, 2, 3), exit_code=5)
    assert log.archive() == lines(1, 2, 3)


# Silence


def test_a_log_that_stays_open_for_ten_days(log: Log) -> None:
    """A line now and then keeps it open; nothing is stored before its end."""
    for hours in range(2 * 120, -1, -2):
        log.store.send(line(hours), ago=timedelta(hours=hours))
        if hours % 24 == 0:
            log.days_go_by(-hours / 24)
            log.agent()
            log.days_go_by(hours / 24)
    whole = lines(*range(2 * 120, -1, -2))
    log.assert_is(LogState.OPEN, whole, exit_code=None, finalised=False)
    assert log.archive() is None
    log.finalise(0)
    log.agent()
    log.assert_is(LogState.ARCHIVED, whole, exit_code=0)
    assert log.archive() == whole


def test_a_log_with_long_pauses_is_stored_in_each_of_them(log: Log) -> None:
    """Each pause is longer than SilentAfter, and some than KeepDelivered: one log in the end, one file."""
    for number in range(6):
        log.send(number)
        log.assert_is(LogState.OPEN, lines(*range(number + 1)), exit_code=None, finalised=False)
        log.days_go_by(0.2)
        log.agent()
        log.assert_is(LogState.ARCHIVED, lines(*range(number + 1)), exit_code=None, finalised=False)
        assert log.archive() == lines(*range(number + 1))
        log.days_go_by(1.5 if number % 2 else 0.5)
        log.agent()
    assert log.store.text() != lines(*range(6)), "the beginning stands in the archive only"


def test_a_pilot_killed_without_a_word(log: Log) -> None:
    log.send(1)
    log.days_go_by(2 / 24)
    log.agent()
    log.assert_is(LogState.OPEN, line(1), exit_code=None, finalised=False)
    log.days_go_by(2 / 24)
    log.agent()
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=None, finalised=False)
    assert log.archive() == line(1)


@pytest.mark.parametrize("when", ["silent", "archived", "expired"])
def test_a_killed_pilot_comes_back(log: Log, when: str) -> None:
    """Its worker node was suspended."""
    log.send(1)
    if when == "silent":
        log.store.close_silent()
    else:
        log.agent(SilentAfter="0s")
    if when == "expired":
        log.days_go_by(2)
        log.agent()
        assert log.store.text() == ""
    log.send(2)
    log.assert_is(LogState.OPEN, lines(1, 2), exit_code=None, finalised=False)
    log.agent()
    log.assert_is(LogState.OPEN, lines(1, 2), exit_code=None, finalised=False)
    log.finalise(0)
    log.agent()
    log.assert_is(LogState.ARCHIVED, lines(1, 2), exit_code=0)
    assert log.archive() == lines(1, 2)


# Plugins


def test_a_plugin_added_while_a_log_waits(log: Log, storage_problem: Unavailable) -> None:
    log.archives.plugins["Folder"].problem = storage_problem
    log.send(1)
    log.finalise()
    log.agent()
    log.archives.add("Second")
    log.agent()
    log.assert_is(LogState.COMPLETE, line(1), exit_code=0)
    assert (log.archive(), log.archive("Second")) == (None, line(1))
    log.archives.plugins["Folder"].problem = None
    log.agent()
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=0)
    assert log.archive() == log.archive("Second") == line(1)


def test_a_plugin_removed_while_a_log_waits(log: Log, storage_problem: Unavailable) -> None:
    """Nobody waits for it any more."""
    log.archives.add("Down").problem = storage_problem
    log.send(1)
    log.finalise()
    log.agent()
    log.assert_is(LogState.COMPLETE, line(1), exit_code=0)
    del log.archives.plugins["Down"]
    log.agent()
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=0)


def test_a_plugin_added_after_archiving(log: Log) -> None:
    """It gets what is stored from now on; an older log only when a line comes for it, and then all of it."""
    log.send(1)
    log.finalise()
    log.agent()
    log.archives.add("Second")
    log.days_go_by(2)
    log.agent()
    assert log.archive("Second") is None
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=0)
    log.send(2)
    log.agent()
    log.assert_is(LogState.ARCHIVED, lines(1, 2), exit_code=0)
    assert log.archive() == log.archive("Second") == lines(1, 2)


def test_all_plugins_down_for_longer_than_all_delays(log: Log, storage_problem: Unavailable) -> None:
    log.archives.plugins["Folder"].problem = storage_problem
    log.send(1)
    log.finalise()
    for _ in range(5):
        log.days_go_by(20)
        log.agent()
    log.assert_is(LogState.COMPLETE, line(1), exit_code=0)
    log.archives.plugins["Folder"].problem = None
    log.agent()
    log.assert_is(LogState.ARCHIVED, line(1), exit_code=0)


# Late lines


@pytest.mark.parametrize("expired", [False, True])
def test_a_late_line(log: Log, expired: bool) -> None:
    """After archiving, and after the text has left the database: a new complete copy."""
    log.send(1)
    log.finalise()
    log.agent()
    if expired:
        log.days_go_by(2)
        log.agent()
        assert log.store.text() == ""
    log.send(2)
    log.assert_is(LogState.COMPLETE, lines(1, 2), exit_code=0)
    log.agent()
    log.assert_is(LogState.ARCHIVED, lines(1, 2), exit_code=0)
    assert log.archive() == lines(1, 2)


def test_a_late_line_while_the_log_is_carried(log: Log) -> None:
    folder = log.archives.plugins["Folder"]
    folder.during_store = lambda _log: log.send(2) if not folder.stored else None
    log.send(1)
    log.finalise()
    log.agent()
    log.assert_is(LogState.COMPLETE, lines(1, 2), exit_code=0)
    log.agent()
    log.assert_is(LogState.ARCHIVED, lines(1, 2), exit_code=0)
    assert log.archive() == lines(1, 2)


def test_a_log_is_forgotten_and_its_file_stays(log: Log) -> None:
    log.send(1)
    log.finalise()
    log.agent()
    log.days_go_by(40)
    log.agent()
    assert not log.store.knows()
    assert log.archive() == line(1)
    assert log.read() == line(1)
