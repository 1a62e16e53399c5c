# SPDX-License-Identifier: GPL-3.0-only
"""What collectors have stored."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_OWN = re.compile(r"(?m)^\S+ [A-Z]+ \[PilotLogging\] .*\n")


@dataclass(frozen=True)
class Batch:
    """One ``appendLog`` as it came.

    Attributes:
        final: The pilot's exit code, if this batch says goodbye.
        collector: Who took it.
        when: Monotonic seconds.
    """

    stamp: str
    session: str
    seq: int
    text: str
    context: dict[str, str]
    final: str | None
    collector: str
    when: float = field(default_factory=time.monotonic, compare=False)

    @property
    def key(self) -> tuple[str, str, int]:
        return self.stamp, self.session, self.seq

    def is_repeated_by(self, other: Batch) -> bool:
        """Whether a batch with the same number brings the same text; a successor's has no lines of the module's own."""
        return _OWN.sub("", self.text) == _OWN.sub("", other.text) and other.final in (None, self.final)


class Shelf:
    """Batches of any number of collectors. A number is stored once, as the real collectors do.

    Attributes:
        received: Every batch that was stored or had been stored before, in the order of arrival.
        complaints: What no sender may do, in words; a test is wrong or the module is if there is one.
    """

    def __init__(self) -> None:
        self.received: list[Batch] = []
        self.complaints: list[str] = []
        self._stored: dict[tuple[str, str, int], Batch] = {}
        self._lock = threading.Lock()

    def store(self, batch: Batch) -> int:
        """Store a batch unless its number is stored; gives nextSeq."""
        with self._lock:
            self.received.append(batch)
            before = self._stored.setdefault(batch.key, batch)
            if not before.is_repeated_by(batch):
                self.complaints.append(f"number {batch.seq} of session {batch.session} came with two contents")
            return 1 + max(seq for _, session, seq in self._of(batch.stamp) if session == batch.session)

    def stored(self, stamp: str) -> list[Batch]:
        """What is stored of a log: sessions in the order in which they began, their numbers in order."""
        with self._lock:
            keys = list(self._of(stamp))
        sessions = list(dict.fromkeys(session for _, session, _ in keys))
        keys.sort(key=lambda key: (sessions.index(key[1]), key[2]))
        return [self._stored[key] for key in keys]

    def text_of(self, stamp: str) -> str:
        """A log as a reader sees it."""
        return "".join(batch.text for batch in self.stored(stamp))

    def gaps(self, stamp: str) -> list[tuple[str, int]]:
        """Session and number of what is missing in a log."""
        missing = []
        for session in {batch.session for batch in self.stored(stamp)}:
            numbers = {batch.seq for batch in self.stored(stamp) if batch.session == session}
            missing += [(session, number) for number in range(1, max(numbers)) if number not in numbers]
        return missing

    def finals(self, stamp: str) -> list[str]:
        """The exit codes of a log's goodbyes."""
        return [batch.final for batch in self.stored(stamp) if batch.final is not None]

    def context_of(self, stamp: str) -> dict[str, Any]:
        """What is known of a log's pilot: the latest wins."""
        context: dict[str, Any] = {}
        for batch in self.stored(stamp):
            context |= batch.context
        return context

    @property
    def repeats(self) -> int:
        """How many batches came that were stored already."""
        return len(self.received) - len(self._stored)

    def _of(self, stamp: str) -> Iterator[tuple[str, str, int]]:
        return (key for key in self._stored if key[0] == stamp)
