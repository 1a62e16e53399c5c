# SPDX-License-Identifier: GPL-3.0-only
"""An archive's part of a round: several carriers take the logs that are due, in one order, each log once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from ..store import due
from .courier import Courier
from .outcome import Round
from .shared_turn import SharedTurn

FAILURE_THRESHOLD = 3
"""A plugin that fails with so many logs in a row is down: that is no longer the logs' fault."""
_AT_ONCE = 50
LOOK_AGAIN_SECONDS = 0.5


class Carrier(Protocol):
    """Carries one log at a time to one archive; used by one thread.

    Attributes:
        alive: False when it can carry no more.
    """

    @property
    def alive(self) -> bool: ...

    def deliver(self, log_id: int) -> bool | None:
        """As :meth:`~.courier.Courier.deliver`."""


@dataclass(frozen=True, slots=True)
class InThisProcess:
    """The carrier that is always there."""

    courier: Courier
    plugin: str
    alive: bool = True

    def deliver(self, log_id: int) -> bool | None:
        return self.courier.deliver(log_id, self.plugin)


def lanes(plugin: str, carriers: int) -> list[str]:
    """What the carriers of a plugin are called in a :class:`~.shared_turn.SharedTurn`."""
    return [plugin, *(f"{plugin}, {number}" for number in range(2, carriers + 1))]


class ArchiveRound:
    """One archive's part of a round.

    Failures in a row are those of all carriers together. With an archive that was down when it was tried last, one log
    is on the way until one has arrived.
    """

    def __init__(
        self,
        courier: Courier,
        vo: str,
        plugin: str,
        stopping: Callable[[], bool],
        done: Round,
        lock: threading.Lock,
        shared_turn: SharedTurn,
        failures_allowed: int,
    ) -> None:
        self._courier = courier
        self._vo = vo
        self._plugin = plugin
        self._stopping = stopping
        self._round = done
        self._round_lock = lock
        self._shared_turn = shared_turn
        self._failures_allowed = failures_allowed
        # What follows is the carriers' together, and is used with this lock.
        self._lock = threading.Lock()
        self._due = self._list_due()
        self._next_look = 0.0
        self._tried: set[int] = set()
        self._in_hand = 0
        self._failures_in_row = 0
        self._over = False
        self._pauses_ended = False
        self._order_changed = False

    def run(self, carriers: Sequence[Carrier]) -> None:
        """Until nothing is due, or it is time to stop, or the archive is down."""
        with ThreadPoolExecutor(len(carriers), thread_name_prefix=f"deliver-{self._plugin}") as threads:
            names = lanes(self._plugin, len(carriers))
            for served in [threads.submit(self._serve, *each) for each in zip(names, carriers, strict=True)]:
                served.result()

    def _serve(self, lane: str, carrier: Carrier) -> None:
        try:
            while carrier.alive and (taken := self._take(lane)) is not None:
                log_id, failed_before = taken
                done = None
                try:
                    done = carrier.deliver(log_id)
                finally:
                    end_pauses = self._take_in(done, failed_before)
                if end_pauses:
                    self._end_pauses()
        finally:
            self._shared_turn.ended(lane)

    def _take(self, lane: str) -> tuple[int, bool] | None:
        """The next log, and whether it had failed before; None when there is no more to do for this carrier."""
        while True:
            with self._lock:
                if self._over:
                    return None
                found = self._look()
                if found is not None:
                    if self._stopping() or not self._shared_turn.may_begin(lane):
                        self._over = self._round.unfinished = True
                        return None
                    self._tried.add(found[0])
                    self._in_hand += 1
                    return found
            self._shared_turn.ended(lane)
            if self._stopping() or not self._shared_turn.others_at_work(lane):
                return None
            time.sleep(LOOK_AGAIN_SECONDS)

    def _look(self) -> tuple[int, bool] | None:
        """The next log, if there is one now; the database is not asked by each carrier in vain."""
        tries = self._failures_allowed < FAILURE_THRESHOLD
        if (tries and self._in_hand) or time.monotonic() < self._next_look:
            return None
        found = next(self._due, None)
        if found is None:
            self._next_look = time.monotonic() + LOOK_AGAIN_SECONDS
        return found

    def _take_in(self, done: bool | None, failed_before: bool) -> bool:
        """What has become of a log; True when the pauses of the others are to be ended."""
        with self._lock, self._round_lock:
            self._in_hand -= 1
            if done is None:
                return False
            if not done:
                self._round.failed += 1
                self._failures_in_row += 1
                if self._failures_in_row >= self._failures_allowed:
                    self._round.down.add(self._plugin)
                    self._over = True
                return False
            self._round.delivered += 1
            self._round.works.add(self._plugin)
            self._failures_in_row, self._failures_allowed = 0, FAILURE_THRESHOLD
            # What was wrong is over: the others need not wait for the end of their pauses. Once a round, so that a log
            # which alone fails for ever is not tried without a pause.
            ends = failed_before and not self._pauses_ended
            self._pauses_ended = self._pauses_ended or ends
            return ends

    def _list_due(self) -> Iterator[tuple[int, bool] | None]:
        """Each log once that is due, and whether it had failed before; None each time that there are no more now."""
        while True:
            for failed_before, select in ((False, due.list_never_failed), (True, due.list_failed_before)):
                for log_id in self._each(select):
                    yield log_id, failed_before
            yield None

    def _each(self, select: Callable[[Connection, str, str, datetime, int], list[int]]) -> Iterator[int]:
        limit = _AT_ONCE
        while True:
            with self._courier.database.reading() as connection:
                now = self._courier.database.now(connection)
                found = select(connection, self._vo, self._plugin, now, limit)
            untried = [log_id for log_id in found if log_id not in self._tried]
            if not untried and len(found) < limit:
                return
            # Those that were tried and are due again, since a new line came, must not hide the others.
            limit = _AT_ONCE + len(found) - len(untried)
            self._order_changed = False
            for log_id in untried:
                if self._order_changed:
                    break
                yield log_id

    def _end_pauses(self) -> None:
        database = self._courier.database
        with database.reading() as connection:
            now = database.now(connection)
        while database.transact(lambda connection: due.end_pauses(connection, self._vo, self._plugin, now)):
            pass
        with self._lock:
            self._order_changed = True
            self._next_look = 0.0
