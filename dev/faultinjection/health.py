# SPDX-License-Identifier: GPL-3.0-only
"""Are all components well at the end? What did they write that they should not?"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
from parts import ping
from parts.failure import Failure
from parts.state import SERVICE, Stack

_COMPLAINT = re.compile(r" (ERROR|FATAL|CRITICAL|EXCEPT): |\[ERROR\]|panic:|Segmentation fault")
_TRACEBACK = "Traceback (most recent call last):"
_EXPECTED = re.compile(
    "|".join(
        [
            # What the faults do, said by those who notice.
            r"could not be delivered to",
            r"PilotLogDB cannot do that now",
            r"PilotLogDB is not as it should be",
            r"VO is passed over",
            r"Delivery failed",
            r"logs of VO \w+ could not be delivered",
            r"The lease on log",
            r"Storage is down|Log was in hand then",
            # MariaDB and its full disk.
            r"InnoDB: (preallocating|Write to file|Error number 28|.*[Nn]o space)",
            r"The table '\w+' is full",
            r"Disk got full writing",
            r"Out of disk space|mariadbd got signal 6",
            # DIRAC's own words for an execute() that gave S_ERROR.
            r"Agent exited with error|Error while executing|Execution cycle failed|Failed to",
        ]
    )
)
_FOREIGN = ("cs", "services", "xrootd", "s3")
"""DIRAC's own services and the storage: what they say of an outage is theirs."""
_MOST_FILES = 300


def unhealthy(stack: Stack, log_folder: Path) -> Iterator[str]:
    """What is not well with components that should all run now."""
    for component in stack.components:
        process = stack.processes.get(component)
        what = process.state() if process else "stopped"
        if what != "running":
            yield f"{component} is {what}"
    for collector in stack.collectors:
        process = stack.processes.get(collector)
        if process is None or not process.is_running():
            continue
        try:
            ping.wait_for_service(stack, process, stack.url(collector, SERVICE))
        except Failure as failure:
            yield str(failure)
        files = psutil.Process(process.pid).num_fds()
        if files > _MOST_FILES:
            yield f"{collector} has {files} open files"
    for log in sorted(log_folder.glob("*.log")):
        if log.stem in _FOREIGN:
            continue
        for line, times in complaints(log).items():
            yield f"{log.name} has {times} times: {line}"


def complaints(log: Path) -> Counter[str]:
    """What a log has that no fault explains, with figures taken out so that alike ones count together."""
    found: Counter[str] = Counter()
    with log.open(errors="replace") as lines:
        for line in _with_tracebacks_joined(lines):
            if (_COMPLAINT.search(line) or _TRACEBACK in line) and not _EXPECTED.search(line):
                found[re.sub(r"[0-9a-f]{32}|0x[0-9a-f]+|\d+", "#", line)[:300]] += 1
    return found


def _with_tracebacks_joined(lines: Iterable[str]) -> Iterator[str]:
    """Lines without their ends; a traceback as one, with its head and its last line."""
    head = ""
    for line in lines:
        text = line.rstrip()
        if _TRACEBACK in text:
            head = f"{_TRACEBACK} "
        elif not head or (text and not text.startswith(" ")):
            yield head + text
            head = ""
