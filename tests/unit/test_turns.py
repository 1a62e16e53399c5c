# SPDX-License-Identifier: GPL-3.0-only
"""Who gets how much of what is done before a transaction."""

from __future__ import annotations

from dataclasses import dataclass

from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.store.turns import Turns


class Clock:
    """Each step takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Message:
    """Takes so many steps."""

    clock: Clock
    vo: str
    log: str
    steps: int = 1

    @property
    def key(self) -> LogKey:
        return LogKey(self.vo, self.log)

    def go_on(self) -> bool:
        self.clock.now += 1
        self.steps -= 1
        return self.steps <= 0


def test_what_takes_long_holds_up_its_own_log_only() -> None:
    clock = Clock()
    turns: Turns[Message] = Turns(turn=3.0, clock=clock, wall=clock)
    long, behind, beside = (Message(clock, "alpha", log, steps) for log, steps in (("1", 20), ("1", 1), ("2", 1)))
    others = [Message(clock, "beta", str(number)) for number in range(3)]
    assert turns.ready([long, behind, beside, *others]) == [beside, *others]
    later = Message(clock, "beta", "4")
    assert turns.ready([later]) == [later]
    rounds = 0
    order: list[Message] = []
    while turns:
        order += turns.ready([])
        rounds += 1
    assert order == [long, behind]
    assert rounds <= 5
    assert not turns.ready([])


def test_a_vo_gets_one_step_at_least_and_no_more_than_its_turn() -> None:
    clock = Clock()
    turns: Turns[Message] = Turns(turn=2.0, clock=clock, wall=clock)
    flood = [Message(clock, "alpha", str(number)) for number in range(10)]
    slow = Message(clock, "beta", "0", steps=12)
    assert turns.ready([slow, *flood]) == flood[:3]
    for _ in range(6):
        fresh = [Message(clock, "alpha", "new"), Message(clock, "beta", "new")]
        before = clock.now
        ready = turns.ready(fresh)
        assert clock.now - before <= 8, "two for all, two and a step for each"
        if slow in ready:
            break
    else:
        raise AssertionError("never its turn")


def test_what_has_to_come_again_comes_first_in_its_log() -> None:
    clock = Clock()
    turns: Turns[Message] = Turns(turn=100.0, clock=clock, wall=clock)
    first, second, third, other = (Message(clock, "alpha", log) for log in ("1", "1", "1", "2"))
    turns.put_back([first, second, other])
    ready = turns.ready([third])
    assert [message for message in ready if message.key.stamp == "1"] == [first, second, third]
    assert other in ready
