# SPDX-License-Identifier: GPL-3.0-only
"""Logs that are shown while their pilots write: asked for again and again, and waited for where nobody answers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from ..errors import PilotLoggingError, Unavailable
from .quiet_notice import QuietNotices

_POLL_SECONDS = 1.0
_LONGEST_PAUSE = 30.0

Part = TypeVar("Part")
"""What a log is shown in: its lines, or its text piece by piece."""


def pass_over(_: str) -> None:
    """For who is not interested."""


class FollowedLog(ABC, Generic[Part]):
    """One log as it grows.

    Args:
        tell: Is told when it becomes quiet, and when it has a line again.
    """

    def __init__(self, tell: Callable[[str], None] = pass_over) -> None:
        self._tell = tell
        self._notices = QuietNotices()
        self.open = True
        """Whether more can come."""

    @property
    @abstractmethod
    def begun(self) -> bool:
        """Whether some of it was read, so that a collector that is away now is waited for."""

    @abstractmethod
    def poll(self, follow: bool) -> Iterator[Part]:
        """What has come since.

        Args:
            follow: This is called again.

        Raises:
            NotFound, Rejected: There is no such log, or it may not be read.
            Unavailable: It cannot be read now. What was not given is given by the next call.
        """

    def _say(self, notice: str | None) -> None:
        if notice:
            self._tell(notice)


def follow_log(log: FollowedLog[Part], follow: bool, sleep: Callable[[float], None] = time.sleep) -> Iterator[Part]:
    """One log.

    Args:
        follow: Go on until it is closed. A collector that is away meanwhile is waited for.

    Raises:
        NotFound, Rejected: There is no such log, or it may not be read.
        Unavailable: It cannot be read now; when following, only at the beginning.
    """

    def fail(_: str, error: PilotLoggingError) -> None:
        raise error

    for _, part in follow_together([("", log)], follow, fail, sleep=sleep):
        yield part


def follow_together(
    logs: Sequence[tuple[str, FollowedLog[Part]]],
    follow: bool,
    failed: Callable[[str, PilotLoggingError], None],
    ended: Callable[[str], None] = pass_over,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[str, Part]]:
    """Several logs, what comes of each with its name.

    Args:
        follow: Go on until all are closed. A collector that is away meanwhile is waited for.
        failed: Is told of a log that cannot be read, and no more is asked for.
        ended: Is told of a log that is closed and has been read to its end.
        sleep: For tests.
    """
    left, pause = list(logs), _POLL_SECONDS
    while left:
        away = False
        for name, log in list(left):
            try:
                for part in log.poll(follow):
                    yield name, part
            except PilotLoggingError as error:
                if follow and log.begun and isinstance(error, Unavailable):
                    away = True
                    continue
                left.remove((name, log))
                failed(name, error)
                continue
            if not (follow and log.open):
                left.remove((name, log))
                ended(name)
        if not away:
            pause = _POLL_SECONDS
        if left:
            sleep(pause)
        if away:
            pause = min(2 * pause, _LONGEST_PAUSE)
