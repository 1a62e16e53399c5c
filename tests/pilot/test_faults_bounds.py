# SPDX-License-Identifier: GPL-3.0-only
"""Bounds: memory, spill, disk and time, whatever the pilot says and however long nobody listens."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.waiting import PATIENCE, until
from pilot.bad_collectors import World, behaviours
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
from pilot.harness import Pilot, Running

together = Together()

_MIB = 1024
"""In KiB."""

_NOISE = Path(__file__).resolve().parent / "bad_collectors" / "NoiseCommands.py"
_MARKER = re.compile(r"Z WARN \[PilotLogging\] (\d+) lines \((\d+) bytes\) were left out here")


@together
def test_fifty_thousand_lines_in_a_second(world: World) -> None:
    _many_lines(world, "print")


@together
def test_fifty_thousand_lines_in_a_second_of_a_command(world: World) -> None:
    _many_lines(world, "shell")


@together
def test_fifty_thousand_lines_in_a_second_through_a_pipe(world: World) -> None:
    _many_lines(world, "print", python=world.python_with_a_pipe())


def _many_lines(world: World, by: str, **more: Any) -> None:
    results = []
    environment = {"TEST_LINES": "50000", "TEST_BY": by}
    collector = world.collector()
    for module in ({"module": None}, {}):
        pilot = world.pilot([collector], ["ManyLines"], PATIENT, exit=0, environment=environment, **more, **module)
        with pilot.start() as running:
            results.append(ended(running))
    (baseline, _), (result, exit) = results
    assert not losses(result, collector.shelf)
    assert numbers_in(collector.shelf.text_of(result.stamp)) == list(range(1, 50001))
    assert len(collector.connections) == 1
    assert exit < PROMPTLY
    assert result.seconds < baseline.seconds + PROMPTLY
    assert result.cpu_seconds < baseline.cpu_seconds + 10
    assert result.memory_kib < baseline.memory_kib + 24 * _MIB


@together
def test_a_line_of_a_hundred_megabytes(world: World) -> None:
    results = []
    environment = {"TEST_BYTES": str(100 * 10**6), "TEST_SHELL": "echo behind the long line"}
    collector = world.collector()
    for module in ({"module": None}, {}):
        pilot = world.pilot(
            [collector],
            ["LongLine", "CallSystem"],
            PATIENT,  # it takes 8 s where nothing else runs
            exit=0,
            environment=environment,
            **module,
        )
        results.append(pilot.run())
    baseline, result = results
    assert not losses(result, collector.shelf)
    assert max(len(batch.text) for batch in collector.shelf.received) <= 1024 * 1024
    assert result.seconds < baseline.seconds + 110, "not all of its exit time"
    assert result.memory_kib < baseline.memory_kib + 32 * _MIB


@together
def test_memory_and_spill_are_bounded_and_markers_say_what_went(world: World) -> None:
    _outage(world)


@together
def test_memory_and_spill_are_bounded_where_the_output_is_a_pipe(world: World) -> None:
    _outage(world, python=world.python_with_a_pipe())


def _outage(world: World, **more: Any) -> None:
    """Thirty thousand random lines, 1.9 MB, with 64 KiB of memory and 256 KiB of spill."""
    memory, spill = 64 * 1024, 256 * 1024
    options = {"RemoteLoggerMemory": memory, "RemoteLoggerSpill": spill}
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    environment = {"TEST_SHELL": WAIT_FOR_GO, "TEST_LINES": "30000"}
    more |= {"environment": environment, "extra": [_NOISE], "exit": 6}
    pilot = world.pilot([collector], ["Speak", "Noise", "RunShell"], options, **more)
    bare = world.pilot([collector], ["Speak", "Noise"], options, module=None, **more)
    with pilot.start() as running:
        largest = _largest_spill(pilot, running, "] Noise ends", spill * 0.8)
        collector.behave(behaviours.GOOD)
        until(lambda: collector.shelf.received, 30, "the collector is found again")
        go(pilot)
        result, _ = ended(running)
    assert result.status == 6
    assert spill * 0.8 < largest <= spill + 4096
    assert result.memory_kib < bare.run().memory_kib + 16 * _MIB
    assert not [name for name in result.left if name.startswith(".pilotlogging-")]

    text = collector.shelf.text_of(result.stamp)
    assert not collector.shelf.complaints
    assert not collector.shelf.gaps(result.stamp)
    assert collector.shelf.finals(result.stamp) == ["6"]
    assert 1 <= len(_MARKER.findall(text)) <= 8, "of more than a hundred blocks that were left out"
    kept = _check_markers(result.output.encode(), text.partition("\n")[2].encode())
    assert kept > memory, "what is latest is kept"


def _check_markers(classic: bytes, remote: bytes) -> int:
    """Walk through both logs: what a marker says is missing is missing, and nothing else is.

    Returns:
        The bytes behind the last marker.
    """
    place = 0
    pieces = re.split(rb"(?m)^\S+Z WARN \[PilotLogging\] (\d+) lines \((\d+) bytes\) were left out here.*\n", remote)
    for number in range(0, len(pieces), 3):
        piece = pieces[number]
        assert classic[place : place + len(piece)] == piece
        place += len(piece)
        if number + 2 < len(pieces):
            lines, size = int(pieces[number + 1]), int(pieces[number + 2])
            assert classic.count(b"\n", place, place + size) == lines
            place += size
    assert place == len(classic)
    return len(pieces[-1])


@together
def test_without_any_spill_the_memory_alone_is_used(world: World) -> None:
    options = {"RemoteLoggerMemory": 64 * 1024, "RemoteLoggerSpill": 0}
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    environment = {"TEST_SHELL": WAIT_FOR_GO, "TEST_LINES": "10000"}
    pilot = world.pilot([collector], ["Noise", "RunShell"], options, exit=6, environment=environment, extra=[_NOISE])
    with pilot.start() as running:
        assert _largest_spill(pilot, running, "] Noise ends", 0) == 0
        until(lambda: collector.requests > 2, 30, "some attempts")
        assert _spilled(pilot) == 0
        collector.behave(behaviours.GOOD)
        until(lambda: collector.shelf.received, 30, "the collector is found again")
        go(pilot)
        result = running.wait()
    text = collector.shelf.text_of(result.stamp)
    assert _MARKER.findall(text)
    _check_markers(result.output.encode(), text.partition("\n")[2].encode())


@together
def test_the_spill_of_a_directory_that_cannot_be_written_to(world: World) -> None:
    """Root, who may run the tests, may write everywhere: so the call itself is refused."""
    options = {"RemoteLoggerMemory": 64 * 1024}
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    broken = world.new_folder()
    (broken / "sitecustomize.py").write_text(_NO_FOLDERS)
    environment = {"TEST_SHELL": WAIT_FOR_GO, "TEST_LINES": "10000", "PYTHONPATH": str(broken)}
    pilot = world.pilot([collector], ["Noise", "RunShell"], options, exit=6, environment=environment, extra=[_NOISE])
    with pilot.start() as running:
        running.wait_for("] Noise ends")
        collector.behave(behaviours.GOOD)
        until(lambda: collector.shelf.received, 30, "the collector is found again")
        go(pilot)
        result = running.wait()
    assert result.status == 6
    text = collector.shelf.text_of(result.stamp)
    assert _MARKER.findall(text)
    _check_markers(result.output.encode(), text.partition("\n")[2].encode())
    assert collector.shelf.finals(result.stamp) == ["6"]


@together
def test_a_disk_that_runs_full(world: World) -> None:
    """The spill must not take the last byte: the pilot itself needs some for pilot.out."""
    options = {"RemoteLoggerMemory": 64 * 1024}
    collector = world.collector()
    collector.behave(behaviours.http_error(500))
    environment = {"TEST_SHELL": WAIT_FOR_GO, "TEST_LINES": "30000"}
    pilot = world.pilot([collector], ["Noise", "RunShell"], options, exit=6, environment=environment, extra=[_NOISE])
    with _small_disk(pilot, kib=1024), pilot.start() as running:
        running.wait_for("] Noise ends")
        collector.behave(behaviours.GOOD)
        until(lambda: collector.shelf.received, 30, "the collector is found again")
        go(pilot)
        result = running.wait()
    assert result.status == 6, result.output[-3000:]
    text = collector.shelf.text_of(result.stamp)
    assert _MARKER.findall(text)
    _check_markers(result.output.encode(), text.partition("\n")[2].encode())
    assert collector.shelf.finals(result.stamp) == ["6"]
    assert "Remote logging is off" not in result.output


@together
def test_a_disk_that_is_full_from_the_start(world: World) -> None:
    """A pilot without pilot.out does not get far, with or without the module: both end alike."""
    outputs = []
    for module in ({"module": None}, {}):
        collector = world.collector()
        collector.stop()
        pilot = world.pilot([collector], ["Speak"], HASTY, exit=6, **module)
        with _small_disk(pilot, kib=256) as disk:
            with (disk / "filler").open("wb", buffering=0) as filler:
                with pytest.raises(OSError):
                    while True:
                        filler.write(b"x" * 4096)
            outputs.append(pilot.run())
    bare, result = outputs
    assert result.status == bare.status
    assert result.seconds < bare.seconds + EXIT_TIME + SOON
    assert result.output.splitlines()[-1] == bare.output.splitlines()[-1]


@together
def test_a_clock_that_jumps(world: World) -> None:
    """By years, forwards and backwards, at each look at it."""
    broken = world.new_folder()
    (broken / "sitecustomize.py").write_text(_JUMPING_CLOCK)
    collector = world.collector()
    lines = {"TEST_LINES": "60", "TEST_PAUSE": "0.05", "PYTHONPATH": str(broken)}
    pilot = world.pilot([collector], ["Speak", "ManyLines"], exit=6, environment=lines)
    with pilot.start() as running:
        running.wait_for("] line 30\n")
        collector.stop()
        time.sleep(1)
        collector.start()
        result, exit = ended(running)
    assert not losses(result, collector.shelf)
    assert collector.requests <= 6 + result.seconds, "about one a second, and no more for each jump"
    assert exit < PROMPTLY


@together
def test_libraries_that_take_their_time_do_not_crash_the_pilot_at_its_end(world: World) -> None:
    """The thread that sends may be within OpenSSL for long, as with a CA directory on a file system that hangs."""
    folder = world.new_folder()
    slow = folder / "many-authorities.pem"
    certificates = b"".join(file.read_bytes() for file in world.layout.users.glob("*.cert.pem"))
    slow.write_bytes(certificates * 1500)
    collector = world.collector()
    collector.behave(behaviours.s_error(None))
    environment = {"SSL_CERT_FILE": str(slow)}
    options = {"RemoteLoggerExitTime": 1}
    for _ in range(2):
        pilots = [world.pilot([collector], ["Speak"], options, exit=6, environment=environment) for _ in range(3)]
        running = [pilot.start() for pilot in pilots]
        assert [one.wait().status for one in running] == [6, 6, 6]


_JUMPING_CLOCK = """
import random, time
real = time.time
time.time = lambda: real() + random.choice((-1e9, 0, 1e9))
"""

_NO_FOLDERS = """
import os
real = os.mkdir

