# SPDX-License-Identifier: GPL-3.0-only
"""What goes wrong, and when: drawn from a seed before anything begins, so that it can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

_FIRST, _QUIET_SHARE = 3.0, 0.15
"""The first fault, in seconds, and the share of the run at its end that has none."""
_AT_ONCE = 2
_RECOVERY = 4.0
"""A target is left alone for so long, in seconds, after its fault."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        targets: what it may happen to
        seconds: its shortest and longest duration
        weight: how often it is drawn, relative to the others
    """

    name: str
    targets: Sequence[str]
    seconds: tuple[float, float]
    weight: float = 1.0


@dataclass(frozen=True)
class Fault:
    """One fault: it begins ``at`` seconds after the pilots and lasts so many seconds."""

    at: float
    kind: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"t={self.at:.1f} s {self.kind} {self.target} for {self.seconds:.1f} s"


def kinds_of(collectors: int, database: str, grid: bool, may_mount: bool) -> list[Kind]:
    """All kinds of faults that a stack can have.

    Args:
        may_mount: small file systems can be mounted, so that disks can get full
    """
    every_collector = [f"collector-{number}" for number in range(collectors)]
    kinds = [
        Kind("kill", every_collector, (0.2, 6), 3),
        Kind("stop", every_collector, (0.2, 6), 2),
        Kind("pause", every_collector, (1, 15), 3),
        Kind("kill", ["agent"], (0.2, 8), 1),
        Kind("orphan", ["agent"], (0.2, 8), 1),
        Kind("stop", ["agent"], (0.2, 8), 1),
        Kind("pause", ["agent"], (1, 15), 1),
        Kind("second", ["agent"], (10, 25), 1),
    ]
    if database == "mariadb":
        kinds += [
            Kind("kill", ["mariadb"], (0.2, 6), 2),
            Kind("stop", ["mariadb"], (0.2, 6), 1),
            Kind("pause", ["mariadb"], (1, 12), 2),
        ]
    else:
        kinds.append(Kind("lock", ["sqlite"], (3, 15), 3))
    if grid:
        kinds += [
            Kind("kill", ["xrootd", "s3"], (2, 15), 3),
            Kind("pause", ["xrootd", "s3"], (2, 15), 3),
        ]
    else:
        kinds.append(Kind("replace", ["archive-alpha", "archive-beta"], (3, 15), 2))
    if may_mount:
        kinds.append(Kind("fill", ["database-disk"], (5, 20), 2))
        if not grid:
            kinds.append(Kind("fill", ["archive-disk"], (3, 15), 2))
    return kinds


def draw(seed: int, seconds: float, kinds: Sequence[Kind], pause: float) -> list[Fault]:
    """The faults of a run of so many seconds, in order: the same for the same arguments.

    Args:
        pause: from one to the next, in seconds, on average
    """
    chance = random.Random(f"faults {seed}")
    last = seconds * (1 - _QUIET_SHARE)
    faults: list[Fault] = []
    busy: dict[str, float] = {}
    now = _FIRST
    while now < last:
        kind = chance.choices(kinds, [kind.weight for kind in kinds])[0]
        target = chance.choice(list(kind.targets))
        longest = min(kind.seconds[1], last - now)
        length = round(chance.uniform(min(kind.seconds[0], longest), longest), 1)
        running = [until for until in busy.values() if until >= now]
        if busy.get(target, -_RECOVERY) + _RECOVERY < now and len(running) < _AT_ONCE:
            faults.append(Fault(now, kind.name, target, length))
            busy[target] = now + length
        now = round(now + chance.uniform(0.2, 1.8) * pause, 1)
    return faults
