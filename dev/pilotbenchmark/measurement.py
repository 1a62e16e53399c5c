# SPDX-License-Identifier: GPL-3.0-only
"""One pilot with a healthy collector: what it cost, and whether the collector has every line of it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.stacks import RunningStack
from parts.failure import Failure
from pilot.bad_collectors import Relay
from pilot.harness import MINIATURE, Pilot, Result, Site, prepare, remote_log

from .load import COMMANDS, COMMANDS_FILE, Load
from .loggers import Logger

_PATIENCE = 120


@dataclass(frozen=True)
class Measured:
    """What one pilot cost. Bytes are those of TCP's content, so with TLS and HTTP.

    Attributes:
        cpu: Seconds, user and system, of the pilot and the shell commands that it ran.
        memory: Peak, in MiB.
        seconds: From the pilot's start to its end.
        exit: Seconds from the pilot's last statement, ``sys.exit``, to its end.
        requests: That the collector answered.
        connections: Of TCP, and so of TLS.
        sent: Bytes from the pilot to the collector.
        answered: Bytes from the collector to the pilot.
        lines: Of the classic log.
        size: Bytes of it.
    """

    cpu: float
    memory: float
    seconds: float
    exit: float
    requests: int
    connections: int
    sent: int
    answered: int
    lines: int
    size: int


@dataclass(frozen=True)
class Place:
    """Where pilots run: a stack, a folder for working directories, and the pilot's own files."""

    stack: RunningStack
    folder: Path
    files: Path = MINIATURE

    def prepare(self, load: Load, logger: Logger, url: str, exit_time: float, waits: bool = False) -> Pilot:
        """A pilot that says the load."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return prepare(
            folder / "pilot",
            site=Site.of(self.stack),
            options=logger.options(url) | {"RemoteLoggerExitTime": str(exit_time)},
            commands=COMMANDS,
            files=self.files,
            module=logger.module,
            extra=[COMMANDS_FILE, load.write(folder)],
            environment={"LOAD_WAITS": "yes"} if waits else {},
        )

    def requests(self) -> int:
        """How many the collector has answered since its start, whatever it said."""
        statistics = self.stack.client("operator")("getStatistics").value
        return int(statistics["acknowledged"] + sum(statistics["refused"].values()))


def measure(place: Place, load: Load, logger: Logger, exit_time: float) -> Measured:
    """Run one pilot.

    Raises:
        Failure: It failed, or its log is not complete.
    """
    before = place.requests()
    with Relay(place.stack.urls[0]) as relay:
        pilot = place.prepare(load, logger, relay.url, exit_time)
        result = pilot.run(load.seconds + _PATIENCE)
    if result.exit_code or load.missing(result.output):
        raise Failure(f"the pilot ({logger.name}) ended with {result.exit_code}:\n{result.output[-3000:]}")
    if logger.sends:
        _check(place, load, logger, result)
    return Measured(
        cpu=result.cpu_seconds,
        memory=result.memory_kib / 1024,
        seconds=result.seconds,
        exit=exit_seconds(pilot, result),
        requests=place.requests() - before,
        connections=relay.connections,
        sent=relay.sent,
        answered=relay.answered,
        lines=result.output.count("\n"),
        size=len(result.output),
    )


def exit_seconds(pilot: Pilot, result: Result) -> float:
    """From the pilot's ``sys.exit`` to its end.

    Raises:
        FileNotFoundError: It did not come so far.
    """
    return result.seconds - float((pilot.directory / "ends").read_text())


def _check(place: Place, load: Load, logger: Logger, result: Result) -> None:
    log = remote_log(place.stack, result.stamp)
    if log is None or not log.finalised or log.exit_code != 0:
        raise Failure(f"the log of the pilot ({logger.name}) is not there, or has no goodbye")
    missing = load.missing(log.text)
    if missing:
        raise Failure(f"{missing} lines of the pilot ({logger.name}) are not in the collector")
