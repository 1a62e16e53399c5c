# SPDX-License-Identifier: GPL-3.0-only
"""Several collectors, of which some are dead; collectors that come and go."""

from __future__ import annotations

import time

from harness.waiting import until
from pilot.bad_collectors import Collector, Shelf, World, behaviours
from pilot.bad_collectors.together import Together
from pilot.bad_collectors.world import (
    EXIT_TIME,
    HASTY,
    PATIENT,
    PROMPTLY,
    SOON,
    WAIT_FOR_GO,
    classic,
    ended,
    go,
    losses,
)
from pilot.harness import differences

together = Together()

_LINES = {"TEST_LINES": "60", "TEST_PAUSE": "0.05"}


@together
def test_a_collector_that_is_absent_at_the_start(world: World) -> None:
    collector = world.collector()
    collector.stop()
    with world.pilot([collector], ["Speak", "ManyLines"], exit=5, environment=_LINES).start() as running:
        running.wait_for("] line 30\n")
        collector.start()
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert exit < PROMPTLY


@together
def test_a_collector_that_is_absent_at_the_end(world: World) -> None:
    collector = world.collector()
    pilot = world.pilot([collector], ["Speak", "ManyLines"], HASTY, exit=5, environment=_LINES)
    with pilot.start() as running:
        until(lambda: collector.shelf.received, 30, "the first batch")
        running.wait_for("] line 30\n")
        collector.stop()
        result, exit = ended(running)
    assert result.status == 5
    assert exit < EXIT_TIME + SOON
    assert collector.shelf.finals(result.stamp) == []
    so_far = collector.shelf.text_of(result.stamp)
    assert so_far
    assert result.output.startswith(_without_first_line(so_far))
    # The next pilot in this directory brings the rest.
    collector.start()
    file = pilot.directory / "pilot.json"
    hasty = f'"RemoteLoggerExitTime": {EXIT_TIME}'
    assert hasty in file.read_text()
    file.write_text(file.read_text().replace(hasty, f'"RemoteLoggerExitTime": {2 * PROMPTLY}'))
    successor = pilot.run(stamp="b" * 32)
    assert not differences(result.output, collector.shelf.text_of(result.stamp))
    assert not losses(successor, collector.shelf)


@together
def test_a_collector_that_dies_in_between_and_comes_back_again_and_again(world: World) -> None:
    collector = world.collector()
    lines = {"TEST_LINES": "100", "TEST_PAUSE": "0.05"}
    with world.pilot([collector], ["Speak", "ManyLines"], exit=5, environment=lines).start() as running:
        for number in (10, 50, 90):
            running.wait_for(f"] line {number}\n")
            collector.stop()
            time.sleep(1)
            collector.start()
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert exit < PROMPTLY


@together
def test_of_three_collectors_two_are_dead(world: World) -> None:
    for behaviour in (None, behaviours.SILENT, behaviours.MUTE):
        living, *dead = _collectors(world, 3)
        for collector in dead:
            collector.behave(behaviour) if behaviour else collector.stop()
        environment = {"TEST_SHELL": WAIT_FOR_GO}
        pilot = world.pilot([*dead, living], ["Speak", "RunShell"], _SEVEN_SECONDS, exit=5, environment=environment)
        with pilot.start() as running:
            until(lambda living=living: living.shelf.received, what="the time-outs are over")
            go(pilot)
            result, exit = ended(running)
        assert not losses(result, living.shelf)
        assert exit < PROMPTLY
        assert len(living.connections) == 1, "it stays with the one that is well"


@together
def test_three_collectors_of_which_two_die(world: World) -> None:
    collectors = _collectors(world, 3)
    shelf = collectors[0].shelf
    pilot = world.pilot(collectors, ["Speak", "RunShell"], exit=5, environment={"TEST_SHELL": WAIT_FOR_GO})
    with pilot.start() as running:
        for _ in range(2):
            before = len(shelf.received)

            def takes(before: int = before) -> list[Collector]:
                new = {batch.collector for batch in shelf.received[before:]}
                return [collector for collector in collectors if collector.url in new]

            used = until(takes, what="a batch")[-1]
            used.stop()
            collectors.remove(used)
        go(pilot)
        result, exit = ended(running)
    assert not losses(result, shelf)
    assert len({batch.collector for batch in shelf.received}) == 3
    assert exit < PROMPTLY


@together
def test_the_one_that_can_be_reached_is_found_at_the_end(world: World) -> None:
    """Three that hang, each for the time that it has, must not use up the pilot's last seconds."""
    good, *hanging = _collectors(world, 4)
    good.stop()
    for collector in hanging:
        collector.behave(behaviours.MUTE)
    options = {"RemoteLoggerReplyTimeout": 100, "RemoteLoggerExitTime": 40}
    with world.pilot([*hanging, good], ["Speak", "Sleep"], options, exit=5, environment=_SHORT).start() as running:
        running.wait_for("] Awake")
        good.start()
        result, exit = ended(running)
    assert not losses(result, good.shelf)
    assert exit < 40 + SOON


@together
def test_pilots_spread_over_the_collectors(world: World) -> None:
    collectors = _collectors(world, 2)
    for _ in range(40):
        if all(collector.connections for collector in collectors):
            return
        result = world.pilot(collectors, ["Speak"], exit=0).run()
        assert not losses(result, collectors[0].shelf)
    raise AssertionError("forty pilots took the same of two collectors")


@together
def test_a_name_with_several_addresses_counts_as_several_collectors(world: World) -> None:
    first = world.collector(address="127.0.0.1")
    second = world.collector(first.shelf, address="127.0.0.2", port=first.port)
    names = world.new_folder()
    (names / "sitecustomize.py").write_text(_TWO_ADDRESSES)
    url = first.url.replace("127.0.0.1", "localhost")
    waits = {"TEST_SHELL": WAIT_FOR_GO, "PYTHONPATH": str(names)}
    pilot = world.pilot([url], ["Speak", "RunShell"], PATIENT, exit=5, environment=waits)
    with pilot.start() as running:
        until(lambda: first.shelf.received, 30, "the first batch")
        used = first if first.connections else second
        other = second if used is first else first
        assert not other.connections
        used.stop()
        go(pilot)
        result, exit = ended(running)
    assert not losses(result, first.shelf)
    assert other.connections
    assert exit < PROMPTLY


@together
def test_the_classic_output_does_not_show_any_of_this(world: World) -> None:
    living, dead = _collectors(world, 2)
    dead.stop()
    results = []
    for collectors in ([living, dead], [dead, living]):
        results.append(world.pilot(collectors, ["Speak"], exit=5).run())
    results.append(world.pilot([living, dead], ["Speak"], exit=5, module=None).run())
    outputs = {classic(result) for result in results}
    assert len(outputs) == 1


_SHORT = {"TEST_SECONDS": "1"}
_SEVEN_SECONDS = {"RemoteLoggerConnectTimeout": 7, "RemoteLoggerReplyTimeout": 7}
"""Soon over with those that are dead, and enough for one that is well on a busy machine."""
_TWO_ADDRESSES = """
import socket
real = socket.getaddrinfo

def getaddrinfo(host, *arguments, **options):
    found = []
    for address in ["127.0.0.1", "127.0.0.2"] if host == "localhost" else [host]:
        found += real(address, *arguments, **options)
    return found

socket.getaddrinfo = getaddrinfo
"""


def _collectors(world: World, count: int) -> list[Collector]:
    shelf = Shelf()
    return [world.collector(shelf) for _ in range(count)]


def _without_first_line(text: str) -> str:
    """Without the module's own line."""
    return text.partition("\n")[2]
