# SPDX-License-Identifier: GPL-3.0-only
"""What a connection that is kept takes of the collector's memory, and whether that is given back."""

import json
import time
import uuid
from dataclasses import dataclass

import psutil
from parts.calls import Connection, form, tls_context
from parts.state import Stack
from parts.waiting import until

_CONNECTIONS = 2000
_WARMING = 200
"""Connections that come and go first: what is made once is no connection's."""

_GIVING_BACK = 3.0
"""Seconds until a collector has given memory back."""


@dataclass(frozen=True)
class Kept:
    """Bytes for one connection: while it is open, and what is still there when all have closed."""

    open: float
    after: float


def of_a_connection(stack: Stack) -> Kept:
    """Open many that each send one message."""
    process = psutil.Process(stack.processes[stack.collectors[0]].pid)
    _open_and_close(stack, process, _WARMING)
    before = process.memory_info().rss
    most = _open_and_close(stack, process, _CONNECTIONS)
    time.sleep(_GIVING_BACK)
    return Kept((most - before) / _CONNECTIONS, (process.memory_info().rss - before) / _CONNECTIONS)


def _open_and_close(stack: Stack, process: psutil.Process, number: int) -> int:
    context = tls_context(stack.layout.certificates, stack.layout.credentials / "alpha_pilot.pem")
    files = process.num_fds()
    connections = [Connection(stack.collector_urls[0], context) for _ in range(number)]
    try:
        for connection in connections:
            connection.call(form("sendMessage", json.dumps("a line\n"), uuid.uuid4().hex, "alpha"))
        return int(process.memory_info().rss)
    finally:
        for connection in connections:
            connection.close()
        until(lambda: process.num_fds() < files + 10, 60, "the collector keeps connections that were closed")
