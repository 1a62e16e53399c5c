# SPDX-License-Identifier: GPL-3.0-only
"""How many connections there are, and who may keep one.

A connection counts as unauthenticated until a request on it has shown the credentials of somebody in the Registry.
Those are few and short-lived: a peer that opens connections and says nothing, or half a header, drives out its own.

When there are too many, it is the turn of the address that has most of them. The oldest of its connections in which
there is no work yet goes: that of a peer which has said nothing, or something unfinished. If there is work in all of
them, as when thousands of honest pilots come at once, closing the oldest would throw away what is nearly done, and
nobody would ever get through. Then the *newest* is turned away, before TLS has begun and cost anything, until the
oldest has had some seconds. So a quick honest handshake gets through beside thousands of slow ones, also where all come
from the one address of a site's gateway or of a TCP balancer, and a storm drains.

Credentials do not make places free: :mod:`.shares` says who has more of them than is fair.
"""

from __future__ import annotations

import ipaddress
import itertools
import resource
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from .shares import NOBODY, Owner, Shares

_RESERVE = 200
"""File descriptors for everything but connections: the database, logs, archives that are being fetched."""
_FEWEST = 16
"""Connections that are served even where the file limit leaves no room for the reserve."""
_HANDSHAKE_SECONDS = 3.0
"""What a connection with work in it gets before it has to give way to another one."""
_IPV6_SITE = 64
"""Bits of an IPv6 address that one peer cannot choose freely."""


class Connection(Protocol):
    """A stream, or what is left of one. ``worth_keeping``, where it has that, says whether there is work in it."""

    def close(self) -> None: ...


E = TypeVar("E")


class _Unauthenticated(NamedTuple):
    address: str
    since: float


class Connections:
    """This process's connections. For the event loop only.

    Args:
        most: Connections at one time.
        most_unauthenticated: Those of them that have not shown credentials.
        unauthenticated_seconds: How long one may go without.
        idle_seconds: How long one may rest after a request, with its answer not even read.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        most: int,
        most_unauthenticated: int,
        unauthenticated_seconds: float,
        idle_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_unauthenticated = most_unauthenticated
        self._unauthenticated_seconds = unauthenticated_seconds
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._unauthenticated: OrderedDict[Connection, _Unauthenticated] = OrderedDict()
        self._idle: OrderedDict[Connection, float] = OrderedDict()
        self._busy: set[Connection] = set()
        self._shares = Shares(most)
        self._counts: Counter[str] = Counter()

    def admit(self, address: str = "") -> bool:
        """Whether one more may be accepted, from an IP address. If there are too many, another one may be closed for
        it."""
        if len(self) >= self._most:
            greedy = self._shares.most_greedy(self._idle)
            if greedy is not None:
                self._close(greedy, "gaveWay")
                return True
            if not self._unauthenticated and self._idle:
                self._close(next(iter(self._idle)), "idleClosed")
                return True
            if not self._unauthenticated:
                self._counts["refused"] += 1
                return False
        elif len(self._unauthenticated) < self._most_unauthenticated:
            return True
        return self._make_room_for(_site(address))

    def opened(self, connection: Connection, address: str) -> None:
        """A new connection, from an IP address."""
        self._unauthenticated[connection] = _Unauthenticated(_site(address), self._clock())
        self._counts["accepted"] += 1
        if len(self._unauthenticated) > self._most_unauthenticated:
            self._make_room_for("")

    def _make_room_for(self, newcomer: str) -> bool:
        """Close an unauthenticated connection; False if rather the newcomer should go away."""
        of_sites = Counter(entry.address for entry in self._unauthenticated.values())
        ((busiest, most),) = of_sites.most_common(1)
        oldest: Connection | None = None
        newest: Connection | None = None
        for connection, entry in self._unauthenticated.items():
            if entry.address != busiest:
                continue
            if not getattr(connection, "worth_keeping", False):
                self._close(connection, "evicted")
                return True
            oldest, newest = oldest or connection, connection
        assert oldest is not None
        assert newest is not None
        if self._unauthenticated[oldest].since <= self._clock() - _HANDSHAKE_SECONDS:
            self._close(oldest, "evicted")
        elif of_sites[newcomer] < most:
            self._close(newest, "evicted")
        else:
            self._counts["turnedAway"] += 1
            return False
        return True

    def authenticated(self, connection: Connection, owner: Owner = NOBODY) -> None:
        """A request with credentials of somebody has begun on a connection."""
        self._shares.request_begun(connection, owner)
        self._unauthenticated.pop(connection, None)
        self._idle.pop(connection, None)
        self._busy.add(connection)

    def became_idle(self, connection: Connection) -> None:
        """The request is done."""
        if connection in self._busy:
            self._busy.remove(connection)
            self._idle[connection] = self._clock()

    def replaced(self, connection: Connection, remainder: Connection, address: str) -> None:
        """A connection has been closed but for a remainder, which counts as unauthenticated."""
        self.closed(connection)
        self._unauthenticated[remainder] = _Unauthenticated(_site(address), self._clock())

    def closed(self, connection: Connection) -> None:
        """A connection is gone; may be told more than once."""
        self._unauthenticated.pop(connection, None)
        self._idle.pop(connection, None)
        self._busy.discard(connection)
        self._shares.closed(connection)

    def close_overdue(self) -> None:
        """Close those that have been unauthenticated or idle for too long, and what somebody has beyond a share."""
        now = self._clock()
        overdue = _begun_before(now - self._unauthenticated_seconds, self._unauthenticated, lambda entry: entry.since)
        overdue += _begun_before(now - self._idle_seconds, self._idle, lambda since: since)
        for connection in overdue:
            self._close(connection, "overdue")
        for connection in self._shares.surplus():
            self._close(connection, "gaveWay")

    def __len__(self) -> int:
        return len(self._unauthenticated) + len(self._idle) + len(self._busy)

    def metrics(self) -> dict[str, int]:
        """What is open now, and what has happened since the start."""
        open_now = {"open": len(self), "unauthenticated": len(self._unauthenticated), "most": self._most}
        names = ("accepted", "refused", "evicted", "turnedAway", "overdue", "idleClosed", "gaveWay")
        return open_now | {name: self._counts[name] for name in names}

    def _close(self, connection: Connection, reason: str) -> None:
        self.closed(connection)
        self._counts[reason] += 1
        connection.close()


def descriptors_for(wanted: int) -> int:
    """Raise the soft limit on file descriptors for so many connections, as far as the hard one lets.

    Returns:
        How many connections there may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _RESERVE
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(min(wanted, soft - _RESERVE), _FEWEST)


def _begun_before(latest: float, entries: OrderedDict[Connection, E], since: Callable[[E], float]) -> list[Connection]:
    return list(itertools.takewhile(lambda connection: since(entries[connection]) <= latest, entries))


def _site(address: str) -> str:
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], _IPV6_SITE), strict=False))
    except ValueError:
        return address


_sources: list[Callable[[], dict[str, Any]]] = []


def add_source(source: Callable[[], dict[str, Any]]) -> None:
    """Have a source's figures among those of :func:`metrics`."""
    _sources.append(source)


def metrics() -> dict[str, Any]:
    """What this process's connections and request bodies take, and what was refused; empty before the start."""
    merged: dict[str, Any] = {}
    for source in _sources:
        merged |= source()
    return merged
