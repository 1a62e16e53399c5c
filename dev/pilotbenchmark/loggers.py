# SPDX-License-Identifier: GPL-3.0-only
"""The ways to send a pilot's log that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pilot.harness import MODULE, through_module, through_pilot

_LIVE = 10
"""Seconds. With stock settings nothing is sent until there are 1000 lines or a command ends; so it can be watched."""


@dataclass(frozen=True)
class Logger:
    """One way.

    Attributes:
        sends: Whether it sends anything.
        module: What is brought in as PilotLoggingCommands.py, with the parts beside it.
        interval: RemoteLoggerTimerInterval; 0: as it comes.
    """

    name: str
    sends: bool = True
    module: Path | None = None
    interval: int = 0

    def options(self, url: str) -> dict[str, str]:
        """What stands in the CS, when the collector is at this URL."""
        if not self.sends:
            return {"RemoteLogging": "false"}
        addressed = through_module([url]) if self.module else through_pilot(url)
        return addressed | ({"RemoteLoggerTimerInterval": str(self.interval)} if self.interval else {})


OFF = Logger("off", sends=False)
STOCK = Logger("stock")
LIVE = Logger(f"stock, {_LIVE} s", interval=_LIVE)
OURS = Logger("ours", module=MODULE)
AT_ONCE = (OFF, STOCK, OURS)
PACED = (OFF, STOCK, LIVE, OURS)
