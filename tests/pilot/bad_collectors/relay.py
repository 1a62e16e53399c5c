# SPDX-License-Identifier: GPL-3.0-only
"""A TCP relay in front of a real collector: faults of the network that hit the real protocol."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

from parts.ports import FreePorts

from .workers import Workers, listen, shut

_PIECE = 65536
_TICK = 0.02


class Relay:
    """Forwards one address to a collector's, byte by byte the same.

    Attributes:
        connections: How many were made to it.
        sent: Bytes on the wire from the senders, TLS and all.
        answered: Bytes on the wire to the senders.
    """

    def __init__(self, target: str, address: str = "127.0.0.1") -> None:
        parts = urlsplit(target)
        assert parts.hostname and parts.port
        self._target = (parts.hostname, parts.port)
        self._path = parts.path
        self._ports = FreePorts()
        self.address, self.port = address, self._ports.take()
        self.connections = self.sent = self.answered = 0
        self.rate: float | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener: socket.socket | None = None
        self._pairs: set[_Pair] = set()
        self._workers = Workers()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}{self._path}"

    def open(self) -> None:
        """Take connections (again)."""
        listener = self._listener = listen(self.address, self.port)
        self._workers.spawn(self._accept, listener)

    def cut(self) -> None:
        """Close all connections, and take no new ones: a collector that is gone."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            shut(listener)
            listener.close()
        self.drop()

    def drop(self) -> None:
        """Close the connections that are there; new ones are welcome."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.close()

    def pause(self) -> None:
        """Forward nothing, and close nothing: a collector that hangs."""
        self._flowing.clear()

    def resume(self) -> None:
        """Forward again, first of all what was held back."""
        self._flowing.set()

    def slow(self, rate: float | None) -> None:
        """Forward so many bytes a second in each direction of each connection; None: as they come."""
        self.rate = rate

    def lose_next_reply(self) -> None:
        """Let the collector answer once more on each open connection, and close it instead of forwarding that."""
        with self._lock:
            for pair in self._pairs:
                pair.loses_reply = True

    def __enter__(self) -> Relay:
        self.open()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._flowing.set()
        self.cut()
        self._workers.join()
        self._ports.__exit__()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                far = socket.create_connection(self._target, 60)
            except OSError:
                near.close()
                continue
            for end in (near, far):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = _Pair(near, far)
            with self._lock:
                self._pairs.add(pair)
            if self._listener is not listener:
                pair.close()
            self._workers.spawn(self._forward, pair, near, far, True)
            self._workers.spawn(self._forward, pair, far, near, False)

    def _forward(self, pair: _Pair, source: socket.socket, goal: socket.socket, inward: bool) -> None:
        try:
            while piece := source.recv(_PIECE if self.rate is None else max(1, int(self.rate * _TICK))):
                while not self._flowing.wait(_TICK):
                    if pair.closed:
                        return
                if not inward and pair.loses_reply:
                    return
                goal.sendall(piece)
                if inward:
                    self.sent += len(piece)
                else:
                    self.answered += len(piece)
                if self.rate is not None:
                    time.sleep(len(piece) / self.rate)
        except OSError:
            pass
        finally:
            with self._lock:
                self._pairs.discard(pair)
            pair.leave()


class _Pair:
    """The two connections that belong together."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._ends = (near, far)
        self._directions = 2
        self._lock = threading.Lock()
        self.loses_reply = False
        self.closed = False

    def close(self) -> None:
        """Both directions end."""
        self.closed = True
        for end in self._ends:
            shut(end)

    def leave(self) -> None:
        """A direction has ended, so the other one has to."""
        self.close()
        with self._lock:
            self._directions -= 1
            last = self._directions == 0
        if last:
            for end in self._ends:
                end.close()
