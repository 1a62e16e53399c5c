# SPDX-License-Identifier: GPL-3.0-only
"""All that can go wrong on the way to a collector: cut bodies, lost replies, senders that are slow."""

import random
import socket
import ssl
import struct
import time
from typing import Any

from parts.calls import Connection

MISHAPS = ("cut body", "lost reply", "discarded reply", "slow body", "cut handshake")
"""``cut body``: half of it, then RST. ``lost reply``: all of it, then RST at once. ``discarded reply``: the collector
has answered, and the pilot never learns. ``slow body``: in pieces, with pauses; it arrives. ``cut handshake``: RST
right after the connection was made."""

_LINGER_NONE = struct.pack("ii", 1, 0)
"""A socket with this is closed with RST."""
_PIECES = 5


class Cut(OSError):
    """The connection was cut on purpose."""


class UnluckyConnection(Connection):
    """One call's mishap at a time; whatever fails ends with RST."""

    def __init__(self, url: str, context: ssl.SSLContext, chance: random.Random) -> None:
        super().__init__(url, context)
        self._chance, self._mishap = chance, ""

    def call_with(self, mishap: str, seconds: float, body: bytes, *, keep: bool, fields: str = "") -> Any:
        """As :meth:`call`.

        Args:
            mishap: one of MISHAPS, or none
            seconds: for all of it
        """
        self._mishap, self._seconds = mishap, seconds
        return self.call(body, keep=keep, fields=fields)

    def exchange(self, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
        try:
            answer = super().exchange(head, body)
            if self._mishap == "discarded reply":
                raise Cut(self._mishap)
        except BaseException:
            self.abort()
            raise
        return answer

    def send(self, head: bytes, body: bytes) -> None:
        chance = self._chance
        if self._mishap == "cut handshake":
            raise Cut(self._mishap)
        if self._mishap == "cut body":
            self.write(head + body[: chance.randrange(len(body))])
            time.sleep(chance.choice((0, 0.02, 1)))
            raise Cut(self._mishap)
        if self._mishap == "slow body":
            self.write(head)
            size = len(body) // _PIECES + 1
            for start in range(0, len(body), size):
                time.sleep(chance.uniform(0, 0.8))
                self.write(body[start : start + size])
        else:
            self.write(head + body)
        if self._mishap == "lost reply":
            time.sleep(chance.choice((0, 0, 0.005, 0.05)))
            raise Cut(self._mishap)

    def abort(self) -> None:
        """Close it with RST, at once."""
        if self._socket is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
            self.close()
