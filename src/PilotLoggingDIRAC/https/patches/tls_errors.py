# SPDX-License-Identifier: GPL-3.0-only
"""A connection that fails harms no other.

OpenSSL keeps the errors of a thread in one queue, and what it says of a read depends on that queue being empty.
M2Crypto leaves errors there when it closes a connection in the middle of its handshake. The next read of whichever
other connection then fails with them, and Tornado closes it: who only connects and goes away, as a port scanner or a
balancer's check does, cuts off somebody else's request. :func:`confine_errors` empties the queue after each
close.

Seen with M2Crypto 0.50; it would be unnecessary if its ``Connection`` cleared the queue, as Python's ``ssl`` does.
"""

from __future__ import annotations

from M2Crypto import m2
from M2Crypto.SSL import Connection

_close = Connection.close


def confine_errors() -> None:
    """From now on errors of a connection end with it, in the whole process. Idempotent."""
    Connection.close = _close_and_forget


def _close_and_forget(connection: Connection, freeBio: bool | None = True) -> None:
    try:
        _close(connection, freeBio)
    finally:
        m2.err_clear_error()
