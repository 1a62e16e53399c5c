# SPDX-License-Identifier: GPL-3.0-only
"""The options of the worker-node module, as ``pilot/PilotLoggingCommands.py`` takes them.

That file stands alone, for it is copied to the pilots, so what it accepts is written down here once more. A test
compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MODULE = "PilotLogging"
"""What ``CommandExtensions`` has to name."""

_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_TIMES = {"": 1, "S": 1, "M": 60, "H": 3600}
_LEVELS = ("DEBUG", "VERBOSE", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "FATAL")
_NUMBER = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]*)\s*$")


@dataclass(frozen=True, slots=True)
class Number:
    """An option that is a number with a unit.

    Attributes:
        default: As it would stand in the CS.
        units: Factors of the units, in capitals.
        least: The smallest number that is taken.
        most: The largest one.
    """

    default: str
    units: dict[str, int]
    least: float
    most: float

    def accepts(self, value: str) -> bool:
        """Whether the module takes a text; for any other one it has the default."""
        if value == "":
            return True
        matched = _NUMBER.match(value)
        factor = self.units.get(matched[2].upper()) if matched else None
        return bool(matched and factor and self.least <= float(matched[1]) * factor <= self.most)


NUMBERS = {
    "RemoteLoggerTimerInterval": Number("0", _TIMES, 0, 3600),
    "RemoteLoggerBufsize": Number("1000", {"": 1}, 1, 10**6),
    "RemoteLoggerMemory": Number("8MiB", _SIZES, 2**16, 2**30),
    "RemoteLoggerSpill": Number("64MiB", _SIZES, 0, 2**36),
    "RemoteLoggerExitTime": Number("20s", _TIMES, 1, 600),
    "RemoteLoggerConnectTimeout": Number("10s", _TIMES, 0.1, 300),
    "RemoteLoggerReplyTimeout": Number("30s", _TIMES, 0.1, 300),
}


def accepts_level(value: str) -> bool:
    """Whether ``RemoteLogLevel`` is a level, or empty."""
    name = value.strip().upper()
    return not name or name in _LEVELS


def usable_urls(value: Any) -> list[str]:
    """The collectors in a comma-separated list: https URLs, each once."""
    urls: list[str] = []
    for name in value.split(",") if isinstance(value, str) else ():
        name = name.strip()
        if is_collector_url(name) and name not in urls:
            urls.append(name)
    return urls


def is_collector_url(text: str) -> bool:
    """Whether a text is an https URL with a host."""
    try:
        parts = urlsplit(text)
        # A port that is no number raises.
        return parts.scheme == "https" and bool(parts.hostname) and parts.port is not False
    except ValueError:
        return False
