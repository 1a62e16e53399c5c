# SPDX-License-Identifier: GPL-3.0-only
"""What the pilots of the benchmark say: the same for all, like a pilot's log, and different from line to line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from demonstration.content import PilotText

COMMANDS_FILE = Path(__file__).with_name("LoadCommands.py")
COMMANDS = [*["Prepare"] * 9, "Work"]
"""Of the pilot: like DIRAC's, many short ones and then one that does nearly everything."""
FAREWELL = "The load is done"
"""The last message."""
STEPS = 50
"""In each some messages are said, and a shell command has as many lines of output."""
_HEADER = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d+Z [A-Z]+ *\[\w+\] ")


@dataclass(frozen=True)
class Load:
    """So many lines, in so many seconds."""

    lines: int
    seconds: float

    def write(self, folder: Path) -> Path:
        """Write it for ``LoadCommands.py``."""
        file = folder / "load.json"
        content = {"pause": self.seconds / STEPS, "steps": _steps(self.lines), "farewell": FAREWELL}
        file.write_text(json.dumps(content))
        return file

    def missing(self, text: str) -> int:
        """How many of its lines do not stand in a log; empty ones do not count."""
        there = Counter(_HEADER.sub("", line, count=1) for line in text.split("\n"))
        said = Counter([FAREWELL])
        for step in _steps(self.lines):
            said.update(step["messages"])
            said.update(str(step["raw"]).splitlines())
        del said[""]
        return (said - there).total()


@cache
def _steps(count: int) -> list[dict[str, list[str] | str]]:
    """So many lines."""
    messages, raw = _lines(with_header=True), _lines(with_header=False)
    half = count // STEPS // 2
    return [
        {
            "messages": [_HEADER.sub("", line) for line in islice(messages, half)],
            "raw": "".join(f"{line}\n" for line in islice(raw, half)),
        }
        for _ in range(STEPS)
    ]


def _lines(with_header: bool) -> Iterator[str]:
    """Lines of many pilots' logs, for ever. ASCII, for pilots replace everything else in the output of commands."""
    seed = 0
    while True:
        seed += 1
        text = "".join(PilotText("0" * 32, "alpha", seed).commands())
        for line in text.encode("ascii", "replace").decode().splitlines():
            if bool(_HEADER.match(line)) == with_header:
                yield line
