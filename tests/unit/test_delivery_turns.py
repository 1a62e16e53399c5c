# SPDX-License-Identifier: GPL-3.0-only
"""Whose turn it is, with a clock that a test moves on."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from PilotLoggingDIRAC.deliver.fair_scheduler import FairScheduler

PLACES, TURN = 4, 60.0


@dataclass
class Site:
    """An agent and its VOs in simulated time.

    Attributes:
        call: How long one call of a VO's storage takes, in seconds.
        logs: How many logs of a VO wait.
    """

    call: dict[str, float]
    logs: dict[str, int]
    places: int = PLACES
    now: float = 0.0
    begun: list[tuple[float, str]] = field(default_factory=list)
    most_at_once: int = 0
    delivered: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.turns = FairScheduler(lambda: self.now)
        self._ends: list[tuple[float, str]] = []

    def run(self, until: float) -> None:
        """Let the agent work; each second it does what :class:`PilotLoggingAgent` does ten times a second."""
        while self.now < until:
            while self._ends and self._ends[0][0] <= self.now:
                _, vo = heapq.heappop(self._ends)
                self.turns.ended(vo, TURN, self.logs[vo] > 0)
            for vo, waiting in self.logs.items():
                if waiting:
                    self.turns.wait(vo)
            while vo := self.turns.next(self.places, TURN):
                self.begun.append((self.now, vo))
                heapq.heappush(self._ends, (self.now + self._work(vo), vo))
                self.most_at_once = max(self.most_at_once, len(self._ends))
            self.now += 1

    def _work(self, vo: str) -> float:
        """How long a process takes that begins no log after its turn."""
        took = 1.0
        while took <= TURN and self.logs[vo]:
            took += self.call[vo]
            self.logs[vo] -= 1
            self.delivered[vo] = self.delivered.get(vo, 0) + 1
        return took

    def waited(self, vo: str, since: float) -> float:
        """How long it took until a VO was served."""
        return next(begun for begun, name in self.begun if name == vo and begun >= since) - since


def slow_site(slow: int, call: float = 30.0, places: int = PLACES) -> Site:
    """So many VOs with slow storage and more logs than it can take, and a quick one, ``quick``."""
    names = [f"slow{number}" for number in range(slow)]
    return Site(dict.fromkeys(names, call) | {"quick": 0.1}, dict.fromkeys(names, 10_000) | {"quick": 0}, places=places)


def test_who_was_served_longest_ago_comes_next() -> None:
    clock = 0.0
    turns = FairScheduler(lambda: clock)
    for vo in "cab":
        turns.wait(vo)
    order = []
    for _ in range(6):
        clock += 1
        vo = turns.next(1, TURN)
        assert vo
        order.append(vo)
        assert turns.next(1, TURN) is None
        turns.ended(vo, TURN, False)
        turns.wait(vo)
    assert order == ["a", "b", "c", "a", "b", "c"]


def test_nobody_is_served_twice_at_once() -> None:
    turns = FairScheduler(lambda: 0.0)
    turns.wait("a")
    assert turns.next(4, TURN) == "a"
    turns.wait("a")
    assert turns.next(4, TURN) is None
    turns.ended("a", TURN, False)
    assert turns.next(4, TURN) == "a"
    assert turns


def test_who_has_left_is_not_served() -> None:
    turns = FairScheduler(lambda: 0.0)
    turns.wait("a")
    turns.leave("a")
    assert not turns
    assert turns.next(4, TURN) is None


def test_without_a_place_there_is_one_all_the_same() -> None:
    turns = FairScheduler(lambda: 0.0)
    turns.wait("a")
    assert turns.next(0, TURN) == "a"


def test_a_quick_vo_does_not_wait_for_six_slow_ones() -> None:
    site = slow_site(6)
    site.run(400)
    for minute in range(10, 60, 7):
        site.run(minute * 60.0)
        site.logs["quick"] = 5
        since = site.now
        site.run(since + 120)
        assert site.waited("quick", since) <= 1
        assert site.logs["quick"] == 0


def test_when_nobody_is_known_a_quick_vo_waits_for_one_turn_at_most() -> None:
    site = slow_site(6)
    site.run(5)
    site.logs["quick"] = 5
    site.run(200)
    assert site.waited("quick", 5) <= TURN + 1


def test_slow_vos_share_alike() -> None:
    site = slow_site(6)
    site.run(3600)
    shares = [site.delivered[f"slow{number}"] for number in range(6)]
    assert max(shares) - min(shares) <= 3
    assert sum(shares) >= 3 * 3600 / 30 * 0.9, "three places are used"
    assert site.most_at_once <= 2 * PLACES


def test_ten_vos_of_which_five_are_slow_all_go_on() -> None:
    site = slow_site(5)
    for number in range(5):
        site.call[f"quick{number}"] = 0.1
    for cycle in range(30):
        site.logs.update({f"quick{number}": 20 for number in range(5)})
        site.run(120.0 * (cycle + 1))
        assert all(site.logs[f"quick{number}"] == 0 for number in range(5))
    assert all(site.delivered[f"slow{number}"] > 50 for number in range(5))


def test_storage_that_hangs_takes_no_place_for_long() -> None:
    """Three VOs whose one transfer takes an hour, and two with much to do."""
    site = slow_site(3, call=3600.0)
    site.call |= {"much0": 0.1, "much1": 0.1}
    site.logs |= {"much0": 100_000, "much1": 100_000}
    site.run(1800)
    assert site.delivered["much0"] > 0.9 * 1800 / 0.1 * TURN / (TURN + 2)
    assert site.delivered["much1"] > 0.9 * 1800 / 0.1 * TURN / (TURN + 2)


def test_one_place_is_shared_too() -> None:
    site = slow_site(2, places=1)
    site.run(300)
    site.logs["quick"] = 5
    since = site.now
    site.run(600)
    assert site.waited("quick", since) <= TURN + 1
    assert site.most_at_once <= 2


def test_there_are_never_more_than_twice_as_many_processes() -> None:
    site = slow_site(20, call=3600.0)
    site.run(1800)
    assert site.most_at_once == 2 * PLACES
