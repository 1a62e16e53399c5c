# SPDX-License-Identifier: GPL-3.0-only
"""A request's body while it arrives: no larger than it may be, no slower, and all together within a budget."""

from __future__ import annotations

from typing import Any

from ..errors import Rejected, Unavailable

_ALWAYS_ADMITTED = 2**16
"""Bytes of each body that do not count: a few large ones must not lock out the many short messages."""


LEAST_SPEED = 1024
"""Bytes a second that a body has to come with, as it is sent, on the average of each :data:`LOOK_SECONDS`."""
LOOK_SECONDS = 20.0


class Pace:
    """How quickly one body comes, looked at now and then.

    Args:
        seconds: That it may take at all.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._size = 0
        self.next_look = min(seconds, LOOK_SECONDS)
        """When to look, in seconds from the last look."""

    def holds(self, size: int) -> bool:
        """To be called at each look: whether the body may go on coming.

        Args:
            size: Bytes that have come.
        """
        fast_enough = size - self._size >= LEAST_SPEED * self.next_look
        self._left -= self.next_look
        self._size = size
        self.next_look = min(self._left, LOOK_SECONDS)
        return fast_enough and self._left > 0


class RequestMemory:
    """What all bodies of this process may take at one time. For the event loop only.

    Args:
        most: Bytes, of what each body has beyond its first 64 KiB.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._used = 0
        self._refused = 0

    def take(self, size: int) -> None:
        """Count so many bytes more.

        Raises:
            Unavailable: There is no room.
        """
        if self._used + size > self._most:
            self._refused += 1
            raise Unavailable(
                "The collector's memory for requests (MaxRequestMemory) is full: send it later.", reason="memory"
            )
        self._used += size

    def give_back(self, size: int) -> None:
        """Count so many bytes less."""
        self._used -= size

    def metrics(self) -> dict[str, Any]:
        """What bodies take now, in bytes, and how many were refused."""
        return {"requestMemory": self._used, "refusedForMemory": self._refused}


class Body:
    """One body.

    Args:
        memory: The budget that it is part of.
        largest: Bytes that it may have.
    """

    def __init__(self, memory: RequestMemory, largest: int) -> None:
        self._memory = memory
        self._largest = largest
        self._counted = 0
        # Not a list of pieces: a peer that sends single bytes would make it forty times as large as the text.
        self._content = bytearray()

    def check(self, size: int) -> None:
        """Whether a body of so many bytes can be taken.

        Raises:
            Rejected: It is too large.
        """
        if size > self._largest:
            raise Rejected(f"The request has more than {self._largest} bytes: send less.", reason="too large")

    def add(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            Rejected: The body is too large.
            Unavailable: There is no room for it now.
        """
        size = len(self._content) + len(piece)
        self.check(size)
        counted = max(0, size - _ALWAYS_ADMITTED)
        self._memory.take(counted - self._counted)
        self._counted = counted
        self._content += piece

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return len(self._content)

    def beginning(self, size: int) -> bytes:
        """The first bytes that have come."""
        return bytes(self._content[:size])

    def content(self) -> bytes:
        """All of it. It is forgotten here, and counts until :meth:`release`."""
        content = bytes(self._content)
        self._content = bytearray()
        return content

    def release(self) -> None:
        """Give the memory back. May be called again."""
        self._content = bytearray()
        self._memory.give_back(self._counted)
        self._counted = 0
