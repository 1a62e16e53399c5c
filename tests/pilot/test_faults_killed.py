# SPDX-License-Identifier: GPL-3.0-only
"""Pilots that are killed, what they leave behind, and who sends that; children, which never say goodbye."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from harness.waiting import until
from pilot.bad_collectors import Collector, World, behaviours
from pilot.bad_collectors.behaviours import Behaviour
from pilot.bad_collectors.together import Together
from pilot.bad_collectors.world import (
    EXIT_TIME,
    HASTY,
    PATIENT,
    PROMPTLY,
    SOON,
    WAIT_FOR_GO,
    ended,
    go,
    losses,
    numbers_in,
)
from pilot.harness import Pilot, differences

together = Together()

_FIRST, _SECOND, _THIRD = "1" * 32, "2" * 32, "3" * 32
_WAITS = {"TEST_SHELL": WAIT_FOR_GO}
_OWN = re.compile(r"\S+ [A-Z]+ \[PilotLogging\] ")
_LINES = {"TEST_LINES": "100000", "TEST_PAUSE": "0.01"}


@together
def test_all_but_the_last_seconds_of_a_killed_pilot_is_there(world: World) -> None:
    collector = world.collector()
    with world.pilot([collector], ["Speak", "ManyLines"], environment=_LINES).start() as running:
        running.wait_for("] line 150\n")
        stamp = running.stamp
        until(lambda: max(numbers_in(collector.shelf.text_of(stamp)), default=0) >= 150, what="it is there soon")
        running.send(signal.SIGKILL)
        result = running.wait()
    assert result.status == -signal.SIGKILL
    _is_beginning(result.output, collector.shelf.text_of(result.stamp))
    assert collector.shelf.finals(result.stamp) == []
    assert not collector.shelf.gaps(result.stamp)


@together
def test_what_a_killed_pilot_could_not_send_its_successor_sends_first(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    pilot = world.pilot([collector], ["Speak", "ManyLines"], environment=_LINES, stamp=_FIRST)
    said = _killed_when_spilled(pilot, "] line 150\n")
    collector.behave(behaviours.GOOD)
    _go_on_as(pilot, ["Speak"])
    successor = pilot.run(stamp=_SECOND)
    shelf = collector.shelf
    assert not losses(successor, shelf)
    _is_beginning(said, shelf.text_of(_FIRST))
    assert numbers_in(shelf.text_of(_FIRST))[-1] >= 100
    assert shelf.finals(_FIRST) == []
    assert [batch.stamp for batch in shelf.received] == sorted(batch.stamp for batch in shelf.received)
    assert not shelf.repeats
    assert not _spills(pilot)


@together
def test_what_was_on_its_way_when_the_pilot_was_killed_is_stored_once(world: World) -> None:
    """The collector had stored the batch, and the pilot never knew; its successor sends it with the same number."""
    collector = world.collector()
    collector.behave(behaviours.LOSES_REPLIES)
    pilot = world.pilot([collector], ["Speak", "ManyLines"], environment=_LINES, stamp=_FIRST)
    said = _killed_when_spilled(pilot, "] line 150\n")
    assert collector.shelf.received
    collector.behave(behaviours.GOOD)
    _go_on_as(pilot, ["Speak"])
    successor = pilot.run(stamp=_SECOND)
    assert not losses(successor, collector.shelf)
    _is_beginning(said, collector.shelf.text_of(_FIRST))
    numbers = numbers_in(collector.shelf.text_of(_FIRST))
    assert numbers == list(range(1, len(numbers) + 1))
    assert not collector.shelf.complaints


@together
def test_what_waits_because_a_collector_asked_for_patience_outlives_the_pilot(world: World) -> None:
    _patience(world, behaviours.good(retry_after=60))


@together
def test_what_waits_because_a_collector_refused_with_patience_outlives_the_pilot(world: World) -> None:
    _patience(world, behaviours.http_error(503, "60"))


def _patience(world: World, behaviour: Behaviour) -> None:
    collector = world.collector()
    collector.behave(behaviour)
    pilot = world.pilot([collector], ["Speak", "ManyLines"], environment=_LINES, stamp=_FIRST)
    with pilot.start() as running:
        until(lambda: collector.requests, 30, "the first batch")
        before = running.said.count("] line ")
        running.wait_for(f"] line {before + 150}\n")
        _wait_for_a_new_block(pilot)
        running.send(signal.SIGKILL)
        said = running.wait().output
    collector.behave(behaviours.GOOD)
    _go_on_as(pilot, ["Speak"])
    assert not losses(pilot.run(stamp=_SECOND), collector.shelf)
    _is_beginning(said, collector.shelf.text_of(_FIRST))
    assert numbers_in(collector.shelf.text_of(_FIRST))[-1] >= before + 100


@together
def test_two_dead_predecessors_one_after_the_other(world: World) -> None:
    """The second one had begun to send what the first one left."""
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    options = {"RemoteLoggerMemory": 64 * 1024}
    environment = _LINES | {"TEST_PAUSE": "0.0005"}
    pilot = world.pilot([collector], ["Speak", "ManyLines"], options, environment=environment, stamp=_FIRST)
    first = _killed_when_spilled(pilot, "] line 3000\n")
    assert len(_spills(pilot)) > 2
    shelf = collector.shelf
    collector.behave(behaviours.good(retry_after=0.5))
    _go_on_as(pilot, ["Speak", "Sleep"])
    with pilot.start(stamp=_SECOND) as running:
        until(lambda: len(shelf.received) >= 2, 30, "what the first one left")
        collector.behave(behaviours.LOSES_REPLIES)
        until(lambda: shelf.repeats > 1, 30, "a batch that had no number when the first one died is sent again")
        running.send(signal.SIGKILL)
        second = running.wait()
    collector.behave(behaviours.GOOD)
    _go_on_as(pilot, ["Speak"])
    third = pilot.run(stamp=_THIRD)
    assert not losses(third, shelf)
    _is_beginning(first, shelf.text_of(_FIRST))
    numbers = numbers_in(shelf.text_of(_FIRST))
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 1000
    _is_beginning(second.output, shelf.text_of(_SECOND))
    assert not shelf.complaints
    assert not _spills(pilot)


@together
def test_a_predecessor_that_lives_is_left_alone(world: World) -> None:
    mute, collector = world.collector(), world.collector()
    mute.behave(behaviours.http_error(500))
    pilot = world.pilot([mute], ["Speak", "RunShell"], environment=_WAITS, stamp=_FIRST)
    with pilot.start() as living:
        until(lambda: _spills(pilot), 30, "something is spilled")
        _go_on_as(pilot, ["Speak"], collector)
        second = pilot.run(stamp=_SECOND)
        assert not losses(second, collector.shelf)
        assert {batch.stamp for batch in collector.shelf.received} == {_SECOND}
        assert _spills(pilot)
        mute.behave(behaviours.GOOD)
        go(pilot)
        result = living.wait()
    assert not losses(result, mute.shelf)
    assert not _spills(pilot)


@together
def test_a_child_that_outlives_its_killed_pilot_does_not_keep_the_spill(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    environment = {"TEST_SECONDS": "60"}
    commands = ["Speak", "Sleep"]
    leave = Path(__file__).resolve().parent / "bad_collectors" / "LeaveCommands.py"
    pilot = world.pilot(
        [collector], ["Speak", "LeaveAChild", "Sleep"], environment=environment, stamp=_FIRST, extra=[leave]
    )
    with pilot.start() as running:
        running.wait_for("] The child is ")
        child = int(re.findall(r"The child is (\d+)", running.said)[0])
        until(lambda: collector.requests > 2, 30, "some attempts")
        running.send(signal.SIGKILL)
        said = running.wait().output
        os.kill(child, 0)
        collector.behave(behaviours.GOOD)
        _go_on_as(pilot, commands[:1])
        successor = pilot.run(stamp=_SECOND)
    assert not losses(successor, collector.shelf)
    assert collector.shelf.text_of(_FIRST)
    _is_beginning(said, collector.shelf.text_of(_FIRST))


@together
def test_a_damaged_spill_harms_nobody(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    options = {"RemoteLoggerMemory": 64 * 1024}
    environment = _LINES | {"TEST_PAUSE": "0.0005"}
    pilot = world.pilot([collector], ["Speak", "ManyLines"], options, environment=environment, stamp=_FIRST)
    _killed_when_spilled(pilot, "] line 3000\n")
    first, second, *others = _spills(pilot)
    assert others
    second.write_bytes(second.read_bytes()[: second.stat().st_size // 2])
    (first.parent / "00000001.part").write_bytes(b"half")
    (first.parent / "99999990.block").write_bytes(b"")
    (first.parent / "99999991.block").write_bytes(b"[1]\n\x00")
    (first.parent / "99999992.block").mkdir()
    (pilot.directory / ".pilotlogging-file").write_text("no folder")
    (pilot.directory / ".pilotlogging-link").symlink_to("/etc")
    (pilot.directory / ".pilotlogging-empty").mkdir()
    collector.behave(behaviours.GOOD)
    _go_on_as(pilot, ["Speak"])
    successor = pilot.run(stamp=_SECOND)
    assert not losses(successor, collector.shelf)
    numbers = numbers_in(collector.shelf.text_of(_FIRST))
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 1000
    assert (pilot.directory / ".pilotlogging-link").is_symlink()


@together
def test_children_never_say_goodbye(world: World) -> None:
    for how in ("log", "exit", "_exit", "raise", "exec"):
        collector = world.collector()
        commands = ["Speak", "Fork", "ForkAndExecute", "CallSystem"]
        pilot = world.pilot([collector], commands, PATIENT, exit=7, environment={"TEST_CHILD": how})
        with pilot.start() as running:
            result, exit = ended(running)
        assert result.status == 7
        assert collector.shelf.finals(result.stamp) == ["7"], how
        assert len({batch.session for batch in collector.shelf.received}) == 1, how
        assert len(collector.connections) == 1, how
        assert not collector.shelf.complaints, how
        assert exit < PROMPTLY, how
        assert result.seconds < 2 * PROMPTLY, "the children do not wait for a thread that they have not got"


@together
def test_a_child_that_is_killed_leaves_the_pilot_its_log(world: World) -> None:
    """A signal to a forked child ends the child, without a word to the collector."""
    collector = world.collector()
    leave = Path(__file__).resolve().parent / "bad_collectors" / "LeaveCommands.py"
    pilot = world.pilot([collector], ["LeaveAChild", "Sleep"], exit=7, environment={"TEST_SECONDS": "2"}, extra=[leave])
    with pilot.start() as running:
        running.wait_for("] Sleeping")
        child = int(re.findall(r"The child is (\d+)", running.said)[0])
        os.kill(child, signal.SIGTERM)
        result, _ = ended(running)
    assert result.status == 7
    assert not losses(result, collector.shelf)
    assert "Signal" not in collector.shelf.text_of(result.stamp)


@together
def test_a_signal_while_no_collector_can_be_reached_still_ends_the_pilot(world: World) -> None:
    collector = world.collector()
    collector.behave(behaviours.MUTE)
    with world.pilot([collector], ["Speak", "Sleep"], HASTY).start() as running:
        running.wait_for("] Sleeping")
        until(lambda: collector.requests, 30, "the first request")
        begun = time.monotonic()
        running.send(signal.SIGTERM)
        result = running.wait()
    assert time.monotonic() - begun < EXIT_TIME + SOON
    assert result.status == -signal.SIGTERM
    assert [name for name in result.left if name.startswith(".pilotlogging-")]


def _killed_when_spilled(pilot: Pilot, text: str) -> str:
    """Start a pilot, and kill it when it has said a text and has spilled; what it had said."""
    with pilot.start() as running:
        running.wait_for(text)
        _wait_for_a_new_block(pilot)
        running.send(signal.SIGKILL)
        return str(running.wait().output)


def _wait_for_a_new_block(pilot: Pilot) -> None:
    """Until what waits was brought to disk, and again: the first time it may have been read before this call, so the
    second time all is there that the pilot has said by now."""
    for _ in range(2):
        before = _written(pilot)
        until(lambda before=before: _written(pilot) - before, what="what waits is brought to disk")  # type: ignore[misc]


def _written(pilot: Pilot) -> set[int]:
    """The spill files, whatever their names are by now."""
    found = set()
    for file in _spills(pilot):
        with contextlib.suppress(FileNotFoundError):
            found.add(file.stat().st_ino)
    return found


def _go_on_as(pilot: Pilot, commands: list[str], collector: Collector | None = None) -> None:
    """What comes next in this directory runs other commands, and sends to another collector if one is given."""
    file = pilot.directory / "pilot.json"
    text = re.sub(r'"Defaults": "[^"]*"', f'"Defaults": "{",".join(commands)}"', file.read_text())
    if collector:
        text = re.sub(r'"RemoteLoggerURLs": "[^"]*"', f'"RemoteLoggerURLs": "{collector.url}"', text)
    file.write_text(text)


def _spills(pilot: Pilot) -> list[Path]:
    return sorted(pilot.directory.glob(".pilotlogging-*/*.block"))


def _is_beginning(classic: str, remote: str) -> None:
    """Whether a killed pilot's remote log begins as its classic one; it may end within a line, or be empty."""
    lines = [line for line in remote.splitlines(keepends=True) if not _OWN.match(line)]
    whole = classic.splitlines(keepends=True)[: len(lines)]
    if lines and not lines[-1].endswith("\n"):
        assert whole and whole.pop().startswith(lines.pop())
    assert not differences("".join(whole), "".join(lines))
