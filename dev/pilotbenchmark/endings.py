# SPDX-License-Identifier: GPL-3.0-only
"""How a pilot ends when its collector is dead: from the start on, or only when the pilot is at its end."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

from pilot.bad_collectors import Relay

from .load import FAREWELL, Load
from .loggers import OURS, STOCK, Logger
from .measurement import Place, exit_seconds

_MOST_LINES = 2000
_TO_START = 60
"""Seconds that a pilot may take before it ends, if all of them start at once on a busy machine."""

REFUSES, IS_SILENT = DEATHS = "refuses connections", "accepts, says nothing"
MOMENTS = FROM_THE_START, AT_THE_END = "from the start", "at the end"


@dataclass(frozen=True)
class Case:
    """How the collector is dead, from when, and who sends."""

    death: str
    moment: str
    logger: Logger


@dataclass(frozen=True)
class Ending:
    """What became of a pilot.

    Attributes:
        exit_code: None: it hung, and was killed.
        seconds: From its ``sys.exit`` to its end; None: it did not come so far, or hung.
        missing: How many lines of the load it did not say, in its classic log.
    """

    exit_code: int | None
    seconds: float | None
    missing: int


CASES = [Case(*case) for case in product(DEATHS, MOMENTS, (STOCK, OURS))]


def endings(place: Place, lines: int, exit_time: float, patience: float) -> dict[Case, Ending]:
    """One pilot for each case, all at the same time: nearly all that they do is to wait.

    Args:
        lines: That each says; not all of them if they are many.
        patience: Seconds after which a stock pilot that does not end is taken for one that never will.
    """
    load = Load(min(lines, _MOST_LINES), 0)
    with ThreadPoolExecutor(len(CASES)) as pool:
        ends = pool.map(lambda case: _ending(place, load, case, exit_time, patience), CASES)
        return dict(zip(CASES, ends, strict=True))


def _ending(place: Place, load: Load, case: Case, exit_time: float, patience: float) -> Ending:
    with Relay(place.stack.urls[0]) as relay, socket.socket() as silent:
        pilot = place.prepare(load, case.logger, relay.url, exit_time, waits=True)

        def die() -> None:
            relay.cut()
            if case.death == IS_SILENT:
                silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                silent.bind((relay.address, relay.port))
                silent.listen(128)  # so the kernel takes connections; nobody ever reads from them
            (pilot.directory / "go").touch()

        if case.moment == FROM_THE_START:
            die()
        with pilot.start() as running:
            if case.moment == AT_THE_END:
                running.wait_for(FAREWELL)
                die()
            try:
                result = running.wait(exit_time + _TO_START if case.logger is OURS else patience)
            except AssertionError:
                return Ending(None, None, load.missing(running.said))
    came_to_its_end = (pilot.directory / "ends").exists()
    return Ending(
        result.exit_code, exit_seconds(pilot, result) if came_to_its_end else None, load.missing(result.output)
    )
