# SPDX-License-Identifier: GPL-3.0-only
"""A message's way: one ``sendMessage`` over a connection that is kept alive, until it is answered."""

import json
import uuid

from parts.calls import Connection, tls_context
from parts.state import Stack

from .tracing import Tracing, Walked

_VO = "alpha"
_WARM_UP = 20
_REQUESTS = 10


def walk_message(stack: Stack, tracing: Tracing) -> Walked:
    """Send messages, and give what each of them ran in the collector."""
    context = tls_context(stack.layout.certificates, stack.layout.credentials / f"{_VO}_pilot.pem")
    stamp = uuid.uuid4().hex
    collector = stack.collectors[0]
    with Connection(stack.collector_urls[0], context) as connection:

        def send(number: int) -> None:
            text = f"2026-06-10T11:02:02.8Z INFO message {number}\n"
            connection.ask("sendMessage", json.dumps(text), stamp, _VO)

        for number in range(_WARM_UP):
            send(number)
        for number in range(_WARM_UP, _WARM_UP + _REQUESTS):
            with tracing.on(stack, [collector]):
                send(number)
    return tracing.common(collector)
