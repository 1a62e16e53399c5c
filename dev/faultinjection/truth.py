# SPDX-License-Identifier: GPL-3.0-only
"""What the pilots know: which lines they wrote, which were acknowledged. The oracle compares with this.

It is written as it happens, one JSON document a line, so that it is there whatever becomes of the pilots.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Key(NamedTuple):
    """One log."""

    vo: str
    stamp: str


@dataclass
class Piece:
    """Lines that were sent together, perhaps several times.

    Attributes:
        source: the sender within the log: a session, or one buffer of a stock pilot
        seq: of a numbered sender
        first, last: its lines; a stock pilot's grow with each resend
        sent: it has been on its way at least once
        acknowledged: up to which line; 0 for none
    """

    source: str
    seq: int | None
    first: int
    last: int
    sent: bool = False
    acknowledged: int = 0


@dataclass
class Log:
    """One log as its pilots know it.

    Attributes:
        pieces: in the order in which they were written
        goodbyes: exit codes that were sent, in that order
        acknowledged_goodbyes: those that were acknowledged
    """

    key: Key
    pieces: list[Piece] = field(default_factory=list)
    goodbyes: list[int] = field(default_factory=list)
    acknowledged_goodbyes: list[int] = field(default_factory=list)

    @property
    def acknowledged_anything(self) -> bool:
        return bool(self.acknowledged_goodbyes) or any(piece.acknowledged for piece in self.pieces)


@dataclass
class Truth:
    """All logs of a run, and when something was acknowledged (seconds since the epoch)."""

    logs: dict[Key, Log] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)

    def note(self, event: dict) -> None:
        """Take in one event of :class:`Record`."""
        key = Key(event["vo"], event["stamp"])
        log = self.logs.setdefault(key, Log(key))
        kind = event["event"]
        if kind.startswith("goodbye"):
            log.goodbyes.append(event["code"]) if kind == "goodbye" else log.acknowledged_goodbyes.append(event["code"])
        else:
            piece = next(
                (p for p in reversed(log.pieces) if (p.source, p.first) == (event["source"], event["first"])), None
            )
            if piece is None:
                piece = Piece(event["source"], event["seq"], event["first"], event["last"])
                log.pieces.append(piece)
            piece.last = max(piece.last, event["last"])
            piece.sent = piece.sent or kind != "skipped"
            if kind == "acknowledged":
                piece.acknowledged = max(piece.acknowledged, event["last"])
        if kind.endswith("acknowledged"):
            self.moments.append(event["time"])


def read(file: Path) -> Truth:
    """What a Record has written."""
    truth = Truth()
    with file.open() as lines:
        for line in lines:
            truth.note(json.loads(line))
    return truth


class Record:
    """Writes the truth of all pilots of a process into one file."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w", buffering=1)

    def piece(self, event: str, key: Key, source: str, seq: int | None, first: int, last: int) -> None:
        """Lines are ``sent`` (about to be), ``acknowledged``, or ``skipped`` (they never will be sent)."""
        self._write({"event": event, **key._asdict(), "source": source, "seq": seq, "first": first, "last": last})

    def goodbye(self, key: Key, code: int, acknowledged: bool) -> None:
        """A goodbye is about to be sent, or was acknowledged."""
        event = "goodbye-acknowledged" if acknowledged else "goodbye"
        self._write({"event": event, **key._asdict(), "code": code})

    def _write(self, event: dict) -> None:
        self._file.write(json.dumps(event | {"time": round(time.time(), 3)}) + "\n")
