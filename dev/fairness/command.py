# SPDX-License-Identifier: GPL-3.0-only
"""What the pilots and readers of one VO notice of what another VO does: p99 of their calls, beside their p99 alone.

One real collector, over TLS, on connections that are kept. Afterwards every acknowledged message is looked for, and the
exit code is not 0 if one is lost; a ratio above 3 is marked.
"""

import argparse
import math
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmark.measurement import Client, Measured
from parts import lifecycle, state
from parts.failure import Failure
from parts.program import run, scratch_folder
from readerbenchmark.contents import VO
from readerbenchmark.load import USER

from . import attacks

_PILOTS = 8
_A_SECOND = 20.0
"""Messages of all honest pilots together; each is due at its time, however long the one before it took."""
_PAUSE = 0.05
"""Seconds between an answer and the honest reader's next call."""
_PAGE = 2**16
_MOST = 3.0
_PREPARATION_SECONDS = 120
_SETTLING_SECONDS = 2


@dataclass(frozen=True)
class _Read:
    p50: float
    p99: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="dev/bench-fair", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--only", default="", help="attacks whose name has this in it")
    arguments = parser.parse_args()
    with scratch_folder("bench-fair") as folder:
        return run("bench-fair", lambda: _bench(folder / "stack", arguments.seconds, arguments.only))


def _bench(directory: Path, seconds: float, only: str) -> None:
    names = [name for name in attacks.ATTACKS if only in name]
    if not names:
        raise Failure(f"no attack has {only!r} in its name: {', '.join(attacks.ATTACKS)}")
    lifecycle.up(directory, state.Plan())
    stack = state.load(directory)
    access = attacks.Target.to(stack)
    print(f"{'VO beta does':<34} {'acknowledged':>26}  {'read':>26}", flush=True)
    print(
        f"{'':<34} {'p50':>8} {'p99 ms':>8} {'ratio':>8}  {'p50':>8} {'p99 ms':>8} {'ratio':>8}   calls of beta",
        flush=True,
    )
    with Client(1, _PILOTS) as pilots:
        _honest(stack, access, pilots, 2.0)  # all is warm then
        alone = _honest(stack, access, pilots, seconds)
        _show("alone", alone, alone)
        for name in names:
            time.sleep(_SETTLING_SECONDS)
            with _running(name, access) as calls:
                beside = _honest(stack, access, pilots, seconds)
                became = f"{calls.answered.value} answered, {calls.refused.value} refused"
            _show(name, beside, alone, became)


@contextmanager
def _running(name: str, access: attacks.Target) -> Iterator[attacks.Calls]:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    calls = attacks.Calls(context.Value("q", 0), context.Value("q", 0))
    attack = context.Process(target=attacks.run, args=(name, access, ready, calls), daemon=True)
    attack.start()
    try:
        until = time.monotonic() + _PREPARATION_SECONDS
        while not ready.wait(0.2):
            if not attack.is_alive() or time.monotonic() > until:
                raise Failure(f"{name}: it cannot begin")
        time.sleep(_SETTLING_SECONDS)
        yield calls
        if not attack.is_alive():
            raise Failure(f"{name}: its process has ended")
    finally:
        attack.kill()
        attack.join()


def _honest(stack: state.Stack, access: attacks.Target, pilots: Client, seconds: float) -> tuple[Measured, _Read]:
    took: list[float] = []
    stop = threading.Event()
    problems: list[str] = []

    def read() -> None:
        try:
            with access.caller(USER) as reader:
                while not stop.is_set():
                    begun = time.monotonic()
                    rows = reader.ask("listLogs", {}, [], 0, 100)["rows"]
                    listed = time.monotonic()
                    took.append(listed - begun)
                    for row in rows[:1]:
                        reader.ask("readLog", row["Stamp"], VO, "", _PAGE)
                        took.append(time.monotonic() - listed)
                    time.sleep(_PAUSE)
        except (Failure, OSError) as error:
            problems.append(f"{type(error).__name__}: {error}")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        measured = pilots.measure(stack, keep_alive=True, seconds=seconds, rate=_A_SECOND)
    finally:
        stop.set()
        reader.join()
    if problems:
        raise Failure(f"the honest reader: {problems[0]}")
    took.sort()
    return measured, _Read(1000 * statistics.median(took), 1000 * took[math.ceil(0.99 * len(took)) - 1])


def _show(name: str, now: tuple[Measured, _Read], alone: tuple[Measured, _Read], became: str = "") -> None:
    line = f"{name:<34}"
    for these, those in zip(now, alone, strict=True):
        ratio = these.p99 / those.p99
        line += f" {these.p50:>8.1f} {these.p99:>8.1f} {ratio:>7.1f}{'!' if ratio > _MOST else ' '} "
    print(f"{line}  {became}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
