# SPDX-License-Identifier: GPL-3.0-only
"""Collectors that answer wrongly, late or not at all: while they do, and when they come to their senses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from harness.waiting import until
from pilot.bad_collectors import Collector, World, behaviours
from pilot.bad_collectors.behaviours import UNAVAILABLE, Behaviour, http_error, s_error
from pilot.bad_collectors.world import (
    EXIT_TIME,
    HASTY,
    PROMPTLY,
    REST_UNTIL_GO,
    SOON,
    classic,
    ended,
    go,
    losses,
    numbers_in,
)
from pilot.harness import Result

FAULTS: dict[str, Behaviour] = {
    "accepts and says nothing": behaviours.SILENT,
    "never answers": behaviours.MUTE,
    "one byte a second": behaviours.TRICKLES,
    "500": http_error(500),
    "401": http_error(401),
    "404": http_error(404),
    "Unavailable": s_error(UNAVAILABLE),
    "another S_ERROR": s_error(1112),
    "S_ERROR without a number": s_error(None),
    "garbage": behaviours.GARBAGE,
    "not HTTP": behaviours.NOT_HTTP,
    "OK without a value": behaviours.NO_ANSWER,
    "OK and null": behaviours.NO_VALUE,
    "a list": behaviours.A_LIST,
    "nextSeq too small": behaviours.LOW_NEXT_SEQ,
    "endless head": behaviours.ENDLESS_HEAD,
    "endless header line": behaviours.ENDLESS_LINE,
    "endless body": behaviours.ENDLESS_BODY,
    "a body of a terabyte": behaviours.HUGE_LENGTH,
    "always 100 Continue": behaviours.CONTINUES,
    "closes in the middle of the request": behaviours.HALF,
    "loses its replies": behaviours.LOSES_REPLIES,
}
_LASTING = [
    "accepts and says nothing",
    "never answers",
    "one byte a second",
    "500",
    "Unavailable",
    "garbage",
    "OK without a value",
    "endless body",
    "always 100 Continue",
    "closes in the middle of the request",
    "loses its replies",
]
"""Those that pilots have to bear to their end."""

_COMMANDS = ["Speak", "ManyLines", "RunShell"]
_ENVIRONMENT = {"TEST_LINES": "300", "TEST_SHELL": REST_UNTIL_GO}
_EXIT_CODE = 3
_AT_ONCE = 8


@dataclass
class Outcome:
    """One pilot and its collector.

    Attributes:
        exit: Seconds from the last command's last word to the end of the pilot's process.
    """

    result: Result
    exit: float
    collector: Collector


Runs = dict[str, Future[Outcome]]


@dataclass
class Crowd:
    """All pilots of this module, side by side.

    Attributes:
        baseline: The pilot without the module.
        lasting: With a fault from before its start until after its end.
        healed: With a fault that is over while it still runs.
    """

    baseline: Future[Result]
    lasting: Runs
    healed: Runs


@pytest.fixture(scope="module")
def crowd(world: World) -> Iterator[Crowd]:
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        yield Crowd(
            workers.submit(_without_module, world),
            {name: workers.submit(_throughout, world, FAULTS[name]) for name in _LASTING},
            {name: workers.submit(_for_a_while, world, fault) for name, fault in FAULTS.items()},
        )


@pytest.fixture
def baseline(crowd: Crowd) -> Result:
    return crowd.baseline.result()


def _without_module(world: World) -> Result:
    pilot = world.pilot([world.collector()], _COMMANDS, exit=_EXIT_CODE, environment=_ENVIRONMENT, module=None)
    with pilot.start() as running:
        running.wait_for("] Executing command")
        go(pilot)
        return running.wait()


def _throughout(world: World, fault: Behaviour) -> Outcome:
    collector = world.collector()
    collector.behave(fault)
    pilot = world.pilot([collector], _COMMANDS, HASTY, exit=_EXIT_CODE, environment=_ENVIRONMENT)
    with pilot.start() as running:
        running.wait_for("] Executing command")
        until(lambda: collector.connections, what="the pilot meets the fault")
        time.sleep(2)  # it bears it for a while, before its end comes
        go(pilot)
        outcome = Outcome(*ended(running), collector)
    collector.stop()
    return outcome


def _for_a_while(world: World, fault: Behaviour) -> Outcome:
    collector = world.collector()
    collector.behave(fault)
    pilot = world.pilot([collector], _COMMANDS, exit=_EXIT_CODE, environment=_ENVIRONMENT)
    with pilot.start() as running:
        running.wait_for("] Executing command")
        until(lambda: collector.connections, what="the pilot meets the fault")
        time.sleep(0.5)
        collector.behave(behaviours.GOOD)
        go(pilot)
        return Outcome(*ended(running), collector)


@pytest.mark.parametrize("fault", _LASTING)
def test_does_the_pilot_no_harm(crowd: Crowd, baseline: Result, fault: str) -> None:
    outcome = crowd.lasting[fault].result()
    result = outcome.result
    assert outcome.collector.connections
    assert result.status == baseline.status == _EXIT_CODE
    assert classic(result) == classic(baseline)
    assert outcome.exit < EXIT_TIME + SOON
    assert result.cpu_seconds < baseline.cpu_seconds + 10, "it does not spin"
    assert result.memory_kib < baseline.memory_kib + 16 * 1024


@pytest.mark.parametrize("fault", [name for name in _LASTING if not FAULTS[name].stores])
def test_what_could_not_be_sent_waits_for_a_successor(crowd: Crowd, fault: str) -> None:
    outcome = crowd.lasting[fault].result()
    assert [name for name in outcome.result.left if name.startswith(".pilotlogging-")]
    assert not outcome.collector.shelf.received


@pytest.mark.parametrize("fault", FAULTS)
def test_not_a_line_is_lost_or_doubled_when_it_is_over(crowd: Crowd, baseline: Result, fault: str) -> None:
    outcome = crowd.healed[fault].result()
    assert not losses(outcome.result, outcome.collector.shelf)
    assert numbers_in(outcome.collector.shelf.text_of(outcome.result.stamp)) == list(range(1, 301))
    assert classic(outcome.result) == classic(baseline)
    assert outcome.exit < PROMPTLY
    assert not [name for name in outcome.result.left if name.startswith(".pilotlogging-")]
