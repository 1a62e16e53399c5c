# SPDX-License-Identifier: GPL-3.0-only
"""May this text come in now? The limits that keep one VO from taking the whole collector, or the whole disk.

Each collector counts on its own: what a VO sends a second, since collectors do not talk to each other. What it has in
the database is common to all, and looked up now and then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from ..errors import PilotLoggingError, Unavailable
from ..settings import VOSettings
from ..store.usage import Usage

_BURST_SECONDS = 10.0
"""What was not used is saved up for so long: pilots that start together are no trouble."""
_LOOK_SECONDS = 30.0


class Guard(Protocol):
    """Something that may refuse text of any VO, such as a disk that is nearly full."""

    def check(self) -> None:
        """Raises Unavailable."""


class TokenBucket:
    """So many units a second, and ten seconds' worth at once. Not safe for several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: float | None = None
        self._looked = 0.0

    def refused(self, rate: float) -> bool:
        """Whether it is used up; it fills by ``rate`` units a second. A rate of 0 allows everything."""
        now = self._clock()
        most = rate * _BURST_SECONDS
        self._left = most if self._left is None else min(self._left + (now - self._looked) * rate, most)
        self._looked = now
        return rate > 0 and self._left <= 0

    def take(self, units: float) -> None:
        """Use some, even if there is less: a message is not taken in parts."""
        if self._left is not None:
            self._left -= units


class _VOBuckets:
    """What one VO has used of its limits, as far as this collector knows."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.messages, self.text = TokenBucket(clock), TokenBucket(clock)
        self.taken_since = 0  # bytes, since the database was last asked


class Admission:
    """Decides for each message whether it may come in now. Called by one thread at a time."""

    def __init__(
        self,
        usage: Callable[[], Mapping[str, Usage]],
        disk: Guard,
        clock: Callable[[], float] = time.monotonic,
        every: float = _LOOK_SECONDS,
    ) -> None:
        """Begin to look at the usage, in a thread of its own: a slow database holds up no request.

        Args:
            usage: Asks the database; may raise.
            disk: Of the database.
            clock: In seconds.
            every: Seconds between two looks at the usage.
        """
        self._usage: Mapping[str, Usage] = {}
        self._ask = usage
        self._disk = disk
        self._clock = clock
        self._every = every
        self._vos: dict[str, _VOBuckets] = {}
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="PilotLogDB-usage", daemon=True).start()

    def check(self, vo: str, settings: VOSettings, size: int) -> None:
        """Pass if a message of a VO may come in now, and count it.

        Args:
            vo: The VO.
            settings: Its settings.
            size: Bytes of text. A goodbye has none, takes no room, and is never refused.

        Raises:
            Unavailable: It has to wait; the sentence says for what.
        """
        if not size:
            return
        self._disk.check()
        buckets = self._vos.setdefault(vo, _VOBuckets(self._clock))
        stored = self._usage.get(vo, Usage()).text + buckets.taken_since
        if 0 < settings.quota <= stored:
            raise Unavailable(
                f"VO {vo} has {stored} bytes of text in the database, and its quota (Quota) is {settings.quota}: "
                "send it later, when some has been delivered.",
                reason="quota",
            )
        if buckets.messages.refused(settings.max_message_rate):
            raise Unavailable(
                f"VO {vo} sends more than {settings.max_message_rate} messages a second (MaxMessageRate): "
                "send it later.",
                reason="rate",
            )
        if buckets.text.refused(settings.max_text_rate):
            raise Unavailable(
                f"VO {vo} sends more than {settings.max_text_rate} bytes a second (MaxTextRate): send it later.",
                reason="rate",
            )
        buckets.messages.take(1)
        buckets.text.take(size)
        buckets.taken_since += size

    def may_open(self, vo: str, settings: VOSettings) -> bool:
        """Whether the VO may begin one more log."""
        return not 0 < settings.max_open_logs <= self._usage.get(vo, Usage()).open_logs

    def usage(self) -> Mapping[str, Usage]:
        """What each VO had in the database at the last look."""
        return self._usage

    def look(self) -> None:
        """Ask the database what each VO has. While it cannot say, the last answer holds."""
        taken = {vo: buckets.taken_since for vo, buckets in list(self._vos.items())}
        try:
            self._usage = self._ask()
        except PilotLoggingError:
            return
        for vo, size in taken.items():
            self._vos[vo].taken_since -= size

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _run(self) -> None:
        while True:
            self.look()
            if self._ended.wait(self._every):
                return
