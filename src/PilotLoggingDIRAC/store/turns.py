# SPDX-License-Identifier: GPL-3.0-only
"""What is done for a message before its transaction, in turns: each VO for some milliseconds, and in it log by log.

Most messages are ready at once. One whose text takes longer steps aside, and what comes for the same log later waits
behind it; all others pass.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from ..model import LogKey

_TURN = 0.02
"""Seconds for all VOs between two transactions, and then as many of processor time for each; a step is never cut."""


class Steps(Protocol):
    """A message that is made ready step by step."""

    @property
    def key(self) -> LogKey:
        """Its log."""

    def go_on(self) -> bool:
        """Do one step; True once it is ready."""


T = TypeVar("T", bound=Steps)


class Turns(Generic[T]):
    """Messages that are not ready yet. For one thread."""

    def __init__(
        self,
        turn: float = _TURN,
        clock: Callable[[], float] = time.thread_time,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing waits.

        Args:
            turn: Seconds.
            clock: By which they count for each VO: the processor time of this thread.
            wall: By which they count for all. It is quick to ask, and most often nobody takes longer.
        """
        self._turn = turn
        self._clock = clock
        self._wall = wall
        self._aside: dict[str, dict[LogKey, deque[T]]] = {}

    def __bool__(self) -> bool:
        return bool(self._aside)

    def ready(self, fresh: Sequence[T]) -> list[T]:
        """One turn for each VO.

        Args:
            fresh: What has just come, in its order.

        Returns:
            What is ready now, that of one log in the order in which it came.
        """
        left: dict[str, float] = {}
        ready = self._ready_at_once(fresh, left)
        for vo in list(self._aside):
            self._go_on(vo, left.get(vo, self._turn), ready)
        return ready

    def put_back(self, messages: Sequence[T]) -> None:
        """Messages that were ready have to be made ready once more: they come first in their logs."""
        for message in reversed(messages):
            self._waiting(message.key).appendleft(message)

    def _ready_at_once(self, fresh: Sequence[T], left: dict[str, float]) -> list[T]:
        ready: list[T] = []
        until, now = self._wall() + self._turn, None
        for message in fresh:
            vo, done = message.key.vo, False
            if message.key in self._aside.get(vo, ()):
                pass
            elif now is None:
                while not (done := message.go_on()) and self._wall() < until:
                    pass
                if self._wall() >= until:
                    now = self._clock()
            elif (seconds := left.get(vo, self._turn)) > 0:
                done = message.go_on()
                begun, now = now, self._clock()
                left[vo] = seconds - (now - begun)
            if done:
                ready.append(message)
            else:
                self._waiting(message.key).append(message)
        return ready

    def _go_on(self, vo: str, seconds: float, ready: list[T]) -> None:
        """A step for each log after the other, for so many seconds and one step at least."""
        logs = self._aside[vo]
        until, latest = self._clock() + seconds, self._wall() + seconds
        while logs:
            key, waiting = next(iter(logs.items()))
            del logs[key]
            if waiting[0].go_on():
                ready.append(waiting.popleft())
            if waiting:
                logs[key] = waiting  # behind the others
            # By the wall clock too: a thread that others keep from its processor would make them wait for it.
            if self._wall() >= latest or self._clock() >= until:
                break
        if not logs:
            del self._aside[vo]

    def _waiting(self, key: LogKey) -> deque[T]:
        return self._aside.setdefault(key.vo, {}).setdefault(key, deque())
