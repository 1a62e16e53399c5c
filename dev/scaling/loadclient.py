# SPDX-License-Identifier: GPL-3.0-only
"""The client that is the pilots: a Go program, since Python threads would take the collectors' machine from them."""

import json
import os
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts.environment import PROJECT
from parts.failure import Failure

_SOURCES = Path(__file__).parent / "loadclient"
_BUILT = PROJECT / "build" / "scale" / "loadclient"
_PLACES = ("/usr/local/go/bin",)
GROWTH = 1.02
"""Of its histogram's buckets, from 1 us: see latency.go."""


def build() -> Path:
    """Compile it, which takes a second when nothing has changed.

    Raises:
        Failure: there is no Go, or it does not compile
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PLACES])
    go = shutil.which("go", path=path)
    if go is None:
        raise Failure("there is no Go: install the Debian package golang-go, or run dev/install test")
    done = subprocess.run(
        [go, "build", "-o", _BUILT, "."], cwd=_SOURCES, env=os.environ | {"GOFLAGS": "-mod=mod"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Failure(f"the load client does not compile: {done.stderr.strip()}")
    return _BUILT


@dataclass
class Measured:
    """What clients measured.

    Attributes:
        due: messages that became due, by phase
        latencies: by phase: for each bucket its number of messages
        refusals: attempts that failed, by reason
    """

    due: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, Counter[int]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    resends: int = 0

    def add(self, report: Mapping[str, Any]) -> None:
        for phase, told in report["Phases"].items():
            self.due[phase] += told["Due"]
            buckets = self.latencies.setdefault(phase, Counter())
            buckets.update({int(bucket): count for bucket, count in told["Buckets"].items()})
        self.refusals.update(report["Refusals"])
        self.resends += report["Resends"]

    def acknowledged(self, phase: str) -> int:
        return sum(self.latencies.get(phase, Counter()).values())

    def quantile(self, phase: str, share: float) -> float:
        """Seconds within which this share of a phase's messages was acknowledged, to two per cent."""
        buckets = self.latencies.get(phase, Counter())
        left = share * sum(buckets.values())
        for bucket, count in sorted(buckets.items()):
            left -= count
            if left <= 0:
                return float(GROWTH ** (bucket + 1) / 1e6)
        return float("nan")


class LoadClient:
    """One running client."""

    def __init__(self, program: Path, plan: Mapping[str, Any], errors: Path) -> None:
        """Start it. ``plan`` is what main.go calls Plan."""
        self.status: dict[str, Any] = {}
        self.report: dict[str, Any] | None = None
        with errors.open("wb") as output:
            self.process = subprocess.Popen(
                [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
            )
        self._errors = errors
        self.tell(json.dumps(plan))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def tell(self, command: str) -> None:
        """Give it a command."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Failure(self._complaint()) from error

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            if "Refusals" in told:
                self.report = told
            else:
                self.status = told

    def finish(self) -> Mapping[str, Any]:
        """Let it write its results; gives its report."""
        self.tell("quit")
        code = self.process.wait(300)
        self._listener.join(60)
        if code or self.report is None:
            raise Failure(self._complaint())
        return self.report

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def check(self) -> None:
        """Raises:
        Failure: it has ended
        """
        if self.process.poll() is not None:
            raise Failure(self._complaint())

    def _complaint(self) -> str:
        return f"a load client has ended: {self._errors.read_text(errors='replace').strip()[-2000:]}"


def total(clients: Sequence[LoadClient], name: str) -> int:
    """The sum of one figure of all clients' latest status."""
    return sum(int(client.status.get(name, 0)) for client in clients)
