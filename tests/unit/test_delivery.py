# SPDX-License-Identifier: GPL-3.0-only
"""One log to one plugin: an archive of files that can be told to be down."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql
from support.archives import Archives
from support.mariadb import MariaDB
from support.store import Store

from PilotLoggingDIRAC import errors
from PilotLoggingDIRAC.deliver import archive_round
from PilotLoggingDIRAC.deliver.contract import ClosedLog
from PilotLoggingDIRAC.deliver.delivery_round import deliver_due
from PilotLoggingDIRAC.errors import ConfigurationError, Unavailable
from PilotLoggingDIRAC.model import Append, DeliveryState, Final, LogKey, LogState
from PilotLoggingDIRAC.store.engine import Database


@pytest.fixture
def log_id(store: Store) -> int:
    """A closed log."""
    store.send("one\n")
    store.finalise(exit_code=3)
    return int(store.record().log_id)


def make_logs(store: Store, number: int, vo: str = "alpha") -> list[LogKey]:
    keys = [store.new_key(vo) for _ in range(number)]
    store.append(*(Append(key, b"one\n", session="a", seq=1, final=Final(0)) for key in keys))
    return keys


def never() -> bool:
    return False


def deliver_all(archives: Archives, owner: str = "agent", stopping: Callable[[], bool] = never) -> dict[str, int]:
    """How many logs were delivered, and how many failed, where there were any."""
    done = deliver_due(archives.courier(owner), "alpha", stopping)
    return {name: number for name in ("delivered", "failed") if (number := getattr(done, name))}


# Success


def test_a_log_is_delivered_whole(store: Store, archives: Archives, log_id: int, key: LogKey) -> None:
    folder = archives.add()
    assert archives.deliver(log_id) == [True]
    assert folder.content() == "one\n"
    assert folder.stored == [ClosedLog(key, size=4, lines=1, finalised=True, exit_code=3)]
    noted = store.delivery("Folder")
    assert (noted.state, noted.cursor, noted.attempts) == (DeliveryState.DELIVERED, 1, 0)
    assert noted.reference == folder.locate(key.stamp)
    record = store.record()
    assert record.state is LogState.ARCHIVED
    assert record.archived is not None
    assert store.text() == "one\n", "the text stays until it expires"


def test_a_delivered_log_is_not_delivered_again(archives: Archives, log_id: int) -> None:
    folder = archives.add()
    assert archives.deliver(log_id) == [True]
    assert archives.deliver(log_id) == [None]
    assert len(folder.stored) == 1


def test_a_silent_log_is_marked_as_not_finalised(store: Store, archives: Archives) -> None:
    folder = archives.add()
    store.send("one\n")
    store.close_silent()
    archives.deliver(store.record().log_id)
    assert [(log.finalised, log.exit_code) for log in folder.stored] == [(False, None)]


def test_a_log_is_delivered_in_the_order_of_its_numbers(store: Store, archives: Archives) -> None:
    folder = archives.add()
    for seq in (1, 3, 2, 4):
        store.send_numbered(seq, f"{seq}\n")
    store.finalise()
    archives.deliver(store.record().log_id)
    assert folder.content() == "1\n2\n3\n4\n"


def test_any_text_is_delivered(store: Store, archives: Archives) -> None:
    folder = archives.add()
    store.send("a\0b \x1b[31m \ud800 😀\r\n")
    store.finalise()
    archives.deliver(store.record().log_id)
    assert folder.content() == "a\0b \x1b[31m \ud800 😀\r\n"


def test_a_log_of_many_megabytes(store: Store, archives: Archives, key: LogKey) -> None:
    folder = archives.add()
    piece = "".join(f"line {number}\n" for number in range(80_000))
    for seq in range(1, 9):
        store.send_numbered(seq, piece)
    store.finalise()
    archives.deliver(store.record().log_id)
    assert folder.content() == piece * 8


def test_a_log_without_text_needs_no_archive(store: Store, archives: Archives) -> None:
    """It counts as archived, and nothing is stored."""
    folder = archives.add()
    store.finalise()
    assert archives.deliver(store.record().log_id) == [True]
    assert store.record().state is LogState.ARCHIVED
    assert store.delivery("Folder").reference == ""
    assert folder.files == set()


def test_a_log_without_text_that_gets_some_is_delivered(store: Store, archives: Archives) -> None:
    folder = archives.add()
    store.finalise()
    archives.deliver(store.record().log_id)
    store.send_numbered(1, "")
    archives.deliver(store.record().log_id)
    store.expire()
    store.send_numbered(2, "late\n")
    assert archives.deliver(store.record().log_id) == [True]
    assert folder.content() == "late\n"
    assert folder.stored[-1].previous is None


def test_a_log_is_archived_when_every_plugin_has_it(store: Store, archives: Archives, log_id: int) -> None:
    first, second = archives.add("First"), archives.add("Second")
    courier = archives.courier()
    assert courier.deliver(log_id, "First")
    assert store.record().state is LogState.COMPLETE
    assert courier.deliver(log_id, "Second")
    assert store.record().state is LogState.ARCHIVED
    assert first.content() == second.content() == "one\n"


def test_no_files_are_left_behind(archives: Archives, log_id: int, storage_problem: Exception) -> None:
    folder = archives.add()
    folder.problem = storage_problem
    archives.deliver(log_id)
    assert [path.name for path in archives.folder.iterdir()] == ["Folder"]


# Failure


def test_a_failure_is_noted_and_the_log_stays(
    store: Store, archives: Archives, log_id: int, storage_problem: Exception
) -> None:
    folder = archives.add()
    folder.problem = storage_problem
    assert archives.deliver(log_id) == [False]
    noted = store.delivery("Folder")
    assert (noted.state, noted.attempts) == (DeliveryState.PENDING, 1)
    assert noted.last_error == "The storage element does not answer."
    assert (store.record().state, store.text()) == (LogState.COMPLETE, "one\n")


def test_pauses_between_failures_grow(
    store: Store, archives: Archives, log_id: int, storage_problem: Exception
) -> None:
    archives.add().problem = storage_problem

    def now() -> datetime:
        with store.database.reading() as connection:
            moment: datetime = store.database.now(connection)
        return moment

    for attempt, minutes in enumerate((1, 2, 4, 8), 1):
        before = now()
        assert archives.deliver(log_id) == [False]
        noted = store.delivery("Folder")
        assert noted.attempts == attempt
        assert noted.next_attempt - before >= 0.75 * timedelta(minutes=minutes)
        assert noted.next_attempt - now() <= timedelta(minutes=minutes)
        assert archives.deliver(log_id) == [None], "it is not due"
        assert store.delivery("Folder").attempts == attempt
        store.end_pauses()


def test_a_retry_after_a_failure(store: Store, archives: Archives, log_id: int, storage_problem: Exception) -> None:
    folder = archives.add()
    folder.problem = storage_problem
    archives.deliver(log_id)
    folder.problem = None
    store.end_pauses()
    assert archives.deliver(log_id) == [True]
    noted = store.delivery("Folder")
    assert (noted.attempts, noted.last_error) == (0, "")
    assert store.record().state is LogState.ARCHIVED


def test_an_unforeseen_failure_is_noted_too(store: Store, archives: Archives, log_id: int) -> None:
    """A plugin of somebody else may raise anything."""
    archives.add().problem = KeyError("Successful")
    assert archives.deliver(log_id) == [False]
    assert store.delivery("Folder").last_error == "KeyError: 'Successful'"


def test_a_failure_after_storing_does_not_make_a_second_copy(store: Store, archives: Archives, log_id: int) -> None:
    """The confirmation was lost: the plugin is asked to store the same again."""
    folder = archives.add()

    def lost(log: ClosedLog) -> None:
        if not folder.stored:
            folder.stored.append(log)
            (folder.folder / f"{log.key.stamp}.log").write_text("one\n")
            raise Unavailable("The connection was cut.")

    folder.during_store = lost
    assert archives.deliver(log_id) == [False]
    store.end_pauses()
    assert archives.deliver(log_id) == [True]
    assert folder.files == {f"{folder.stored[0].key.stamp}.log"}
    assert folder.content() == "one\n"


def test_a_full_disk_is_a_failure_like_any_other(store: Store, archives: Archives, log_id: int) -> None:
    archives.add()
    archives.folder = archives.folder / "not there"
    assert archives.deliver(log_id) == [False]
    assert "FileNotFoundError" in store.delivery("Folder").last_error


# Late lines


def test_a_late_line_after_archiving_leads_to_a_new_complete_copy(
    store: Store, archives: Archives, log_id: int, key: LogKey
) -> None:
    folder = archives.add()
    archives.deliver(log_id)
    store.send("late\n")
    assert archives.deliver(log_id) == [True]
    assert folder.content() == "one\nlate\n"
    assert folder.stored[1].previous == folder.locate(key.stamp)
    assert not folder.stored[1].previous_is_needed
    assert store.record().state is LogState.ARCHIVED
    assert len(folder.files) == 1


def test_a_late_line_after_the_text_has_expired(store: Store, archives: Archives, log_id: int) -> None:
    """The new copy is the archived one and the new line."""
    folder = archives.add()
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    assert archives.deliver(log_id) == [True]
    assert folder.content() == "one\nlate\n"
    assert folder.stored[1].previous_is_needed
    assert (folder.stored[1].size, folder.stored[1].lines) == (9, 2)


def test_many_late_lines_each_after_the_text_has_expired(store: Store, archives: Archives, log_id: int) -> None:
    folder = archives.add()
    archives.deliver(log_id)
    for number in range(5):
        store.expire()
        store.send(f"late {number}\n")
        assert archives.deliver(log_id) == [True]
    assert folder.content() == "one\n" + "".join(f"late {number}\n" for number in range(5))


def test_a_line_that_comes_during_the_delivery_is_delivered_next(store: Store, archives: Archives, log_id: int) -> None:
    folder = archives.add()
    folder.during_store = lambda _log: store.send("late\n") if not folder.stored else None
    assert archives.deliver(log_id) == [True]
    assert store.record().state is LogState.COMPLETE
    assert folder.content() == "one\n"
    assert archives.deliver(log_id) == [True]
    assert store.record().state is LogState.ARCHIVED
    assert folder.content() == "one\nlate\n"


def test_an_earlier_copy_of_another_name_is_removed(store: Store, archives: Archives, log_id: int, key: LogKey) -> None:
    folder = archives.add(new_name_each_time=True)
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    archives.deliver(log_id)
    assert folder.files == {f"{key.stamp}.1.log"}
    assert (folder.folder / f"{key.stamp}.1.log").read_text() == "one\nlate\n"


def test_an_earlier_copy_that_cannot_be_removed_stays(
    store: Store, archives: Archives, log_id: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = archives.add(new_name_each_time=True)
    archives.deliver(log_id)
    store.send("late\n")

    def refuse(_reference: str) -> None:
        raise Unavailable("Not allowed.")

    monkeypatch.setattr(folder, "remove", refuse)
    assert archives.deliver(log_id) == [True]
    assert store.record().state is LogState.ARCHIVED
    assert len(folder.files) == 2
    assert "stays: Not allowed." in caplog.text


def test_a_plugin_that_came_later_gets_the_whole_log(store: Store, archives: Archives, log_id: int) -> None:
    """From another plugin's archive, when the text has expired."""
    archives.add("First")
    archives.deliver(log_id)
    store.expire()
    second = archives.add("Second")
    store.send("late\n")
    assert archives.deliver(log_id) == [True, True]
    assert second.content() == "one\nlate\n"
    assert store.record().state is LogState.ARCHIVED


