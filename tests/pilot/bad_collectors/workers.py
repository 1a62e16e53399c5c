# SPDX-License-Identifier: GPL-3.0-only
"""The threads and sockets of a server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any


class Workers:
    """Threads that end when the server's sockets are shut."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait until all have ended."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), f"a thread hangs in {thread}"


def listen(address: str, port: int) -> socket.socket:
    """A socket that takes connections."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(128)
    return listener


def shut(connection: socket.socket) -> None:
    """Cut a connection that another thread may be using: so without what ``ssl`` does in its own ``shutdown``."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
