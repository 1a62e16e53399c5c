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

from cachetools import TTLCache

from ..errors import PilotLoggingError, Unavailable
from ..model import Append
from ..settings import VOSettings
from ..store.usage import ROW_SIZE, Usage
from .buckets import BURST_SECONDS, Buckets, TokenBucket

_LOOK_SECONDS = 30.0
_LOG_SHARE = 1 / 16
"""Of its VO's rates, that a log may always use. It may use more while its VO uses less than it may."""
_RESERVE = 0.5
"""Of what a VO has saved up, that is left to logs within their share: one that runs away finds it taken."""
_LOGS = 20_000
"""Of a VO, that shares are kept of; of a log that sent nothing for ten seconds none is needed, it has all of it."""


class Guard(Protocol):
    """Something that may refuse text of any VO, such as a disk that is nearly full."""

    def check(self) -> None:
        """Raises Unavailable."""


class _VOBuckets(Buckets):
    """What one VO has used of its limits, as far as this collector knows."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.goodbyes = TokenBucket(clock)
        self.logs: TTLCache[str, Buckets] = TTLCache(_LOGS, BURST_SECONDS, clock)
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

    def check(self, append: Append, settings: VOSettings) -> Unavailable | None:
        """Pass if a message may come in now, and count it.

        What has no text counts as well: its row takes room and time. A goodbye alone is sent once by a stock pilot, and
        without it a log waits for hours: it has a rate of its own, and passes where there is no room for text.

        Args:
            append: The message.
            settings: Of its VO.

        Returns:
            For a goodbye that comes when there is no room for text: what is to be said unless its log is there.

        Raises:
            Unavailable: It has to wait; the sentence says for what.
        """
        vo, size = append.key.vo, append.size + ROW_SIZE
        buckets = self._vos.get(vo)
        if buckets is None:
            buckets = self._vos[vo] = _VOBuckets(self._clock)
        no_room = None
        try:
            self._check_room(vo, buckets, settings)
        except Unavailable as refusal:
            if not append.is_goodbye:
                raise
            no_room = refusal
        if append.is_goodbye:
            if buckets.goodbyes.refused(settings.max_message_rate):
                raise _too_fast(f"VO {vo}", "goodbyes", settings.max_message_rate, "MaxMessageRate")
            buckets.goodbyes.take(1)
        else:
            self._check_rates(append, buckets, size, settings)
        buckets.taken_since += size
        return no_room

    def _check_room(self, vo: str, buckets: _VOBuckets, settings: VOSettings) -> None:
        self._disk.check()
        stored = self._usage.get(vo, Usage()).size + buckets.taken_since
        if 0 < settings.quota <= stored:
            raise Unavailable(
                f"VO {vo} has {stored} bytes of text and rows in the database, and its quota (Quota) is "
                f"{settings.quota}: send it later, when some has been delivered.",
                reason="quota",
            )

    def _check_rates(self, append: Append, of_vo: _VOBuckets, size: int, settings: VOSettings) -> None:
        """Within the VO's rates and, where the VO has used half of what it had saved up, the log's share of them."""
        vo, stamp = append.key
        of_log = of_vo.logs.get(stamp) or Buckets(self._clock)
        for rate, units, option, whole, part in (
            (settings.max_message_rate, "messages", "MaxMessageRate", of_vo.messages, of_log.messages),
            (settings.max_text_rate, "bytes", "MaxTextRate", of_vo.text, of_log.text),
        ):
            beyond_share = part.refused(rate * _LOG_SHARE)
            if whole.refused(rate):
                raise _too_fast(f"VO {vo}", units, rate, option)
            if beyond_share and whole.refused(rate, _RESERVE):
                raise _too_fast(f"Pilot {stamp}", units, f"its share of {rate}", option)
        of_vo.take(size)
        of_log.take(size)
        of_vo.logs[stamp] = of_log

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


def _too_fast(who: str, units: str, rate: object, option: str) -> Unavailable:
    return Unavailable(f"{who} sends more than {rate} {units} a second ({option}): send it later.", reason="rate")