def test_a_part_that_no_archive_gives_is_waited_for(store: Store, archives: Archives, log_id: int, key: LogKey) -> None:
    """Storing the new line alone would lose the old ones."""
    folder = archives.add()
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    reference = Path(store.delivery("Folder").reference)
    hidden = reference.rename(reference.with_suffix(".hidden"))
    assert archives.deliver(log_id) == [False]
    assert store.delivery("Folder").last_error.startswith("There is no ")
    assert len(folder.stored) == 1
    hidden.rename(reference)
    store.end_pauses()
    assert archives.deliver(log_id) == [True]
    assert folder.content() == "one\nlate\n"


def test_an_archived_copy_that_is_too_short_is_not_built_upon(store: Store, archives: Archives, log_id: int) -> None:
    folder = archives.add()
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    os.truncate(store.delivery("Folder").reference, 3)
    assert archives.deliver(log_id) == [False]
    assert store.delivery("Folder").last_error == "The archived copy of the log has only 3 of 4 bytes."
    assert len(folder.stored) == 1


@pytest.mark.parametrize("damage", ["gone", "too short", "down"])
def test_a_bad_copy_of_one_plugin_is_replaced_by_that_of_another(
    store: Store, archives: Archives, log_id: int, damage: str
) -> None:
    first, second = archives.add("First"), archives.add("Second")
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    reference = store.delivery("First").reference
    if damage == "gone":
        os.remove(reference)
    elif damage == "too short":
        os.truncate(reference, 3)
    else:
        first.problem = Unavailable("down")
    assert archives.courier().deliver(log_id, "Second")
    assert second.content() == "one\nlate\n"


