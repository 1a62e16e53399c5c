# SPDX-License-Identifier: GPL-3.0-only
"""Who only connects and goes away, as port scanners and balancers' checks do, cuts off nobody else's connection."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from harness.client import Client
from harness.stacks import RunningStack

CLIENT_HELLO_CUT_SHORT = bytes.fromhex("1603010200010001fc0303")
RESET = struct.pack("ii", 1, 0)


class _Stray(threading.Thread):
    """Connects, says something that is no TLS handshake, and leaves; again and again."""

    def __init__(self, address: tuple[str, int], says: bytes, resets: bool) -> None:
        super().__init__(daemon=True)
        self._address, self._says, self._resets = address, says, resets
        self.visits = 0
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            with socket.create_connection(self._address, timeout=60) as connection:
                if self._resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                if self._says:
                    connection.sendall(self._says)
            self.visits += 1
            time.sleep(0.005)


@pytest.fixture(
    params=[(b"", False), (b"", True), (b"GET / HTTP/1.0\r\n\r\n", False), (CLIENT_HELLO_CUT_SHORT, False)],
    ids=["silent", "resets", "plain", "half a hello"],
)
def stray(request: pytest.FixtureRequest, stack: RunningStack) -> Iterator[_Stray]:
    stray = _Stray(("127.0.0.1", stack.plan.ports["collector-0"]), *request.param)
    stray.start()
    yield stray
    stray.stop.set()
    stray.join(60)


def test_nobody_else_notices(stack: RunningStack, stray: _Stray) -> None:
    clients: list[Client] = [stack.client("alpha_pilot") for _ in range(4)]
    while stray.visits < 60:
        assert stray.is_alive()
        for client in clients:
            assert client("ping")["OK"]  # on the connection that it had before
