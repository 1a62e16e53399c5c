# SPDX-License-Identifier: GPL-3.0-only
"""Logs that look like a morning's: their lines tell the times that they would have. They come when they are sent."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SITES = (
    ("LCG.CERN.ch", "ce503.cern.ch", "b7g22p1041.cern.ch"),
    ("LCG.GRIDKA.de", "htcondor-ce-2.gridka.de", "c01-112-119.gridka.de"),
    ("LCG.PIC.es", "ce14.pic.es", "td731.pic.es"),
    ("LCG.IN2P3.fr", "cccondorce03.in2p3.fr", "ccwcondor0412.in2p3.fr"),
    ("LCG.Krakow.pl", "arc.cyfronet.pl", "ac0731.cyfronet.pl"),
)
_COMMANDS = ("CheckWorkerNode", "InstallDIRAC", "ConfigureBasics", "ConfigureSite", "LaunchAgent")
_SAYINGS = {
    "DEBUG": (
        "Setting flag -o /LocalSite/GridCE",
        "Executing command python3 -m pip --version",
        "Proxy has 71:12 h left",
    ),
    "INFO": (
        "JobAgent matched job {job}",
        "Downloading input sandbox of job {job}",
        "Uploading output data to CERN-DST-EOS",
        "Heartbeat sent, {job} s of CPU used",
        "Payload runs with 8 processors",
        "Retrieved 812 MB from /cvmfs/dirac.egi.eu",
    ),
    "WARN": ("Heartbeat came late: 61.3 s", "Only 9 GB left on /scratch", "No APEL benchmark on this worker node"),
    "ERROR": (
        "Upload of 00{job}_1.dst failed: Communication error on send",
        "curl: (28) Operation timed out after 30001 ms",
    ),
}
_OUTPUT = (
    "Begin processing the {job}th record. Run 362760, Event {job}, LumiSection 1",
    "EventSelector     SUCCESS Reading Event record {job}",
    "  + m2crypto            0.41.0   \u2713",
)
_END = (
    "ERROR Upload of 00214512_00003_1.dst failed: No space left on device",
    "Traceback (most recent call last):",
    '  File "/scratch/htcondor/dir_4711/LbRun.py", line 214, in store',
    "    target.write(block)",
    "OSError: [Errno 28] No space left on device: '/scratch/htcondor/dir_4711/00214512_00003_1.dst'",
    "ERROR Job 91244387 is lost: its output cannot be stored",
)


@dataclass(frozen=True)
class Morning:
    """One log.

    Attributes:
        ended: minutes since its last line
        lasted: minutes
        exit_code: None: it never says goodbye
        trouble: how many errors a thousand lines have
        fate: ``ends``, ``runs``, ``killed`` while it works, or ``killed early``, so that its log is closed by now
    """

    lines: int
    ended: float
    lasted: float
    exit_code: int | None = 0
    trouble: float = 0
    fate: str = "ends"

    @property
    def stamp(self) -> str:
        """The same in each run."""
        return f"{random.Random(MORNING.index(self)).getrandbits(128):032x}"


MORNING = (
    Morning(4_312, 0, 71, None, fate="runs"),
    Morning(18_440, 0, 183, None, 0.2, fate="runs"),
    Morning(9_276, 0, 96, None, 0.4, fate="killed"),
    Morning(3_120, 9, 44),
    Morning(12_775, 14, 240, 1, 3),
    Morning(2_044, 21, 31),
    Morning(6_611, 26, 120, 0, 0.3),
    Morning(811, 33, 6, 2, 9),
    Morning(5_190, 41, 88),
    Morning(7_402, 52, 131),
    Morning(3_973, 63, 70, 0, 0.6),
    Morning(1_206, 0, 15, None, 4, fate="killed early"),
    Morning(8_855, 82, 155),
    Morning(4_700, 95, 90),
    Morning(2_931, 118, 47),
    Morning(6_020, 131, 101, 0, 0.2),
)


def lines_of(log: Morning) -> Iterator[str]:
    """What its pilot has said until now."""
    number = MORNING.index(log)
    chance = random.Random(number)
    now = datetime.now(UTC)
    time = now - timedelta(minutes=log.ended + log.lasted)
    end = now - timedelta(minutes=log.ended)
    for line in range(log.lines):
        # The nearer to the end, the shorter the steps: in bursts, and never past it.
        mean = (end - time) / (log.lines - line)
        time += mean * chance.expovariate(1) * (0.2 if (line // 400) % 3 else 1)
        if chance.random() < 0.3 and line:
            yield chance.choice(_OUTPUT).format(job=line)
            continue
        level = chance.choices(("DEBUG", "INFO", "WARN", "ERROR"), (150, 700, 9, log.trouble))[0]
        command = _COMMANDS[min(line * 14 // log.lines, len(_COMMANDS) - 1)]
        yield message(level, command, chance.choice(_SAYINGS[level]), min(time, end))


def message(level: str, command: str, saying: str, time: datetime | None = None) -> str:
    """A line of a pilot; now, unless a time is named."""
    return f"{time or datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {level} [{command}] {saying.format(job=91_244_387)}"


def work(number: int) -> Iterator[str]:
    """What a pilot says that goes on."""
    yield message("INFO", "LaunchAgent", _SAYINGS["INFO"][3])
    for record in range(5 * number, 5 * number + 5):
        yield _OUTPUT[0].format(job=record)


def end_of_the_killed() -> Iterator[str]:
    """The last that it says."""
    for line in _END:
        yield message("ERROR", "LaunchAgent", line[6:]) if line.startswith("ERROR") else line