def test_no_plugin_of_today_has_the_expired_part(store: Store, archives: Archives, log_id: int) -> None:
    archives.add("First")
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    archives.plugins.clear()
    archives.add("Second")
    assert archives.deliver(log_id) == [False]
    assert store.delivery("Second").last_error.startswith("No plugin of the VO has the part of the log")


def test_a_plugin_of_the_past_gives_the_expired_part(store: Store, archives: Archives, log_id: int) -> None:
    """The VO has moved to another storage since; the old one still has the beginning."""
    former = archives.add("First")
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    archives.plugins.clear()
    second = archives.add("Second")
    courier = replace(archives.courier(), former={"First": former}.__getitem__)
    assert courier.deliver(log_id, "Second")
    assert second.content() == "one\nlate\n"
    assert store.record().state is LogState.ARCHIVED
    assert former.content() == "one\n", "nothing is written to it any more"


def test_a_plugin_of_the_past_that_is_not_installed_any_more(store: Store, archives: Archives, log_id: int) -> None:
    archives.add("First")
    archives.deliver(log_id)
    store.expire()
    store.send("late\n")
    archives.plugins.clear()
    archives.add("Second")

    def former(name: str) -> Any:
        raise ConfigurationError("/Operations/alpha/Pilot/LoggingPlugins", f"names {name}, which is not there.")

    assert not replace(archives.courier(), former=former).deliver(log_id, "Second")
    assert "it was stored by First: /Operations/alpha" in store.delivery("Second").last_error
    assert store.text() == "late\n"


