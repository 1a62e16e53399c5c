"""How the worker-node module treats collectors that are well, or ask for something."""

from __future__ import annotations

import itertools
import re
import time
from contextlib import ExitStack

from harness.waiting import until
from pilot.bad_collectors import World, behaviours
from pilot.bad_collectors.together import Together
from pilot.bad_collectors.world import PROMPTLY, WAIT_FOR_GO, ended, go, losses, numbers_in, world

__all__ = ["world"]

together = Together()


@together
def test_a_healthy_run_needs_one_connection(world: World) -> None:
    collector = world.collector()
    pilot = world.pilot([collector], ["Speak", "ManyLines", "Speak"], exit=0, environment=_lines(60, 0.05))
    with pilot.start() as running:
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert len(collector.connections) == 1
    assert 3 <= collector.requests <= 10
    assert exit < PROMPTLY


@together
def test_a_connection_that_was_closed_while_idle_is_made_anew_at_once(world: World) -> None:
    collector = world.collector()
    pilot = world.pilot([collector], ["Speak", "ManyLines"], exit=0, environment=_lines(80, 0.05))
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        time.sleep(0.2)
        collector.drop_connections()
        dropped = time.monotonic()
        until(lambda: collector.requests > 1, 30, "the second request")
        assert time.monotonic() - dropped < 6
        result = running.wait()
    assert not losses(result, collector.shelf)
    assert len(collector.connections) == 2


@together
def test_a_collector_that_closes_after_each_reply_costs_a_connection_a_batch(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.CLOSES)
    pilot = world.pilot([collector], ["ManyLines"], exit=0, environment=_lines(60, 0.05))
    with pilot.start() as running:
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert len(collector.connections) == collector.requests == len(collector.shelf.received)
    assert exit < PROMPTLY


@together
def test_pilots_come_back_less_and_less_often_and_never_all_at_once(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(503))
    waiting = {"TEST_SHELL": WAIT_FOR_GO}
    pilots = [world.pilot([collector], ["RunShell"], exit=0, environment=waiting) for _ in range(5)]

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
            assert 0.45 * 2**number <= pause <= 1.6 * 2**number + 4, pauses
    for number in range(2):
        same = [row[number] for row in pauses]
        assert max(same) - min(same) > 0.05 * 2**number, pauses


@together
def test_retry_after_of_a_refusal_is_obeyed(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(503, "3"))
    pilot = world.pilot([collector], ["RunShell"], exit=0, environment={"TEST_SHELL": WAIT_FOR_GO})
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        time.sleep(0.3)
        collector.behave(behaviours.GOOD)
        until(lambda: collector.requests > 1, 30, "the second request")
        go(pilot)
        result = running.wait()
    assert not losses(result, collector.shelf)
    first, second = (attempt.when for attempt in collector.attempts[:2])
    assert 3 <= second - first < 12


@together
def test_the_pilot_does_not_wait_at_its_end_for_what_retry_after_says(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(503, "300"))
    pilot = world.pilot([collector], ["Sleep"], exit=0, environment={"TEST_SECONDS": "2"})
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        time.sleep(0.3)
        collector.behave(behaviours.GOOD)
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert collector.requests <= 3
    assert exit < PROMPTLY


@together
def test_retry_after_of_a_good_answer_is_obeyed_but_not_at_the_end(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.good(retry_after=3))
    pilot = world.pilot([collector], ["RunShell"], exit=0, environment={"TEST_SHELL": WAIT_FOR_GO})
    with pilot.start() as running:
        until(lambda: collector.requests > 1, 30, "the second request")
        time.sleep(0.3)
        collector.behave(behaviours.good(retry_after=60))
        until(lambda: collector.requests > 2, 30, "the third request")
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
    pilot = world.pilot([collector], ["Speak", "Sleep", "Speak"], exit=0, environment={"TEST_SECONDS": "2.5"})
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        running.wait_for("] Awake")
        result = running.wait()
    text = collector.shelf.text_of(result.stamp)
    later = "".join(batch.text for batch in collector.shelf.stored(result.stamp)[1:])
    assert "] a warning" in later
    assert "] an error\n" in later
    assert not re.search(r"Z INFO \[(?!PilotLogging)", later)
    assert "] an info message" not in later
    assert "] an info message" in text
    assert collector.shelf.finals(result.stamp) == ["0"]


@together
def test_a_collector_may_take_its_wish_for_a_level_back(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.good(minimum_level="ERROR"))
    commands = ["Speak", "Sleep", "Speak", "Sleep", "Speak"]
    pilot = world.pilot([collector], commands, exit=0, environment={"TEST_SECONDS": "2.5"})
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first request")
        time.sleep(0.3)
        collector.behave(behaviours.good(minimum_level="no such level"))
        result = running.wait()
    said = [batch.text.count("] an info message") for batch in collector.shelf.stored(result.stamp)]
    assert said[0] == 1
    assert sum(said) == 2


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
    pilot = world.pilot([collector], ["ManyLines", "RunShell", "Speak"], exit=0, environment=environment)
    with pilot.start() as running:
        until(lambda: len(collector.attempts) >= 4, 30, "the batch is tried again, lest that one collector was wrong")
        time.sleep(0.3)
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
