# SPDX-License-Identifier: GPL-3.0-only
"""All that is due for one VO: each plugin on its own, so that a slow one holds up no other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from ..errors import PilotLoggingError, Unavailable
from ..store import due, streams
from .contract import StreamPlugin
from .courier import Courier
from .shared_turn import SharedTurn
from .streaming import StreamCourier

FAILURE_THRESHOLD = 3
"""A plugin that fails with so many logs in a row is down: that is no longer the logs' fault."""
_AT_ONCE = 50
_LOOK_AGAIN_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Round:
    """What one round did for a VO.

    Attributes:
        delivered: Logs that a plugin has confirmed.
        failed: Logs that could not be delivered.
        works: Plugins that have confirmed something.
        down: Plugins that failed with log after log. Their other logs were not tried.
        unfinished: Whether the round was stopped before all was tried.
    """

    delivered: int = 0
    failed: int = 0
    works: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    unfinished: bool = False


def deliver_due(
    courier: Courier,
    vo: str,
    stopping: Callable[[], bool],
    thresholds: Mapping[str, int] | None = None,
    turn_is_over: Callable[[], bool] = lambda: False,
    lingers: Callable[[], bool] = lambda: False,
) -> Round:
    """Deliver all logs of a VO that are due, each plugin in a thread of its own.

    Args:
        courier: For this VO, with its plugins.
        vo: The VO.
        stopping: Asked before each log; True ends the work.
        thresholds: The plugins to serve, and for each the number of failures in a row with which the round ends for it:
            1 for one that was down when it was tried last. By default all, with :data:`FAILURE_THRESHOLD`.
        turn_is_over: Asked before each log; True lets no plugin begin one, see :class:`~.shared_turn.SharedTurn`.
        lingers: While it says so, streams wait for what pilots write that are still running.

    Raises:
        Unavailable: The database is away.
    """
    done = Round()
    failures: list[PilotLoggingError] = []
    lock = threading.Lock()

    def serve(plugin: str, failures_allowed: int) -> None:
        try:
            if isinstance(courier.plugins[plugin], StreamPlugin):
                _StreamRound(courier, vo, plugin, stopping, done, lock, shared_turn).run(lingers)
            else:
                _ArchiveRound(courier, vo, plugin, stopping, done, lock, shared_turn).run(failures_allowed)
        except PilotLoggingError as error:
            with lock:
                failures.append(error)
        except Exception as error:
            _log.exception("The deliveries of VO %s to %s ended unexpectedly", vo, plugin)
            with lock:
                failures.append(Unavailable(f"{plugin} ended unexpectedly: {type(error).__name__}: {error}."))
        finally:
            shared_turn.ended(plugin)

    wanted = dict.fromkeys(courier.plugins, FAILURE_THRESHOLD) if thresholds is None else thresholds
    served = {name: allowed for name, allowed in wanted.items() if name in courier.plugins}
    shared_turn = SharedTurn(served, turn_is_over)
    threads = [
        threading.Thread(target=serve, args=(name, allowed), name=f"deliver-{name}") for name, allowed in served.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return done


class _ArchiveRound:
    """One plugin's part of a round."""

    def __init__(
        self,
        courier: Courier,
        vo: str,
        plugin: str,
        stopping: Callable[[], bool],
        done: Round,
        lock: threading.Lock,
        shared_turn: SharedTurn,
    ) -> None:
        self._courier = courier
        self._vo = vo
        self._plugin = plugin
        self._stopping = stopping
        self._round = done
        self._lock = lock
        self._shared_turn = shared_turn
        self._tried: set[int] = set()
        self._order_changed = False

    def run(self, failures_allowed: int) -> None:
        failures_in_row, pauses_ended = 0, False
        for log_id, failed_before in self._work():
            done = self._courier.deliver(log_id, self._plugin)
            if done is None:
                continue
            self._note(done)
            if not done:
                failures_in_row += 1
                if failures_in_row >= failures_allowed:
                    with self._lock:
                        self._round.down.add(self._plugin)
                    return
                continue
            failures_in_row, failures_allowed = 0, FAILURE_THRESHOLD
            if failed_before and not pauses_ended:
                # What was wrong is over: the others need not wait for the end of their pauses. Once a round, so that a
                # log which alone fails for ever is not tried without a pause.
                self._end_pauses()
                pauses_ended = True

    def _note(self, done: bool) -> None:
        with self._lock:
            if done:
                self._round.delivered += 1
                self._round.works.add(self._plugin)
            else:
                self._round.failed += 1

    def _work(self) -> Iterator[tuple[int, bool]]:
        """Each log once that is due, and whether it had failed before: until none is left, or it is time to stop."""
        while True:
            for failed_before, select in ((False, due.list_never_failed), (True, due.list_failed_before)):
                for log_id in self._each(select):
                    if self._stopping() or not self._shared_turn.may_begin(self._plugin):
                        self._round.unfinished = True
                        return
                    self._tried.add(log_id)
                    yield log_id, failed_before
            self._shared_turn.ended(self._plugin)
            if self._stopping() or not self._shared_turn.others_at_work(self._plugin):
                return
            time.sleep(_LOOK_AGAIN_SECONDS)

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
        self._order_changed = True


class _StreamRound:
    """One stream's part of a round."""

    def __init__(
        self,
        courier: Courier,
        vo: str,
        name: str,
        stopping: Callable[[], bool],
        done: Round,
        lock: threading.Lock,
        shared_turn: SharedTurn,
    ) -> None:
        plugin = courier.plugins[name]
        assert isinstance(plugin, StreamPlugin)
        self._stream = StreamCourier(courier, vo, name, plugin)
        self._stopping = stopping
        self._round = done
        self._lock = lock
        self._shared_turn = shared_turn

    def run(self, lingers: Callable[[], bool]) -> None:
        """Until the stream lacks nothing and there is nothing to wait for, or it is time to stop, or it is away."""
        try:
            while self._carry():
                while not self._stream.lacks_something():
                    self._shared_turn.ended(self._stream.name)
                    waits = self._shared_turn.others_at_work(self._stream.name) or (lingers() and self._pilots_write())
                    if self._stopping() or not waits:
                        return
                    time.sleep(_LOOK_AGAIN_SECONDS)
        finally:
            self._stream.plugin.close()

    def _carry(self) -> bool:
        """Whether it may go on."""
        name = self._stream.name
        if self._stopping() or not self._shared_turn.may_begin(name):
            with self._lock:
                self._round.unfinished = True
            return False
        sent = self._stream.carry(lambda: not self._stopping() and self._shared_turn.may_begin(name))
        with self._lock:
            self._round.delivered += sent.ended
            self._round.failed += sent.refused
            if sent.chunks:
                self._round.works.add(name)
            if sent.problem is not None:
                self._round.failed += 1
                self._round.down.add(name)
        if not (sent.chunks or sent.refused or sent.problem):
            time.sleep(_LOOK_AGAIN_SECONDS)  # for a plugin that does nothing, and says nothing
        return sent.problem is None

    def _pilots_write(self) -> bool:
        with self._stream.database.reading() as connection:
            return streams.any_open(connection, self._stream.vo)
