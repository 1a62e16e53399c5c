# SPDX-License-Identifier: GPL-3.0-only
"""Free ports on loopback, kept for one stack while it starts."""

import os
import random
import socket
from pathlib import Path

from .failure import Failure

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_BELOW = 12_000
"""How many ports below the kernel's own range are tried.

Ports that the kernel gives to outgoing connections are avoided: while a collector is stopped, such a connection could
take its port, and a client that retries could even connect to itself.
"""
SHARE = "PILOTLOGGING_PORTS"
"""Environment variable ``<number>/<count>``: only this share of those ports is used, counted from 0. Tests that run
side by side have one each, so that none takes the port of a collector that another one has stopped for a moment."""


class FreePorts:
    """Hands out ports and holds them, so that two stacks that start at once never choose the same.

    A held port is bound but does not listen. With SO_REUSEADDR, which every server here sets, the stack's own process
    can bind and listen all the same, while the test bind of another stack, made without it, fails.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def __enter__(self) -> "FreePorts":
        return self

    def __exit__(self, *_exception: object) -> None:
        for held in self._held:
            held.close()

    def take(self) -> int:
        """A port that is free on every address, until this object is closed."""
        first_ephemeral = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
        last = first_ephemeral if first_ephemeral > 2 * _BELOW else 32_768
        number, _, count = os.environ.get(SHARE, "0/1").partition("/")
        ours = range(last - _BELOW, last)[int(number) :: int(count)]
        for port in random.sample(ours, min(500, len(ours))):
            if self._hold(port):
                return port
        raise Failure("no free port was found on loopback")

    def _hold(self, port: int) -> bool:
        holding = []
        try:
            for family, wildcard, loopback in (
                (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
                (socket.AF_INET6, "::", "::1"),
            ):
                if family == socket.AF_INET6 and not _has_ipv6():
                    continue
                with socket.socket(family) as test:
                    if family == socket.AF_INET6:
                        test.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    test.bind((wildcard, port))
                held = socket.socket(family)
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                holding.append(held)
                held.bind((loopback, port))
        except OSError:
            for held in holding:
                held.close()
            return False
        self._held.extend(holding)
        return True


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as test:
            test.bind(("::1", 0))
    except OSError:
        return False
    return True