# Several agents


def test_two_agents_at_once_do_each_log_once(store: Store, archives: Archives) -> None:
    folder = archives.add()
    make_logs(store, 12)
    with ThreadPoolExecutor(2) as agents:
        figures = list(agents.map(lambda owner: deliver_all(archives, owner), ("agent 1", "agent 2")))
    assert sorted(log.key.stamp for log in folder.stored) == [f"{number:032d}" for number in range(1, 13)]
    assert sum(each.get("delivered", 0) for each in figures) == 12
    assert not any(each.get("failed") for each in figures), "what the other one does is no failure"
    with store.database.reading() as connection:
        states = set(connection.execute(sql("SELECT State FROM PilotLogs")).scalars())
    assert states == {"Archived"}


def test_a_delivery_that_another_agent_has_is_left_to_it(store: Store, archives: Archives, log_id: int) -> None:
    folder = archives.add()
    meanwhile: list[bool] = []
    folder.during_store = lambda _log: meanwhile.append(archives.courier("agent 2").deliver(log_id, "Folder"))
    assert archives.courier("agent 1").deliver(log_id, "Folder")
    assert meanwhile == [None]
    assert len(folder.stored) == 1


def test_an_agent_that_lost_its_lease_confirms_nothing(store: Store, archives: Archives, log_id: int) -> None:
    """It was stopped for a while, and another one has done its work."""
    folder = archives.add()

    def slow(_log: ClosedLog) -> None:
        folder.during_store = lambda _log: None
        store.end_leases()
        assert archives.courier("agent 2").deliver(log_id, "Folder")

    folder.during_store = slow
    assert not archives.courier("agent 1").deliver(log_id, "Folder")
    assert store.delivery("Folder").state is DeliveryState.DELIVERED
    assert store.record().state is LogState.ARCHIVED
    assert folder.content() == "one\n"


