# SPDX-License-Identifier: GPL-3.0-only
"""Storage that is down, comes and goes, or refuses one VO: days of an agent's work, by a clock that a test moves on."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import Connection

from PilotLoggingDIRAC.deliver.archive_round import FAILURE_THRESHOLD, InThisProcess
from PilotLoggingDIRAC.deliver.circuit_breaker import CircuitBreakers
from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ClosedLog
from PilotLoggingDIRAC.deliver.courier import Courier, note_lost
from PilotLoggingDIRAC.deliver.delivery_round import deliver_due
from PilotLoggingDIRAC.deliver.outcome import Round
from PilotLoggingDIRAC.errors import NotFound, Unavailable
from PilotLoggingDIRAC.model import Append, Final, LogKey
from PilotLoggingDIRAC.settings import Settings
from PilotLoggingDIRAC.store import deliveries, logs, schema
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.due import list_due
from PilotLoggingDIRAC.store.engine import Database

CYCLE = timedelta(minutes=4)
MORNING = datetime(2026, 6, 10, tzinfo=UTC)


class ClockedDatabase(Database):
    """PilotLogDB on a server whose clock a test sets."""

    time = MORNING

    def now(self, connection: Connection) -> datetime:
        return self.time


class Storage(ArchivePlugin[Settings]):
    """Remembers by number what it was asked to store; small, so that a test can see what the agent needs of memory.

    Attributes:
        problem: Says of a log what is wrong at the moment; None where it can be stored.
        calls: What :meth:`store` was asked for, in order: the log's number, and whether it was confirmed.
    """

    Settings = Settings

    def __init__(self, vo: str) -> None:
        super().__init__(vo, Settings())
        self.problem: Callable[[int], Exception | None] = lambda _number: None
        self.calls: list[tuple[int, bool]] = []

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        number = int(log.key.stamp)
        problem = self.problem(number)
        self.calls.append((number, problem is None))
        if problem:
            raise problem
        assert content.read() == b"text\n"
        return log.key.stamp

    def fetch(self, reference: str) -> AbstractContextManager[BinaryIO]:
        raise NotFound(reference)

    def locate(self, stamp: str) -> str | None:
        return None

    def remove(self, reference: str) -> None:
        raise AssertionError("There is no earlier copy.")

    @property
    def confirmed(self) -> list[int]:
        return [number for number, confirmed in self.calls if confirmed]

    @property
    def failed(self) -> list[int]:
        return [number for number, confirmed in self.calls if not confirmed]


class Site:
    """VOs with their storage, and an agent that looks at them every few minutes."""

    def __init__(self, database: ClockedDatabase, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.breakers = CircuitBreakers(lambda: self.database.time.timestamp())
        self.storage: dict[str, dict[str, Storage]] = {}
        self.logs = 0

    def vo(self, name: str, *plugins: str) -> dict[str, Storage]:
        self.storage[name] = {plugin: Storage(name) for plugin in plugins}
        return self.storage[name]

    def arrive(self, vo: str, number: int) -> range:
        """So many pilots end; gives the numbers of their logs."""
        numbers = range(self.logs, self.logs + number)
        self.logs += number
        appends = [Append(LogKey(vo, f"{n:032d}"), b"text\n", final=Final(0)) for n in numbers]
        self.database.transact(lambda connection: append_all(connection, appends, self.database.time))
        return numbers

    def cycle(self) -> dict[str, Round]:
        """What :class:`PilotLoggingAgent` does, without its processes."""
        self.database.time += CYCLE
        rounds = {}
        for vo, plugins in self.storage.items():
            courier = Courier(self.database, plugins, "agent", self.folder)
            thresholds = self.breakers.thresholds(vo, plugins)
            with self.database.reading() as connection:
                waiting = any(list_due(connection, vo, plugin, self.database.time, 1) for plugin in thresholds)
            if waiting:
                done = deliver_due(courier, vo, lambda: False, thresholds)
                self.breakers.note(vo, done.works, done.down)
                rounds[vo] = done
        return rounds

    def cycles_until_drained(self, storage: Storage, number: int) -> int:
        """How many cycles it takes until a storage has so many logs."""
        for cycles in range(1, 100):
            self.cycle()
            if len(storage.confirmed) == number:
                return cycles
        raise AssertionError(f"{len(storage.confirmed)} of {number} logs are delivered.")

    def ids(self, vo: str = "alpha") -> list[int]:
        """The logs of a VO, in the order in which they came."""
        with self.database.reading() as connection:
            found = (logs.find(connection, LogKey(vo, f"{number:032d}")) for number in range(self.logs))
            return [record.log_id for record in found if record]

    def pauses(self, vo: str = "alpha") -> list[timedelta]:
        """How long the logs of a VO still wait for their next attempt."""
        with self.database.reading() as connection:
            found = [deliveries.of_log(connection, log_id)[0] for log_id in self.ids(vo)]
        return [delivery.next_attempt - self.database.time for delivery in found]

    def _backlog(self) -> list[deliveries.Backlog]:
        plugins = {vo: list(plugins) for vo, plugins in self.storage.items()}
        with self.database.reading() as connection:
            return deliveries.backlog(connection, plugins)

    def backlog(self) -> int:
        return sum(entry.logs for entry in self._backlog())

    def last_error(self) -> str:
        (entry,) = self._backlog()
        return entry.last_error

    def states(self) -> dict[tuple[str, str], int]:
        with self.database.reading() as connection:
            return logs.count_states(connection)


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    clocked = ClockedDatabase(database.url)
    yield Site(clocked, tmp_path)
    clocked.close()


def down(_number: int) -> Exception:
    return Unavailable("The storage element does not answer.")


def up(_number: int) -> None:
    return None


def memory() -> int:
    """Bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_day_without_the_storage_of_one_vo(site: Site, backend: str) -> None:
    """Thousands of logs come meanwhile; those of another VO go on at full speed."""
    # On both databases the same happens: the large number shows that memory does not grow with it.
    number = 2000 if backend == "sqlite" else 300
    storage = site.vo("alpha", "Down")["Down"]
    others = site.vo("beta", "Down")["Down"]
    storage.problem = down
    for cycle in range(360):
        site.arrive("alpha", number * (cycle + 1) // 360 - number * cycle // 360)
        theirs = site.arrive("beta", 1) if cycle % 9 == 0 else range(0)
        site.cycle()
        assert others.confirmed[len(others.confirmed) - len(theirs) :] == list(theirs), "another VO is held up"
    assert site.backlog() == number
    assert len(storage.calls) < 400, "storage that is down is asked a few hundred times a day"
    assert max(Counter(storage.failed).values()) <= 3

    tried_before = set(storage.failed)
    never_tried = [number for number in range(site.logs) if number not in tried_before | set(others.confirmed)]
    storage.calls.clear()
    sizes = []

    def up_and_measured(_number: int) -> None:
        if len(storage.calls) % 100 == 0:
            sizes.append(memory())

    storage.problem = up_and_measured
    assert site.cycles_until_drained(storage, number) <= 3, "it is noticed within minutes, and then all is delivered"
    assert storage.confirmed[: len(never_tried)] == never_tried, "oldest first"
    # The first of these is the one whose pause ended first; then none of them has a pause any more.
    those_that_failed = storage.confirmed[len(never_tried) + 1 :]
    assert those_that_failed == sorted(those_that_failed)
    assert len(set(storage.confirmed)) == number
    assert storage.failed == []
    assert sizes[-1] - sizes[1] < 4 * 2**20
    assert site.states() == {("alpha", "Archived"): number, ("beta", "Archived"): 40}


def test_another_plugin_goes_on_while_one_is_down(site: Site) -> None:
    plugins = site.vo("alpha", "Down", "Up")
    plugins["Down"].problem = down
    for _ in range(30):
        mine = site.arrive("alpha", 2)
        site.cycle()
        assert plugins["Up"].confirmed[-2:] == list(mine)
    plugins["Down"].problem = up
    assert site.cycles_until_drained(plugins["Down"], 60) <= 3
    assert plugins["Up"].calls == [(number, True) for number in range(60)], "nothing is delivered as new twice"


def test_storage_that_comes_and_goes(site: Site) -> None:
    """Eight minutes down, twelve up."""
    storage = site.vo("alpha", "Flapping")["Flapping"]
    for cycle in range(50):
        storage.problem = down if cycle % 5 < 2 else up
        site.arrive("alpha", 4)
        site.cycle()
        if cycle % 5 == 4:
            assert site.backlog() == 0
    assert sorted(storage.confirmed) == list(range(200)), "each once"
    assert len(storage.failed) <= 10 * (FAILURE_THRESHOLD + 1)


def test_storage_that_refuses_one_vo(site: Site) -> None:
    refused, welcome = site.vo("alpha", "Shared")["Shared"], site.vo("beta", "Shared")["Shared"]
    refused.problem = lambda _number: PermissionError("VO alpha has no right here.")
    for _ in range(40):
        site.arrive("alpha", 2)
        theirs = site.arrive("beta", 2)
        site.cycle()
        assert welcome.confirmed[-2:] == list(theirs)
    assert len(refused.calls) <= FAILURE_THRESHOLD + 40
    assert "PermissionError: VO alpha has no right here." in site.last_error()
    refused.problem = up
    site.cycles_until_drained(refused, 80)
    assert site.backlog() == 0


def test_a_storage_that_confirms_too_late_is_asked_again_for_the_same_logs_only(site: Site) -> None:
    """The text was stored and the answer got lost: of some logs, once each."""
    storage = site.vo("alpha", "Lossy")["Lossy"]
    lost = {3, 7, 11}

    def problem(number: int) -> Exception | None:
        if number not in lost:
            return None
        lost.remove(number)
        return Unavailable("The answer was lost.")

    storage.problem = problem
    site.arrive("alpha", 20)
    site.cycles_until_drained(storage, 20)
    assert Counter(number for number, _ in storage.calls) == Counter([*range(20), 3, 7, 11])


def test_a_plugin_is_down_when_it_fails_with_log_after_log(site: Site) -> None:
    storage = site.vo("alpha", "Down")["Down"]
    storage.problem = down
    site.arrive("alpha", 10)
    done = site.cycle()["alpha"]
    assert (done.failed, done.down, done.works, done.unfinished) == (FAILURE_THRESHOLD, {"Down"}, set(), False)
    assert storage.failed == [0, 1, 2], "the others are left alone"
    with site.database.reading() as connection:
        assert deliveries.of_log(connection, max(list_due(connection, "alpha", "Down", site.database.time, 10))) == []


def test_failures_with_a_success_between_do_not_make_it_down(site: Site) -> None:
    storage = site.vo("alpha", "Picky")["Picky"]
    storage.problem = lambda number: down(number) if number % 3 else None
    site.arrive("alpha", 12)
    done = site.cycle()["alpha"]
    assert (done.delivered, done.failed, done.down) == (4, 8, set())


def test_logs_that_always_fail_keep_no_other_waiting(site: Site) -> None:
    """More of them than it takes to be down, and the oldest of all."""
    storage = site.vo("alpha", "Picky")["Picky"]
    site.arrive("alpha", 5)
    storage.problem = lambda number: down(number) if number < 5 else None
    for cycle in range(60):
        new = site.arrive("alpha", 1)
        site.cycle()
        if cycle > 6:
            assert storage.confirmed[-1:] == list(new)
    attempts = Counter(storage.failed)
    assert set(attempts) == set(range(5))
    assert all(count < 12 for count in attempts.values()), "their own pauses have grown"


def test_the_pauses_of_the_others_end_when_one_succeeds_that_had_failed(site: Site) -> None:
    """Two logs of a quiet VO, whose pauses have grown to an hour and do not end together."""
    storage = site.vo("alpha", "Down")["Down"]
    storage.problem = down
    site.arrive("alpha", 1)
    for _ in range(8):
        site.cycle()
    site.arrive("alpha", 1)
    for _ in range(60):
        site.cycle()
    # How far apart they end is chance.
    first, second = site.ids()
    with site.database.writing() as connection:
        for log_id, minutes in ((first, 10), (second, 50)):
            of_log = schema.deliveries.update().where(schema.deliveries.c.LogID == log_id)
            connection.execute(of_log.values(NextAttempt=site.database.time + timedelta(minutes=minutes)))
    storage.problem = up
    while not storage.confirmed:
        assert sorted(site.pauses())[-1] > timedelta(minutes=30)
        site.cycle()
    assert len(storage.confirmed) == 2, "both in the same cycle"


def test_a_log_that_alone_fails_for_ever_keeps_its_growing_pause(site: Site) -> None:
    """Though others of the VO are delivered all the time, and never failed."""
    storage = site.vo("alpha", "Picky")["Picky"]
    storage.problem = lambda number: None if number else down(number)
    for cycle in range(240):
        if cycle % 4 == 0:
            site.arrive("alpha", 1)
        site.cycle()
    assert len(storage.confirmed) == 59
    # The shortest pauses that jitter can make end after 1, 1, 1, 2, 3, 6 cycles, and then 12 each time.
    assert len(storage.failed) <= 7 + (240 - 15) // 12, "16 hours: some minutes at first, an hour in the end"


def test_a_plugin_that_is_down_is_asked_with_one_log_after_a_pause() -> None:
    now = 0.0
    breakers = CircuitBreakers(lambda: now)
    assert breakers.thresholds("alpha", ["A", "B"]) == {"A": FAILURE_THRESHOLD, "B": FAILURE_THRESHOLD}
    pauses = []
    for _ in range(6):
        breakers.note("alpha", ["B"], ["A"])
        assert breakers.thresholds("alpha", ["A", "B"]) == {"B": FAILURE_THRESHOLD}
        assert breakers.thresholds("beta", ["A"]) == {"A": FAILURE_THRESHOLD}
        begun = now
        while "A" not in breakers.thresholds("alpha", ["A", "B"]):
            now += 1
        assert breakers.thresholds("alpha", ["A"]) == {"A": 1}
        pauses.append(now - begun)
    for pause, longest in zip(pauses, (60, 120, 240, 300, 300, 300), strict=True):
        assert 0.7 * longest < pause <= longest
    breakers.note("alpha", ["A"], [])
    assert breakers.thresholds("alpha", ["A"]) == {"A": FAILURE_THRESHOLD}


def test_a_plugin_that_works_and_goes_down_in_one_round_has_a_short_pause_again() -> None:
    now = 0.0
    breakers = CircuitBreakers(lambda: now)
    for _ in range(5):
        breakers.note("alpha", [], ["A"])
    breakers.note("alpha", ["A"], ["A"])
    now += 61
    assert breakers.thresholds("alpha", ["A"]) == {"A": 1}


def test_a_round_serves_the_plugins_that_it_is_told(site: Site) -> None:
    plugins = site.vo("alpha", "A", "B")
    site.arrive("alpha", 2)
    courier = Courier(site.database, plugins, "agent", site.folder)
    done = deliver_due(courier, "alpha", lambda: False, {"B": 1, "Gone": 1})
    assert (done.delivered, done.works) == (2, {"B"})
    assert plugins["A"].calls == []


def test_a_round_that_works_again_has_its_patience_back(site: Site) -> None:
    storage = site.vo("alpha", "A")["A"]
    storage.problem = lambda number: down(number) if number in (1, 2) else None
    site.arrive("alpha", 5)
    done = deliver_due(
        Courier(site.database, site.storage["alpha"], "agent", site.folder), "alpha", lambda: False, {"A": 1}
    )
    assert (done.delivered, done.failed, done.down) == (3, 2, set())


def test_a_round_that_is_stopped_is_unfinished(site: Site) -> None:
    storage = site.vo("alpha", "A")["A"]
    site.arrive("alpha", 5)
    courier = Courier(site.database, site.storage["alpha"], "agent", site.folder)
    assert deliver_due(courier, "alpha", lambda: len(storage.calls) >= 2).unfinished
    assert not deliver_due(courier, "alpha", lambda: len(storage.calls) >= 5).unfinished


def deliver_with_eight(site: Site, thresholds: dict[str, int] | None = None) -> Round:
    """A round in which eight carriers serve plugin A of VO alpha."""
    couriers = [Courier(site.database, site.storage["alpha"], "agent", site.folder) for _ in range(8)]
    carriers = {"A": [InThisProcess(courier, "A") for courier in couriers]}
    return deliver_due(couriers[0], "alpha", lambda: False, thresholds, carriers=carriers)


def test_of_several_at_once_each_log_is_carried_once_and_begun_in_its_order(site: Site) -> None:
    storage = site.vo("alpha", "A")["A"]
    site.arrive("alpha", 100)
    all_in = threading.Barrier(8, timeout=120)

    def wait_for_eight(number: int) -> Exception | None:
        if number < 8:
            all_in.wait()
        return None

    storage.problem = wait_for_eight
    done = deliver_with_eight(site)
    assert done == Round(delivered=100, works={"A"})
    assert sorted(storage.confirmed) == list(range(100))


def test_several_at_once_begin_no_more_when_the_archive_is_down(site: Site) -> None:
    storage = site.vo("alpha", "A")["A"]
    storage.problem = down
    site.arrive("alpha", 100)
    done = deliver_with_eight(site)
    assert (done.down, done.delivered) == ({"A"}, 0)
    assert FAILURE_THRESHOLD <= done.failed == len(storage.calls) < FAILURE_THRESHOLD + 8


@pytest.mark.parametrize("still_down", [True, False])
def test_an_archive_that_was_down_is_tried_with_one_log_before_several_go_there(site: Site, still_down: bool) -> None:
    storage = site.vo("alpha", "A")["A"]
    site.arrive("alpha", 100)
    most, in_hand, lock = [0, 0], Counter[str](), threading.Lock()
    behind_the_first = threading.Barrier(8, timeout=120)

    def note(number: int) -> Exception | None:
        with lock:
            in_hand["now"] += 1
            most[number > 0] = max(most[number > 0], in_hand["now"])
        if 0 < number < 9:
            behind_the_first.wait()
        with lock:
            in_hand["now"] -= 1
        return down(number) if still_down else None

    storage.problem = note
    done = deliver_with_eight(site, {"A": 1})
    if still_down:
        assert (done.failed, done.down, most) == (1, {"A"}, [1, 0])
    else:
        assert (done.delivered, done.down, most) == (100, set(), [1, 8])


def test_several_at_once_carry_what_had_to_wait_for_its_pause_as_soon_as_one_arrives(site: Site) -> None:
    storage = site.vo("alpha", "A")["A"]
    storage.problem = down
    site.arrive("alpha", 40)
    while len(storage.failed) < 40:
        deliver_with_eight(site)  # each time some of them get a pause
    storage.problem = up
    with site.database.writing() as connection:
        first = deliveries.of(site.ids()[0], "A")
        connection.execute(schema.deliveries.update().where(first).values(NextAttempt=site.database.time))
    deliver_with_eight(site)
    assert sorted(storage.confirmed) == list(range(40))


def test_a_plugin_goes_on_while_another_one_hangs_beyond_the_turn(site: Site) -> None:
    """Their process has to wait for it, so that new logs go to the other plugin meanwhile."""
    hangs, quick = site.vo("alpha", "Hangs", "Quick").values()
    site.arrive("alpha", 2)
    begun, all_done, turn_is_over = threading.Event(), threading.Event(), threading.Event()

    def hang(_number: int) -> Exception | None:
        begun.set()
        return None if all_done.wait(120) else down(0)

    hangs.problem = hang

    def new_log_after_the_turn(number: int) -> None:
        if number == 1:
            assert begun.wait(120)
            turn_is_over.set()
            site.arrive("alpha", 1)
        if number == 2:
            all_done.set()

    quick.problem = new_log_after_the_turn
    courier = Courier(site.database, site.storage["alpha"], "agent", site.folder)
    done = deliver_due(courier, "alpha", lambda: False, turn_is_over=turn_is_over.is_set)
    assert quick.confirmed == [0, 1, 2]
    assert hangs.calls == [(0, True)], "its own turn is over"
    assert done.unfinished


def test_plugins_do_not_keep_each_other_at_work_beyond_the_turn(site: Site) -> None:
    plugins = site.vo("alpha", "A", "B")
    site.arrive("alpha", 50)
    courier = Courier(site.database, plugins, "agent", site.folder)
    done = deliver_due(
        courier, "alpha", lambda: False, turn_is_over=lambda: len(plugins["A"].calls) + len(plugins["B"].calls) >= 10
    )
    # Whoever is stopped in the middle of a log that it began within the turn lets the other one go on meanwhile; it
    # begins no other itself.
    calls = sorted(len(plugin.calls) for plugin in plugins.values())
    assert calls[0] <= 10
    assert 10 <= sum(calls) == done.delivered <= 60, "of a hundred"
    assert done.unfinished


def test_a_log_with_which_a_process_crashed_counts_as_failed(site: Site) -> None:
    """Else it would be the first again, and the process would crash again."""
    site.vo("alpha", "A")
    site.arrive("alpha", 2)
    first, second = site.ids()
    with site.database.writing() as connection:
        assert deliveries.claim(connection, first, "A", "crashed", site.database.time, timedelta(minutes=5))
    (lost,) = note_lost(site.database, "crashed", "It ended with exit code -11.")
    assert (lost.log_id, lost.plugin) == (first, "A")
    with site.database.reading() as connection:
        (noted,) = deliveries.of_log(connection, first)
        assert (noted.attempts, noted.last_error) == (1, "It ended with exit code -11.")
        assert noted.next_attempt > site.database.time
        assert list_due(connection, "alpha", "A", site.database.time + timedelta(minutes=2), 10) == [second, first]
    assert note_lost(site.database, "crashed", "again") == []
