# SPDX-License-Identifier: GPL-3.0-only
"""A socket for one thread that sends and another that receives, on which nothing waits for ever."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from contextlib import suppress

_LOOK_AGAIN_SECONDS = 1.0


class NonblockingSocket:
    """What stomp.py needs of a socket.

    Its own way is ``sendall`` on a blocking socket, which has no end when a broker stops reading, and OpenSSL's
    connections are not made for two threads at once. So the socket does not block, a lock is held while OpenSSL works
    and not while we wait, and ``sendall`` gives up after a time.
    """

    def __init__(self, connected: socket.socket, timeout: float) -> None:
        """Args:
        connected: A connection, with TLS or without.
        timeout: How many seconds ``sendall`` waits for a peer that does not read.
        """
        connected.setblocking(False)
        self._socket = connected
        self._timeout = timeout
        self._lock = threading.Lock()
        self.problem = ""
        """Why it has ended, where TLS knows."""

    def sendall(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            TimeoutError: The peer has taken none of it for too long. The connection is of no more use.
            OSError: The connection has broken.
        """
        rest = memoryview(data)
        deadline = time.monotonic() + self._timeout
        while rest:
            try:
                with self._lock:
                    sent = self._socket.send(rest)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(select.POLLOUT, deadline)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, deadline)
            else:
                rest = rest[sent:]
                deadline = time.monotonic() + self._timeout

    def recv(self, size: int) -> bytes:
        """The next bytes; none when the connection has ended, in whatever way."""
        while True:
            try:
                with self._lock:
                    return self._socket.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except OSError as error:
                self.problem = getattr(error, "reason", None) or error.strerror or str(error)
                return b""
            try:
                self._poll(select.POLLIN, _LOOK_AGAIN_SECONDS)
            except ConnectionError:
                return b""

    def getsockname(self) -> tuple[str, int]:
        name: tuple[str, int] = self._socket.getsockname()
        return name

    def shutdown(self, how: int) -> None:
        """End it in both directions, so that ``recv`` returns; without TLS's goodbye, for which one would wait."""
        with self._lock, suppress(OSError):
            self._socket.shutdown(how)

    def close(self) -> None:
        self._socket.close()

    def _wait(self, events: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it has read nothing for {self._timeout:g} s")
        self._poll(events, min(left, _LOOK_AGAIN_SECONDS))

    def _poll(self, events: int, seconds: float) -> None:
        waiting = select.poll()
        try:
            waiting.register(self._socket, events)
        except ValueError as error:
            raise ConnectionError("it was closed here") from error
        waiting.poll(1000 * seconds)