def test_a_failure_of_an_agent_that_lost_its_lease_is_not_noted(store: Store, archives: Archives, log_id: int) -> None:
    folder = archives.add()

    def slow(_log: ClosedLog) -> None:
        folder.during_store = lambda _log: None
        store.end_leases()
        assert archives.courier("agent 2").deliver(log_id, "Folder")
        raise Unavailable("Too slow.")

    folder.during_store = slow
    assert not archives.courier("agent 1").deliver(log_id, "Folder")
    noted = store.delivery("Folder")
    assert (noted.state, noted.attempts) == (DeliveryState.DELIVERED, 0)


def test_a_lease_is_renewed_while_a_delivery_takes_long(store: Store, archives: Archives, log_id: int) -> None:
    folder = archives.add()

    def take_long(_log: ClosedLog) -> None:
        store.end_leases()
        deadline = time.monotonic() + 120
        while store.lease_has_ended("Folder"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert not archives.courier("agent 2").deliver(log_id, "Folder")

    folder.during_store = take_long
    assert archives.courier("agent 1", renew_seconds=0.02).deliver(log_id, "Folder")
    assert len(folder.stored) == 1


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_a_process_that_is_ended_gives_its_delivery_back(
    store: Store, archives: Archives, log_id: int, ending: type[BaseException]
) -> None:
    folder = archives.add()
    folder.problem = ending()
    with pytest.raises(ending):
        archives.deliver(log_id)
    folder.problem = None
    assert store.delivery("Folder").attempts == 0
    assert archives.courier("agent 2").deliver(log_id, "Folder"), "at once"


DELIVERING = """
import sys
from pathlib import Path
from sqlalchemy import make_url
from PilotLoggingDIRAC.deliver.contract import ArchivePlugin
from PilotLoggingDIRAC.deliver.courier import Courier
from PilotLoggingDIRAC.settings import Settings
from PilotLoggingDIRAC.store.engine import Database

class Hanging(ArchivePlugin):
    Settings = Settings
    def store(self, log, content):
        print("storing", flush=True)
        sys.stdin.read()
    fetch = locate = remove = None

database = Database(make_url(sys.argv[1]))
courier = Courier(database, {"Folder": Hanging("alpha", Settings())}, "killed", Path(sys.argv[3]))
courier.deliver(int(sys.argv[2]), "Folder")
"""


def test_a_process_that_is_killed_leaves_its_delivery_when_its_lease_ends(
    store: Store, archives: Archives, log_id: int, tmp_path: Path
) -> None:
    url = store.database.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", DELIVERING, url, str(log_id), str(tmp_path)],
        env={"PYTHONPATH": str(Path(errors.__file__).parent.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "storing\n"
    process.kill()
    process.communicate()
    folder = archives.add()
    assert archives.deliver(log_id) == [None]
    store.end_leases()
    assert archives.deliver(log_id) == [True]
    assert folder.content() == "one\n"


@pytest.mark.parametrize("backend", ["mariadb"], indirect=True)
def test_a_database_that_goes_away_during_a_delivery(
    archives: Archives, mariadb_server: MariaDB, store: Store, log_id: int
) -> None:
    """What was stored and could not be noted is stored again, without a second copy."""
    folder = archives.add()
    folder.during_store = lambda _log: mariadb_server.stop()
    try:
        with pytest.raises(Unavailable):
            archives.deliver(log_id)
    finally:
        mariadb_server.start()
    folder.during_store = lambda _log: None
    store.end_leases()
    assert archives.deliver(log_id) == [True]
    assert len(folder.files) == 1


# All that is due for a VO


def test_all_that_is_due_is_delivered_to_all(store: Store, archives: Archives) -> None:
    first, second = archives.add("First"), archives.add("Second")
    keys = make_logs(store, 5)
    make_logs(store, 1, vo="beta")
    store.send("open\n", key=store.new_key())
    assert deliver_all(archives) == {"delivered": 10}
    assert len(first.stored) == len(second.stored) == 5
    assert {store.record(key).state for key in keys} == {LogState.ARCHIVED}
    assert deliver_all(archives) == {}


def test_more_than_one_list_of_work(store: Store, archives: Archives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_round, "_AT_ONCE", 5)
    archives.add()
    make_logs(store, 12)
    assert deliver_all(archives) == {"delivered": 12}


def test_a_plugin_that_is_down_holds_up_no_other(store: Store, archives: Archives, storage_problem: Exception) -> None:
    first, second = archives.add("First"), archives.add("Second")
    first.problem = storage_problem
    keys = make_logs(store, 3)
    assert deliver_all(archives) == {"delivered": 3, "failed": 3}
    assert len(second.stored) == 3
    assert {store.record(key).state for key in keys} == {LogState.COMPLETE}
    first.problem = None
    assert deliver_all(archives) == {}, "the pauses"
    store.end_pauses()
    assert deliver_all(archives) == {"delivered": 3}
    assert {store.record(key).state for key in keys} == {LogState.ARCHIVED}
    assert len(second.stored) == 3


def test_a_plugin_that_is_slow_holds_up_no_other(store: Store, archives: Archives) -> None:
    """The first waits in its first log until the second has all of them."""
    first, second = archives.add("First"), archives.add("Second")
    make_logs(store, 3)
    all_done = threading.Event()
    second.during_store = lambda _log: all_done.set() if len(second.stored) == 2 else None
    first.during_store = lambda _log: all_done.wait(120) or pytest.fail("it was held up")
    assert deliver_all(archives) == {"delivered": 6}


def test_one_bad_log_holds_up_no_other(store: Store, archives: Archives) -> None:
    folder = archives.add()
    bad = make_logs(store, 3)[0]

    def refuse(log: ClosedLog) -> None:
        if log.key == bad:
            raise Unavailable("Refused by the catalogue.")

    folder.during_store = refuse
    assert deliver_all(archives) == {"delivered": 2, "failed": 1}


def test_a_log_is_delivered_once_a_round(store: Store, archives: Archives) -> None:
    """Also when a new line comes during each delivery: else one chatty log would be uploaded for ever."""
    folder = archives.add()
    (key,) = make_logs(store, 1)
    folder.during_store = lambda _log: store.send("late\n", key=key)
    assert deliver_all(archives, stopping=lambda: len(folder.stored) > 3) == {"delivered": 1}


def test_the_work_stops_between_two_logs(store: Store, archives: Archives) -> None:
    folder = archives.add()
    make_logs(store, 5)
    assert deliver_all(archives, stopping=lambda: len(folder.stored) >= 2) == {"delivered": 2}
    assert deliver_all(archives, stopping=lambda: True) == {}


def test_the_oldest_log_goes_first(store: Store, archives: Archives) -> None:
    folder = archives.add()
    keys = make_logs(store, 3)
    for key, hours in zip(keys, (1, 3, 2), strict=True):
        store.make_older(timedelta(hours=hours), key=key)
    deliver_all(archives)
    assert [log.key for log in folder.stored] == [keys[1], keys[2], keys[0]]


def test_both_plugins_of_a_log_confirm_at_the_same_moment(store: Store, archives: Archives) -> None:
    """One of the two sees that the log is archived now."""
    first, second = archives.add("First"), archives.add("Second")
    keys = make_logs(store, 10)
    together = threading.Barrier(2)
    first.during_store = second.during_store = lambda _log: together.wait(120)
    assert deliver_all(archives) == {"delivered": 20}
    assert {store.record(key).state for key in keys} == {LogState.ARCHIVED}


def test_an_unforeseen_end_of_a_round_is_said(store: Store, archives: Archives) -> None:
    archives.add()
    make_logs(store, 1)

    def stopping() -> bool:
        raise ZeroDivisionError("by accident")

    with pytest.raises(Unavailable, match=r"^Folder ended unexpectedly: ZeroDivisionError: by accident\.$"):
        deliver_due(archives.courier(), "alpha", stopping)


def test_a_database_that_is_away_ends_the_round(archives: Archives, tmp_path: Path) -> None:
    archives.add()
    archives.database = Database(archives.database.url.set(database=str(tmp_path / "no" / "folder")))
    with pytest.raises(Unavailable):
        deliver_all(archives)
