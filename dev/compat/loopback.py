# SPDX-License-Identifier: GPL-3.0-only
"""Wildcard addresses become loopback: Tornado and DISET bind every interface and have no option against it."""

import socket

LOOPBACK = {
    socket.AF_INET: {"": "127.0.0.1", "0.0.0.0": "127.0.0.1"},
    socket.AF_INET6: {"": "::1", "::": "::1"},
}


def install() -> None:
    """Make ``socket.bind`` of this process take loopback where a program asks for every interface."""
    bind = socket.socket.bind

    def bind_on_loopback(self, address):
        named = LOOPBACK.get(self.family, {})
        if isinstance(address, tuple) and address[0] in named:
            address = (_of_both_families(self) or named[address[0]], *address[1:])
        return bind(self, address)

    socket.socket.bind = bind_on_loopback


def _of_both_families(listening: socket.socket) -> str | None:
    """IPv4's loopback as IPv6 writes it, for a socket that is to hear IPv4 too (DISET's); else None."""
    if listening.family != socket.AF_INET6 or listening.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return None
    return "::ffff:127.0.0.1"
