# SPDX-License-Identifier: GPL-3.0-only
"""What waits for the writer: shared out among the VOs, so that one VO's flood is no trouble for another's messages."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_SHARE = 4
"""A VO may have so many times as much waiting as there is room left: alone four fifths of all, and another one always
finds room. This is the dynamic threshold of switches that share their memory (Choudhury and Hahne, 1998)."""


class _Item(NamedTuple, Generic[T]):
    size: int
    value: T


class FairQueue(Generic[T]):
    """A queue for each VO within one bound. What came from one VO leaves in the order in which it came.

    Safe for any number of threads that put and one that takes.
    """

    def __init__(self, most: int) -> None:
        """Nothing waits.

        Args:
            most: Bytes that may wait, those included that were taken and are not yet :meth:`done`.
        """
        self._most = most
        self._waiting: dict[str, deque[_Item[T]]] = {}
        self._sizes: Counter[str] = Counter()
        self._total = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def size(self) -> int:
        """Bytes that wait or are not yet done."""
        return self._total

    @property
    def closed(self) -> bool:
        """Whether nothing is taken in any more."""
        return self._closed

    def put(self, vo: str, size: int, value: T) -> bool:
        """Take something in, never blocking; False where it is closed, or the VO has its share waiting already."""
        with self._changed:
            if self._closed or self._sizes[vo] > _SHARE * (self._most - self._total):
                return False
            self._waiting.setdefault(vo, deque()).append(_Item(size, value))
            self._sizes[vo] += size
            self._total += size
            self._changed.notify()
            return True

    def take(self, count: int, size: int, wait: bool = True) -> list[T]:
        """Take what is there.

        Each VO gets the same number of bytes, as far as it has so many; who came off worst is first the next time.

        Args:
            count: No more than so many.
            size: Nothing more once there are so many bytes.
            wait: Until there is something.

        Returns:
            Nothing, once it is closed and empty; without waiting, also where there is nothing.
        """
        taken: list[T] = []
        of_vo: Counter[str] = Counter()
        with self._changed:
            while wait and not self._waiting and not self._closed:
                self._changed.wait()
            while self._waiting and len(taken) < count and of_vo.total() < size:
                vo = min(self._waiting, key=lambda vo: of_vo[vo])
                item = self._waiting[vo].popleft()
                of_vo[vo] += item.size
                taken.append(item.value)
                if not self._waiting[vo]:
                    del self._waiting[vo]
            for vo in sorted(of_vo, key=lambda vo: of_vo[vo]):
                if vo in self._waiting:
                    self._waiting[vo] = self._waiting.pop(vo)
        return taken

    def done(self, vo: str, size: int) -> None:
        """Something that was taken needs no room any more."""
        with self._changed:
            self._total -= size
            self._sizes[vo] -= size
            if not self._sizes[vo]:
                del self._sizes[vo]

    def close(self) -> None:
        """Take nothing in any more; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
