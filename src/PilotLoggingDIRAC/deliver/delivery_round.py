# SPDX-License-Identifier: GPL-3.0-only
"""All that is due for one VO: each plugin on its own, so that a slow one holds up no other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from ..errors import PilotLoggingError, Unavailable
from ..store import streams
from .archive_round import FAILURE_THRESHOLD, LOOK_AGAIN_SECONDS, ArchiveRound, Carrier, InThisProcess, lanes
from .contract import StreamPlugin
from .courier import Courier
from .outcome import Round
from .shared_turn import SharedTurn
from .streaming import StreamCourier

_log = logging.getLogger(__name__)


def deliver_due(
    courier: Courier,
    vo: str,
    stopping: Callable[[], bool],
    thresholds: Mapping[str, int] | None = None,
    turn_is_over: Callable[[], bool] = lambda: False,
    lingers: Callable[[], bool] = lambda: False,
    carriers: Mapping[str, Sequence[Carrier]] | None = None,
) -> Round:
    """Deliver all logs of a VO that are due, each plugin in a thread of its own, or in several.

    Args:
        courier: For this VO, with its plugins.
        vo: The VO.
        stopping: Asked before each log; True ends the work.
        thresholds: The plugins to serve, and for each the number of failures in a row with which the round ends for it:
            1 for one that was down when it was tried last. By default all, with :data:`FAILURE_THRESHOLD`.
        turn_is_over: Asked before each log; True lets no plugin begin one, see :class:`~.shared_turn.SharedTurn`.
        lingers: While it says so, streams wait for what pilots write that are still running.
        carriers: For an archive, what carries its logs, each of them one at a time. By default this process does.

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
                archive = ArchiveRound(courier, vo, plugin, stopping, done, lock, shared_turn, failures_allowed)
                archive.run(carried_by[plugin])
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
    carried_by = {name: (carriers or {}).get(name) or [InThisProcess(courier, name)] for name in served}
    shared_turn = SharedTurn([lane for name in served for lane in lanes(name, len(carried_by[name]))], turn_is_over)
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
                    time.sleep(LOOK_AGAIN_SECONDS)
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
            time.sleep(LOOK_AGAIN_SECONDS)  # for a plugin that does nothing, and says nothing
        return sent.problem is None

    def _pilots_write(self) -> bool:
        with self._stream.database.reading() as connection:
            return streams.any_open(connection, self._stream.vo)
