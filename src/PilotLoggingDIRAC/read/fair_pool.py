# SPDX-License-Identifier: GPL-3.0-only
"""Threads for readers, shared out by VO first and by caller second."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

PLACES = 8
"""Readers that are served at one time."""
PLACES_OF_VO = 4
"""Of these, for one VO: storage or a search that is slow holds up the VO's own readers only."""
_MOST_ASIDE = 24
"""More threads, for those who wait elsewhere. See :mod:`..storage.archive_places`, which lets in fewer."""

_here = threading.local()


class Turn:
    """One reader's work: waiting, being done, or done.

    Attributes:
        vo, caller: Who it is for.
        future: Of what the work gives.
    """

    def __init__(self, pool: FairPool, vo: str, caller: str, work: Callable[[], Any]) -> None:
        self.vo, self.caller = vo, caller
        self.future: Future[Any] = Future()
        self._pool = pool
        self._work = work

    def give_up(self) -> None:
        """Nobody waits for it any more: if it has not begun, it never will, and its future is cancelled."""
        if self.future.cancel():
            self._pool._forget(self)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Around a long wait for somebody else: meanwhile others have the place."""
        self._pool._leave(self)
        try:
            yield
        finally:
            self._pool._return(self)

    def _run(self) -> None:
        _here.turn = self
        try:
            value = self._work()
        except BaseException as error:
            self._pool._leave(self)
            self.future.set_exception(error)
        else:
            self._pool._leave(self)
            self.future.set_result(value)
        finally:
            _here.turn = None


def current_turn() -> Turn | None:
    """That of the work which this thread does; None outside a pool."""
    return getattr(_here, "turn", None)


class FairPool:
    """Serves VOs in turn, and the callers of each in turn; of one caller's requests the first first.

    Args:
        places: Works that are done at one time.
        places_of_vo: The same of one VO.
    """

    def __init__(self, places: int = PLACES, places_of_vo: int = PLACES_OF_VO) -> None:
        self._places, self._places_of_vo = places, places_of_vo
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, OrderedDict[str, deque[Turn]]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(places + _MOST_ASIDE, thread_name_prefix="reader")

    def submit(self, vo: str, caller: str, work: Callable[[], Any]) -> Turn:
        """Have work done when it is its turn."""
        turn = Turn(self, vo, caller, work)
        with self._lock:
            self._waiting.setdefault(vo, OrderedDict()).setdefault(caller, deque()).append(turn)
            self._begin_some()
        return turn

    def _begin_some(self) -> None:
        while self._running.total() < self._places and (turn := self._next()) is not None:
            if turn.future.set_running_or_notify_cancel():
                self._running[turn.vo] += 1
                self._threads.submit(turn._run)

    def _next(self) -> Turn | None:
        """Whose turn it is; it and its VO, and its caller, go behind the others."""
        for vo, callers in self._waiting.items():
            if self._running[vo] < self._places_of_vo:
                caller, turns = next(iter(callers.items()))
                turn = turns.popleft()
                callers.move_to_end(caller)
                self._waiting.move_to_end(vo)
                self._tidy(turn)
                return turn
        return None

    def _tidy(self, turn: Turn) -> None:
        callers = self._waiting[turn.vo]
        if not callers[turn.caller]:
            del callers[turn.caller]
        if not callers:
            del self._waiting[turn.vo]

    def _forget(self, turn: Turn) -> None:
        with self._lock:
            turns = self._waiting.get(turn.vo, OrderedDict()).get(turn.caller)
            if turns and turn in turns:
                turns.remove(turn)
                self._tidy(turn)

    def _leave(self, turn: Turn) -> None:
        with self._lock:
            self._running[turn.vo] -= 1
            if not self._running[turn.vo]:
                del self._running[turn.vo]
            self._begin_some()

    def _return(self, turn: Turn) -> None:
        # Whoever has what it waited for is not made to wait once more.
        with self._lock:
            self._running[turn.vo] += 1