def mkdir(path, *arguments, **options):
    if ".pilotlogging" in str(path):
        raise PermissionError(13, "Permission denied", path)
    return real(path, *arguments, **options)

os.mkdir = mkdir
"""


def _spilled(pilot: Pilot) -> int:
    size = 0
    for file in pilot.directory.glob(".pilotlogging-*/*"):
        try:
            size += file.stat().st_size
        except FileNotFoundError:
            continue
    return size


def _largest_spill(pilot: Pilot, running: Running, text: str, least: float) -> int:
    """The most that is on disk at any time until a second after the pilot has said a text and so much was there."""
    largest = 0
    deadline = time.monotonic() + PATIENCE
    reached = False
    while time.monotonic() < deadline:
        assert running.process.poll() is None, running.said
        largest = max(largest, _spilled(pilot))
        if not reached and largest >= least and text in running.said:
            reached, deadline = True, time.monotonic() + 1
        time.sleep(0.02)
    assert reached, f"{largest} bytes are on disk"
    return largest


@contextmanager
def _small_disk(pilot: Pilot, kib: int) -> Iterator[Path]:
    """Put the working directory on a file system with so much room beside the pilot's files."""
    place, aside = pilot.directory, pilot.folder / "aside"
    place.rename(aside)
    place.mkdir()
    size = kib + sum(file.stat().st_size // 1024 + 4 for file in aside.rglob("*"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system needs root: {done.stderr.strip()}")
    try:
        shutil.copytree(aside, place, dirs_exist_ok=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
