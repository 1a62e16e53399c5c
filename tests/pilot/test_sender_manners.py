# SPDX-License-Identifier: GPL-3.0-only
"""How the worker-node module treats collectors that are well, or ask for something."""

from __future__ import annotations

import itertools
import re
import time
from contextlib import ExitStack

from harness.waiting import until
from pilot.bad_collectors import World, behaviours
from pilot.bad_collectors.together import Together
from pilot.bad_collectors.world import (
    PATIENT,
    PROMPTLY,
    WAIT_FOR_GO,
    WARN_UNTIL_GO,
    ended,
    go,
    losses,
    numbers_in,
)

together = Together()

_WAITS = {"TEST_SHELL": WAIT_FOR_GO}


@together
def test_a_healthy_run_needs_one_connection(world: World) -> None:
    collector = world.collector()
    pilot = world.pilot([collector], ["Speak", "RunShell", "Speak"], PATIENT, exit=0, environment=_WAITS)
    with pilot.start() as running:
        until(lambda: collector.requests >= 3, what="text comes while it runs")
        go(pilot)
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert len(collector.connections) == 1
    assert collector.requests <= 4 + result.seconds, "about one a second"
    assert exit < PROMPTLY


@together
def test_a_connection_that_was_closed_while_idle_is_made_anew_at_once(world: World) -> None:
    collector = world.collector()
    pilot = world.pilot([collector], ["Speak", "RunShell"], PATIENT, exit=0, environment=_WAITS)
    with pilot.start() as running:
        until(lambda: collector.answers, what="the first answer")
        collector.drop_connections()
        dropped, before = time.monotonic(), collector.answers
        until(lambda: collector.answers > before, what="the next request")
        assert time.monotonic() - dropped < 60, "no time-out is waited for"
        go(pilot)
        result = running.wait()
    assert not losses(result, collector.shelf)
    assert len(collector.connections) == 2


@together
def test_a_collector_that_closes_after_each_reply_costs_a_connection_a_batch(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.CLOSES)
    pilot = world.pilot([collector], ["ManyLines"], PATIENT, exit=0, environment=_lines(60, 0.05))
    with pilot.start() as running:
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert len(collector.connections) == collector.requests == len(collector.shelf.received)
    assert exit < PROMPTLY


@together
def test_pilots_come_back_less_and_less_often_and_never_all_at_once(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(503))
    pilots = [world.pilot([collector], ["RunShell"], PATIENT, exit=0, environment=_WAITS) for _ in range(5)]

    def times() -> list[list[float]]:
        return [[attempt.when for attempt in collector.attempts if attempt.stamp == pilot.stamp] for pilot in pilots]

    with ExitStack() as started:
        running = [started.enter_context(pilot.start()) for pilot in pilots]
        until(lambda: all(len(row) >= 3 for row in times()), 30, "three attempts of each pilot")
        pauses = [[later - earlier for earlier, later in itertools.pairwise(row)] for row in times()]
        collector.behave(behaviours.GOOD)
        for pilot in pilots:
            go(pilot)
        for one in running:
            assert not losses(one.wait(), collector.shelf)
    for row in pauses:
        for number, pause in enumerate(row):
            assert 0.45 * 2**number <= pause <= 1.6 * 2**number + 40, pauses
    # Five that are drawn from a range are together in a twentieth of it once in 30,000 times; twice they are not.
    spread = [max(same) - min(same) for same in zip(*(row[:2] for row in pauses), strict=True)]
    assert any(width > 0.05 * 2**number for number, width in enumerate(spread)), pauses


@together
def test_retry_after_of_a_refusal_is_obeyed(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(503, "3"))
    pilot = world.pilot([collector], ["RunShell"], PATIENT, exit=0, environment=_WAITS)
    with pilot.start() as running:
        until(lambda: collector.answers, what="the first answer")
        collector.behave(behaviours.GOOD)
        until(lambda: collector.requests > 1, 30, "the second request")
        go(pilot)
        result = running.wait()
    assert not losses(result, collector.shelf)
    first, second = (attempt.when for attempt in collector.attempts[:2])
    assert 3 <= second - first < 60


@together
def test_the_pilot_does_not_wait_at_its_end_for_what_retry_after_says(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(503, "300"))
    pilot = world.pilot([collector], ["RunShell"], PATIENT, exit=0, environment=_WAITS)
    with pilot.start() as running:
        until(lambda: collector.answers, what="the first answer")
        collector.behave(behaviours.GOOD)
        go(pilot)
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert collector.requests <= 3
    assert exit < PROMPTLY


@together
def test_retry_after_of_a_good_answer_is_obeyed_but_not_at_the_end(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.good(retry_after=3))
    pilot = world.pilot([collector], ["RunShell"], PATIENT, exit=0, environment=_WAITS)
    with pilot.start() as running:
        until(lambda: collector.answers > 1, what="the second answer")
        collector.behave(behaviours.good(retry_after=2 * PROMPTLY))
        until(lambda: collector.answers > 2, what="the third answer")
        go(pilot)
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    times = [attempt.when for attempt in collector.attempts]
    assert all(later - earlier >= 3 for earlier, later in itertools.pairwise(times[:3]))
    assert exit < PROMPTLY


