# SPDX-License-Identifier: GPL-3.0-only
"""Thousands of connections at once, without a server: who is turned away, who is closed, and does it ever end?"""

from __future__ import annotations

import random
from collections import deque

import pytest

from PilotLoggingDIRAC.https.connections import Connections

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Fake:
    """A connection; in a ``worth_keeping`` one there is work."""

    def __init__(self, worth_keeping: bool = True) -> None:
        self.worth_keeping = worth_keeping
        self.open = True

    def close(self) -> None:
        self.open = False


def fill(connections: Connections, count: int, address: str = HERE, worth_keeping: bool = True) -> list[Fake]:
    made = [Fake(worth_keeping) for _ in range(count)]
    for one in made:
        assert connections.admit(address)
        connections.opened(one, address)
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connections(clock: Clock) -> Connections:
    return Connections(100, 10, 20.0, 300.0, clock)


def test_the_newest_is_turned_away_while_the_oldest_is_young(connections: Connections, clock: Clock) -> None:
    waiting = fill(connections, 10)
    clock.now = 2.9
    assert not connections.admit(HERE)
    assert all(one.open for one in waiting)
    clock.now = 3.0
    assert connections.admit(HERE)
    assert [one.open for one in waiting] == [False] + 9 * [True]
    assert connections.metrics()["turnedAway"] == 1


def test_those_without_work_go_first_however_young(connections: Connections) -> None:
    working, idle = fill(connections, 5), fill(connections, 5, worth_keeping=False)
    for _ in range(5):
        assert connections.admit(HERE)
        connections.opened(Fake(), HERE)
    assert not any(one.open for one in idle)
    assert all(one.open for one in working)
    assert not connections.admit(HERE)


def test_whoever_has_few_takes_the_place_of_the_newest_of_those_who_have_many(connections: Connections) -> None:
    flood = fill(connections, 10, ELSEWHERE)
    for left in range(9, 4, -1):
        fill(connections, 1)
        assert [one.open for one in flood] == left * [True] + (10 - left) * [False]
    assert not connections.admit(HERE)  # five and five
    assert not connections.admit(ELSEWHERE)


def test_those_that_linger_give_way(connections: Connections) -> None:
    gone = fill(connections, 10)
    for one in gone:
        connections.replaced(one, Fake(worth_keeping=False), HERE)
    fill(connections, 10)


@pytest.mark.parametrize("clients", [800, 3000])
def test_a_storm_drains(clock: Clock, clients: int) -> None:
    """A server that does 250 handshakes a second; clients that try again after 1 s, then later and later."""
    connections = Connections(4000, 200, 20.0, 300.0, clock)
    chance = random.Random(1)
    coming = [(chance.random(), 1.0) for _ in range(clients)]
    line: deque[tuple[Fake, float]] = deque()
    served = 0
    while served < clients and clock.now < 60:
        clock.now += 0.004
        now, coming = [one for one in coming if one[0] <= clock.now], [one for one in coming if one[0] > clock.now]
        for _, pause in now:
            if connections.admit(HERE):
                one = Fake()
                connections.opened(one, HERE)
                line.append((one, pause))
            else:
                coming.append((clock.now + pause * chance.uniform(0.5, 1.5), min(2 * pause, 15.0)))
        while line:
            one, pause = line.popleft()
            if one.open:
                connections.closed(one)
                served += 1
                break
            coming.append((clock.now + pause, min(2 * pause, 15.0)))
    assert served == clients
