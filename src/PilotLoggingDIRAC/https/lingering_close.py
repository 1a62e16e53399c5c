# SPDX-License-Identifier: GPL-3.0-only
"""Hanging up on a peer that may still be sending.

Who still sends when its connection is closed gets a reset, and may never see the answer that was sent to it. So what
it goes on sending is read from the socket, undeciphered, and thrown away, until it hangs up or its time is over.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

_AT_ONCE = 16
"""Pieces that are read before other connections have their turn."""
_PIECE = 2**16


class Remainder:
    """A TCP connection on which nothing is said any more, and what still comes is thrown away.

    Args:
        loop: The event loop.
        descriptor: Its file descriptor, which this object closes.
        gone: Called when it has been closed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, gone: Callable[[Remainder], None]) -> None:
        self._gone = gone
        self._loop = loop
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        loop.add_reader(descriptor, self._discard)
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            loop.call_soon(self.close)

    def _discard(self) -> None:
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
        descriptor = self._socket.fileno()
        if descriptor >= 0:
            self._loop.remove_reader(descriptor)
            self._socket.close()
            self._gone(self)
