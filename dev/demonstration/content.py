# SPDX-License-Identifier: GPL-3.0-only
"""What a pilot's log looks like: the wrapper's lines, the pilot's commands, and raw output without any header."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

Lines = Iterator[str]


class Clock:
    """The time in a log: now, and never the same twice."""

    def __init__(self, chance: random.Random) -> None:
        self._time = datetime.now(UTC)
        self._chance = chance

    def __call__(self, decimal_sign: str) -> str:
        later = self._time + timedelta(microseconds=self._chance.randrange(20, 900))
        self._time = max(later, datetime.now(UTC))
        return f"{self._time:%Y-%m-%dT%H:%M:%S}{decimal_sign}{self._time:%f}Z"


class PilotText:
    """The text of one pilot, in the pieces in which it flushes its buffer."""

    def __init__(self, stamp: str, vo: str, seed: int) -> None:
        """Args:
        seed: the same one gives the same text, but for its times
        """
        self._stamp, self._vo = stamp, vo
        self._chance = random.Random(seed)
        self._clock = Clock(self._chance)
        self.host = f"wn{self._chance.randrange(1, 400):03d}.t2.example.org"
        self.site = self._chance.choice(("LCG.Genève.ch", "LCG.Kraków.pl", "DIRAC.Loopback.org"))

    def wrapper(self) -> str:
        """What the wrapper script wrote before the pilot began."""
        return _text(self._wrapper())

    def commands(self) -> Iterator[str]:
        """A piece for each of the pilot's commands, and several for its job."""
        for command in (self._check_worker_node, self._install_dirac, self._configure_basics, self._benchmark):
            yield _text(command())
        for event in range(4):
            yield _text(self._job(event))

    def farewell(self, exit_code: int) -> str:
        """The last piece."""
        return _text(iter([self._line("INFO", "ExitPilot", f"Pilot {self._stamp} ends with exit code {exit_code}")]))

    # What each of them writes.

    def _line(self, level: str, command: str, text: str) -> str:
        return f"{self._clock('.')} {level} [{command}] {text}"

    def _wrapper_line(self, level: str, text: str) -> str:
        return f"{self._clock(',')} {level:<8} [pilotLogger] {text}"

    def _wrapper(self) -> Lines:
        yield self._wrapper_line("INFO", f"Wrapper of pilot {self._stamp} starts on {self.host}")
        yield self._wrapper_line("DEBUG", "Arguments: -S Loopback -l DIRAC -r 9.1.22 --pilotUUID " + self._stamp)
        for name in ("HOME", "PWD", "TMPDIR", "X509_CERT_DIR", "HTCONDOR_JOBID"):
            yield self._wrapper_line("DEBUG", f"{name}=/scratch/{self._chance.randrange(10**6)}/{name.lower()}")
        for file in ("PilotWrapper.py", "pilotTools.py", "pilotCommands.py", "dirac-pilot.py"):
            yield self._wrapper_line("INFO", f"Retrieved {file}, {self._chance.randrange(10_000, 90_000)} bytes")

    def _check_worker_node(self) -> Lines:
        yield self._line("INFO", "CheckWorkerNode", "Uname      = Linux " + self.host + " 5.14.0-427.el9.x86_64")
        yield self._line("INFO", "CheckWorkerNode", "Host Name  = " + self.host)
        yield from _LSCPU
        yield f"MemTotal:       {self._chance.randrange(10**6, 10**8)} kB"
        yield ""
        yield self._line("INFO", "CheckWorkerNode", f"DiskSpace  = {self._chance.randrange(10_000, 900_000)} MB")
        if self._chance.random() < 0.5:
            yield self._line("WARN", "CheckWorkerNode", "No APEL benchmark: /etc/machinefeatures is not there")

    def _install_dirac(self) -> Lines:
        yield self._line("INFO", "InstallDIRAC", "DIRAC 9.1.22 from /cvmfs/dirac.egi.eu: prêt, Größe 812 MB")
        for percent in range(0, 101, 4):
            yield f" {percent:3d}% [{'=' * (percent // 4):<25}] {self._chance.randrange(500, 9000)} kB/s  下载中 …"
        for package in ("authlib", "cachetools", "diraccfg", "m2crypto", "pyparsing", "tornado_m2crypto"):
            yield f"  + {package:<20} {self._chance.randrange(1, 9)}.{self._chance.randrange(30)}.0   ✓"
        yield self._line("INFO", "InstallDIRAC", "Installation done")

    def _configure_basics(self) -> Lines:
        for option in ("/DIRAC/Setup", "/DIRAC/VirtualOrganization", "/LocalSite/Site", "/LocalSite/GridCE"):
            yield self._line("DEBUG", "ConfigureBasics", f"-o {option}={self._vo}")
        yield "\t-ddd -o /DIRAC/Security/UseServerCertificate=no -o '/LocalSite/Tag=[\"4Processors\"]'"
        yield self._line("INFO", "ConfigureBasics", "dirac-configure: " + " ".join(["-o /LocalSite/Option=value"] * 20))

    def _benchmark(self) -> Lines:
        yield self._line("INFO", "ConfigureCPURequirements", "Running DB12")
        for copy in range(8):
            yield f"Estimated CPU power of copy {copy} is {self._chance.uniform(8, 30):.2f} HS06"

    def _job(self, event: int) -> Lines:
        job = self._chance.randrange(10**6, 10**7)
        yield self._line("INFO", "LaunchAgent", f"JobAgent matched job {job}")
        for step in range(self._chance.randrange(10, 60)):
            yield f"Begin processing the {step + 1}th record. Run {job}, Event {event * 100 + step}, LumiSection 1"
        chance = self._chance.random()
        if chance < 0.4:
            yield self._line("WARN", "LaunchAgent", "Heartbeat came late: 61.3 s")
        elif chance < 0.7:
            yield self._line("ERROR", "LaunchAgent", f"Job {job}: payload exited with 134: «std::bad_alloc»")
            yield "Traceback (most recent call last):"
            yield '  File "/scratch/job.py", line 42, in <module>'
            yield "MemoryError: не хватает памяти"
        yield self._line("INFO", "LaunchAgent", f"Job {job} is over, {self._chance.randrange(60, 900)} s of CPU")


def _text(lines: Lines) -> str:
    return "".join(f"{line}\n" for line in lines)


_LSCPU = """\
Architecture:            x86_64
  CPU op-mode(s):        32-bit, 64-bit
  Address sizes:         46 bits physical, 48 bits virtual
CPU(s):                  64
  On-line CPU(s) list:   0-63
Vendor ID:               AuthenticAMD
  Model name:            AMD EPYC 7543 32-Core Processor
    Thread(s) per core:  2
    Flags:               fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse
NUMA:
  NUMA node(s):          2""".splitlines()
