# SPDX-License-Identifier: GPL-3.0-only
"""What the library behind the queue's connections does in the moment in which a broker dies."""

from __future__ import annotations

from typing import Any

import pytest

from PilotLoggingDIRAC.deliver.queue.connection import _Transport


class Taken(_Transport):
    """One whose reading thread takes the socket away when it has just been looked at."""

    def __init__(self) -> None:
        self._there: Any = None
        super().__init__(object(), ("localhost", 1), "/")
        self.attempt_connection()

    @property
    def socket(self) -> Any:
        there, self._there = self._there, None
        return there

    @socket.setter
    def socket(self, there: Any) -> None:
        self._there = there


def test_a_broker_that_dies_while_something_is_sent_to_it() -> None:
    with pytest.raises(ConnectionError, match="the connection has ended"):
        Taken().send(b"SEND")


def test_a_broker_that_dies_while_we_hang_up() -> None:
    transport = Taken()
    transport.running = True
    transport.disconnect_socket()
    assert transport.socket is None
