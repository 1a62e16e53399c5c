# SPDX-License-Identifier: GPL-3.0-only
"""Answering before a request has been read to its end.

A peer that still sends when its connection is closed gets a reset, and may never see the answer that was sent to it. So
what it goes on sending is read from the socket, undeciphered, and thrown away, until it hangs up or its time is over.

Tornado has no lingering close, up to 6.5; nginx and Apache have, and a server with one of its own needs no patch.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from tornado.ioloop import IOLoop

_AT_ONCE = 16
"""Pieces that are read before other connections have their turn."""
_PIECE = 2**16


class Remainder:
    """A TCP connection on which nothing is said any more, and what still comes is thrown away.

    Args:
        descriptor: Its file descriptor, which this object closes.
        gone: Called when it has been closed.
    """

    def __init__(self, descriptor: int, gone: Callable[[Remainder], None]) -> None:
        self._gone = gone
        self._loop = IOLoop.current()
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._loop.add_handler(self._socket, self._discard, IOLoop.READ)
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._loop.add_callback(self.close)

    def _discard(self, _socket: Any, _events: int) -> None:
        try:
            for _ in range(_AT_ONCE):
                if not self._socket.recv(_PIECE):
                    self.close()
                    return
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def close(self) -> None:
        """Hang up. May be called again."""
        if self._socket.fileno() >= 0:
            self._loop.remove_handler(self._socket)
            self._socket.close()
            self._gone(self)


def linger(stream: Any, begun: Callable[[Remainder], None], gone: Callable[[Remainder], None]) -> None:
    """When a stream is closed, keep its TCP connection as a :class:`Remainder`.

    Args:
        stream: A Tornado stream.
        begun: Called with the remainder.
        gone: Called when that has been closed.
    """
    if not stream.closed() and "close_fd" not in vars(stream):
        stream.close_fd = partial(_close_but_for_tcp, stream, begun, gone)


def _close_but_for_tcp(stream: Any, begun: Callable[[Remainder], None], gone: Callable[[Remainder], None]) -> None:
    descriptor = os.dup(stream.socket.fileno())
    type(stream).close_fd(stream)
    begun(Remainder(descriptor, gone))
