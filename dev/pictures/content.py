"""Logs that look like a morning's: told to a real collector, with the times that they would have."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from demonstration.senders import NumberedSender
from parts.state import Stack

_SITES = (
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
        exit_code: None: it never said goodbye
        trouble: how many errors a thousand lines have
    """

    lines: int
    ended: float
    lasted: float
    exit_code: int | None = 0
    trouble: float = 0
    is_killed: bool = False


MORNING = (
    Morning(4_312, 0.1, 71, None),
    Morning(18_440, 0.4, 183, None, 0.2),
    Morning(9_276, 5, 96, None, 0.4, is_killed=True),
    Morning(3_120, 9, 44),
    Morning(12_775, 14, 240, 1, 3),
    Morning(2_044, 21, 31),
    Morning(6_611, 26, 120, 0, 0.3),
    Morning(811, 33, 6, 2, 9),
    Morning(5_190, 41, 88),
    Morning(7_402, 52, 131),
    Morning(3_973, 63, 70, 0, 0.6),
    Morning(1_206, 70, 15, None, 4, is_killed=True),
    Morning(8_855, 82, 155),
    Morning(4_700, 95, 90),
    Morning(2_931, 118, 47),
    Morning(6_020, 131, 101, 0, 0.2),
)


def write(stack: Stack, now: datetime) -> list[str]:
    """Send all logs, and give them their times; their stamps, in order."""
    stamps = []
    with sqlite3.connect(stack.layout.sqlite) as database:
        for number, log in enumerate(MORNING):
            stamp = f"{random.Random(number).getrandbits(128):032x}"
            stamps.append(stamp)
            _send(stack, log, number, stamp, now)
            last = now - timedelta(minutes=log.ended)
            first = last - timedelta(minutes=log.lasted)
            state = "Open" if log.exit_code is None and not log.is_killed else "Silent" if log.is_killed else "Complete"
            database.execute(
                "UPDATE PilotLogs SET State = ?, FirstArrival = ?, LastArrival = ? WHERE Stamp = ?",
                (state, f"{first:%Y-%m-%d %H:%M:%S.%f}", f"{last:%Y-%m-%d %H:%M:%S.%f}", stamp),
            )
            database.commit()
    return stamps


def _send(stack: Stack, log: Morning, number: int, stamp: str, now: datetime) -> None:
    site, ce, host = _SITES[number % len(_SITES)]
    layout = stack.layout
    proxy = str(layout.credentials / "alpha_pilot.pem")
    reference = f"htcondorce://{ce}/{7_104_211 + 13 * number}.0"
    context = {"site": site, "ce": ce, "host": host, "pilotReference": reference, "pilotVersion": "1f0e95b"}
    sender = NumberedSender(stack.pilots_url, proxy, str(layout.certificates), stamp, "alpha", context)
    text = "".join(f"{line}\n" for line in _lines(log, number, now))
    if log.exit_code is None:
        sender.send(text)
    else:
        sender.finalise(text, log.exit_code)


def _lines(log: Morning, number: int, now: datetime) -> Iterator[str]:
    chance = random.Random(number)
    time = now - timedelta(minutes=log.ended + log.lasted)
    end = now - timedelta(minutes=log.ended)
    for line in range(log.lines - (len(_END) if log.is_killed else 0)):
        # The nearer to the end, the shorter the steps: in bursts, and never past it.
        mean = (end - time) / (log.lines - line)
        time += mean * chance.expovariate(1) * (0.2 if (line // 400) % 3 else 1)
        if chance.random() < 0.3 and line:
            yield chance.choice(_OUTPUT).format(job=line)
            continue
        level = chance.choices(("DEBUG", "INFO", "WARN", "ERROR"), (150, 700, 9, log.trouble))[0]
        command = _COMMANDS[min(line * 14 // log.lines, len(_COMMANDS) - 1)]
        saying = chance.choice(_SAYINGS[level]).format(job=91_244_387)
        yield f"{min(time, end):%Y-%m-%dT%H:%M:%S.%f}Z {level} [{command}] {saying}"
    if log.is_killed:
        for line in _END:
            is_message = line.startswith("ERROR")
            yield f"{end:%Y-%m-%dT%H:%M:%S.%f}Z ERROR [LaunchAgent] {line[6:]}" if is_message else line


def now() -> datetime:
    """The present, as all times are."""
    return datetime.now(UTC)