@together
def test_the_least_level_that_a_collector_asks_for_is_obeyed(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.good(minimum_level="WARN"))
    pilot = world.pilot([collector], ["RunShell", "Speak"], PATIENT, exit=0, environment={"TEST_SHELL": WARN_UNTIL_GO})
    with pilot.start() as running:
        until(lambda: collector.requests > 1, what="the second request: the answer to the first one was read")
        go(pilot)
        result = running.wait()
    text = collector.shelf.text_of(result.stamp)
    first, _, later = text.rpartition("[Test] waiting\n")
    assert re.search(r"Z INFO \[(?!PilotLogging)", first), "before anybody asked for anything"
    assert "] a warning" in later
    assert "] an error\n" in later
    assert not re.search(r"Z INFO \[(?!PilotLogging)", later)
    assert "] an info message" not in later
    assert collector.shelf.finals(result.stamp) == ["0"]


@together
def test_a_collector_may_take_its_wish_for_a_level_back(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.good(minimum_level="ERROR"))
    environment = {"TEST_SHELL": WARN_UNTIL_GO.replace("WARN", "ERROR")}
    pilot = world.pilot([collector], ["RunShell", "Speak"] * 2, PATIENT, exit=0, environment=environment)
    with pilot.start() as running:
        until(lambda: collector.requests > 1, what="the second request: the answer to the first one was read")
        go(pilot)
        until(lambda: running.said.count("] Executing command") == 2, what="the first Speak has spoken")
        collector.behave(behaviours.good(minimum_level="no such level"))
        before = collector.requests
        until(lambda: collector.requests > before + 2, what="a request after the answer to one of now was read")
        go(pilot)
        result = running.wait()
    assert result.output.count("] an info message") == 2
    text = collector.shelf.text_of(result.stamp)
    assert text.count("] an info message") == 1
    assert "] an info message" in text.rpartition("[Test] waiting\n")[2]


@together
def test_a_batch_that_is_too_large_is_sent_in_pieces(world: World) -> None:
    for by_status in (True, False):
        collector = world.collector()
        collector.behave(behaviours.limited(6000, by_status))
        pilot = world.pilot([collector], ["ManyLines"], exit=0, environment=_lines(500, 0))
        result = pilot.run()
        assert not losses(result, collector.shelf)
        assert max(len(batch.text) for batch in collector.shelf.received) <= 6000
        assert len(collector.shelf.received) > 3


@together
def test_a_batch_that_is_too_large_for_the_only_collector_that_lives_is_sent_in_pieces(world: World) -> None:
    collector, dead = world.collector(), world.collector()
    dead.stop()
    collector.behave(behaviours.limited(6000))
    pilot = world.pilot([dead, collector], ["ManyLines"], exit=0, environment=_lines(500, 0))
    assert not losses(pilot.run(), collector.shelf)


@together
def test_a_batch_that_is_refused_for_good_is_given_up_and_that_is_told(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.s_error(behaviours.REJECTED))
    environment = _lines(20, 0) | {"TEST_SHELL": WAIT_FOR_GO}
    pilot = world.pilot([collector], ["ManyLines", "RunShell", "Speak"], PATIENT, exit=0, environment=environment)
    with pilot.start() as running:
        until(lambda: collector.answers >= 4, what="the batch is tried again, lest that one collector was wrong")
        collector.behave(behaviours.GOOD)
        go(pilot)
        result, exit = ended(running)
    text = collector.shelf.text_of(result.stamp)
    told = re.findall(r" WARN \[PilotLogging\] (\d+) lines \(\d+ characters\) were refused here: (.*)", text)
    assert [reason for _, reason in told] == ["The test says no."]
    assert not numbers_in(text)
    later = result.output.index("] It ended with 0 and said")
    assert text.endswith(result.output[later:])
    refused = result.output[: result.output.index("] Executing command ")].count("\n")
    assert refused <= int(told[0][0]) <= result.output.count("\n", 0, later) + 1
    assert collector.shelf.finals(result.stamp) == ["0"]
    assert exit < PROMPTLY


@together
def test_who_the_pilot_is_is_told(world: World) -> None:
    collector = world.collector()
    result = world.pilot([collector], ["Speak"], exit=0).run()
    context = collector.shelf.context_of(result.stamp)
    assert context.pop("host")
    assert re.fullmatch(r"9\.1\.22 PilotLogging/\d+\.\d+\.\d+", context.pop("pilotVersion"))
    # DIRAC's own pilot takes the stamp for one where it knows of no batch system.
    assert context.pop("pilotReference", result.stamp) == result.stamp
    assert context == {"site": "LCG.Example.org", "ce": "ce.example.org", "queue": "long"}
    assert [bool(batch.context) for batch in collector.shelf.stored(result.stamp)][1:].count(True) == 0
    assert collector.attempts[0].subject[0] == "alpha_pilot"


def _lines(count: int, pause: float) -> dict[str, str]:
    return {"TEST_LINES": str(count), "TEST_PAUSE": str(pause)}
