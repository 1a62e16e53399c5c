# SPDX-License-Identifier: GPL-3.0-only
"""What replies may take in memory while they are made and read: all together, a VO's, and a caller's."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from ..errors import Unavailable
from .shares import Owner

_VO_SHARE, _CALLER_SHARE = 1 / 2, 1 / 4
_PATIENCE = 10.0
"""Seconds that a reply waits for others to be read."""


class ReplyMemory:
    """The budget of a process. For the event loop only.

    Args:
        most: Bytes. A single reply may have more, if its caller has no other.
        patience: Seconds that :meth:`take` waits for room.
    """

    def __init__(self, most: int, patience: float = _PATIENCE) -> None:
        self._most, self._patience = most, patience
        self._used = 0
        self._of_vos: Counter[str] = Counter()
        self._of_callers: Counter[Owner] = Counter()
        self._changed: asyncio.Event | None = None
        self._refused = 0

    async def take(self, owner: Owner, size: int) -> Room:
        """Wait for room for a reply.

        Raises:
            Unavailable: There is none, because replies that were asked for before are not being read.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while not self._has_room(owner, size):
            self._changed = self._changed or asyncio.Event()
            try:
                await asyncio.wait_for(self._changed.wait(), until - loop.time())
            except TimeoutError:
                self._refused += 1
                raise Unavailable(
                    "The collector's memory for replies (MaxReplyMemory), or your share of it, is full: "
                    "read what you have asked for, and ask again.",
                    reason="memory",
                ) from None
        room = Room(self, owner)
        room.resize(size)
        return room

    def _has_room(self, owner: Owner, size: int) -> bool:
        callers = self._of_callers[owner]
        if callers and callers + size > self._most * _CALLER_SHARE:
            return False
        vos = self._of_vos[owner.vo]
        if vos and vos + size > self._most * _VO_SHARE:
            return False
        return not self._used or self._used + size <= self._most

    def _add(self, owner: Owner, size: int) -> None:
        self._used += size
        self._of_vos[owner.vo] += size
        self._of_callers[owner] += size
        # Who has none left is forgotten.
        self._of_vos, self._of_callers = +self._of_vos, +self._of_callers
        if size < 0 and self._changed is not None:
            self._changed.set()
            self._changed = None

    def metrics(self) -> dict[str, Any]:
        """What replies take now, in bytes, and how many were refused."""
        return {"replyMemory": self._used, "refusedReplies": self._refused}


class Room:
    """What one reply takes."""

    def __init__(self, memory: ReplyMemory, owner: Owner) -> None:
        self._memory, self._owner = memory, owner
        self._size = 0

    def resize(self, size: int) -> None:
        """It takes so many bytes now; 0 gives all back."""
        self._memory._add(self._owner, size - self._size)
        self._size = size
