# SPDX-License-Identifier: GPL-3.0-only
"""Whose the authenticated connections are, and whose give way: nobody takes all places from the others.

What takes a place for long, and loses little when it is closed, is a connection without a request, one whose request
is still coming, and one whose answer is not read. A request that has come whole is never among them: it may be a
pilot's text on its way to the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from typing import NamedTuple, Protocol

_VO_SHARE = 1 / 2
_CALLER_SHARE = 1 / 3
"""Of all connections, that may wait for bodies or for readers at one time. A VO's pilots are one caller, mostly, and
their bodies are there at once."""


class Owner(NamedTuple):
    """Whose a connection is.

    Attributes:
        vo: Of the caller's group; empty for hosts and groups without one.
        caller: The DN of a user or host.
    """

    vo: str
    caller: str


NOBODY = Owner("", "")


class Owned(Protocol):
    """A stream. ``waits_for_peer``, where it has that, says whether it is the peer's turn to send or to read."""

    def close(self) -> None: ...


class Shares:
    """The authenticated connections, in the order of their last requests. For the event loop only.

    Args:
        most: Connections of the process, at one time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._owners: dict[Owned, Owner] = {}

    def request_begun(self, connection: Owned, owner: Owner) -> None:
        """A request of somebody has begun on a connection."""
        self._owners.pop(connection, None)
        self._owners[connection] = owner

    def closed(self, connection: Owned) -> None:
        """A connection is gone; may be told more than once."""
        self._owners.pop(connection, None)

    def most_greedy(self, idle: Container[Owned]) -> Owned | None:
        """When there is no place left: what gives way of the VO that has more than its share, and in it of the caller
        that has most. None if no VO has, or if all of its requests are being served."""
        of_vos = Counter(owner.vo for owner in self._owners.values())
        if not of_vos:
            return None
        ((vo, count),) = of_vos.most_common(1)
        if count <= self._most * _VO_SHARE:
            return None
        for caller, _ in Counter(owner for owner in self._owners.values() if owner.vo == vo).most_common():
            theirs = [connection for connection, owner in self._owners.items() if owner == caller]
            for connection in theirs:
                if connection in idle:
                    return connection
            for connection in theirs:
                if _waits(connection):
                    return connection
        return None

    def surplus(self) -> list[Owned]:
        """The connections that wait for their peer beyond the share of its VO or caller, the oldest of them."""
        waiting = [(connection, owner) for connection, owner in self._owners.items() if _waits(connection)]
        of_vos = Counter(owner.vo for _, owner in waiting)
        of_callers = Counter(owner for _, owner in waiting)
        found = []
        for connection, owner in waiting:
            if of_vos[owner.vo] > self._most * _VO_SHARE or of_callers[owner] > self._most * _CALLER_SHARE:
                of_vos[owner.vo] -= 1
                of_callers[owner] -= 1
                found.append(connection)
        return found


def _waits(connection: Owned) -> bool:
    return bool(getattr(connection, "waits_for_peer", False))
