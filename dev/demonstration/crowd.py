# SPDX-License-Identifier: GPL-3.0-only
"""Twenty pilots of two communities at once, one of which is killed."""

import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from parts.failure import Failure
from parts.layout import PROJECT, Layout

PILOTS = 20
VOS = ("alpha", "beta")
_SECONDS = 4.0
_SECONDS_OF_THE_FOLLOWED = 6.5
_PATIENCE = 180.0


@dataclass(frozen=True)
class Pilot:
    """One simulated pilot, and its process.

    Attributes:
        protocol: stock or numbered
        doomed: it hangs in the middle of its job until it is killed
        record: the file with all that the collector has acknowledged
        complaints: the file with its standard error
    """

    stamp: str
    vo: str
    protocol: str
    exit_code: int
    doomed: bool
    record: Path
    complaints: Path
    process: subprocess.Popen[str]

    @property
    def sent(self) -> bytes:
        """All that it sent and the collector acknowledged."""
        return self.record.read_bytes()


class Crowd:
    """All pilots of the demo. As a context manager it leaves no process behind."""

    def __init__(self, url: str, layout: Layout, folder: Path) -> None:
        """Args:
        folder: for the records
        """
        self._url, self._layout, self._folder = url, layout, folder
        self.pilots: list[Pilot] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for pilot in self.pilots:
            pilot.process.kill()
            pilot.process.wait()

    def start(self) -> None:
        """Start all of them."""
        for number in range(PILOTS):
            self.pilots.append(self._start(number))

    @property
    def followed(self) -> Pilot:
        """The one that is tailed while it writes: it takes longer than the others."""
        return self.pilots[1]

    @property
    def doomed(self) -> Pilot:
        """The one that never says goodbye."""
        return next(pilot for pilot in self.pilots if pilot.doomed)

    def kill_the_doomed(self) -> None:
        """SIGKILL, as a batch system does it, once it is in the middle of its job."""
        process = self.doomed.process
        assert process.stdout is not None
        if not process.stdout.readline():
            self._complain(self.doomed, "ended before it could be killed")
        process.kill()
        process.wait()

    def wait(self) -> None:
        """Wait until all others have ended.

        Raises:
            Failure: one ended with an error, or not at all
        """
        for pilot in self.pilots:
            try:
                if pilot.process.wait(_PATIENCE) != 0 and not pilot.doomed:
                    self._complain(pilot, "failed")
            except subprocess.TimeoutExpired:
                self._complain(pilot, "does not end")

    @staticmethod
    def _complain(pilot: Pilot, what: str) -> None:
        complaints = pilot.complaints.read_text().strip().splitlines() or ["it said nothing"]
        raise Failure(f"pilot {pilot.stamp} {what}: {complaints[-1]}")

    def _start(self, number: int) -> Pilot:
        stamp, vo = uuid.uuid4().hex, VOS[number // (PILOTS // len(VOS))]
        protocol = ("stock", "numbered")[number % 2]
        doomed = number == 2
        exit_code = 1 if number == 13 else 0
        record, complaints = self._folder / f"{stamp}.sent", self._folder / f"{stamp}.err"
        options = {
            "url": self._url,
            "proxy": self._layout.credentials / f"{vo}_pilot.pem",
            "authorities": self._layout.certificates,
            "stamp": stamp,
            "vo": vo,
            "protocol": protocol,
            "record": record,
            "seed": number,
            "seconds": _SECONDS_OF_THE_FOLLOWED if number == 1 else _SECONDS,
            "exit-code": exit_code,
            "reply-lost-at": 1 + number % 5,
            "hang-at": 5 if doomed else -1,
        }
        command = [sys.executable, "-m", "demonstration.pilot"]
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with complaints.open("w") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True, cwd=PROJECT / "dev"
            )
        return Pilot(stamp, vo, protocol, exit_code, doomed, record, complaints, process)
