# SPDX-License-Identifier: GPL-3.0-only
"""A message's way: one ``sendMessage`` over a connection that is kept alive, until it is answered."""

import http.client
import json
import ssl
import urllib.parse
import uuid

from parts.state import Stack

from .tracing import Tracing, Walked

_VO = "alpha"
_WARM_UP = 20
_REQUESTS = 10


def walk_message(stack: Stack, tracing: Tracing) -> Walked:
    """Send messages, and give what each of them ran in the collector."""
    address = urllib.parse.urlsplit(stack.collector_urls[0])
    context = ssl.create_default_context(capath=str(stack.layout.certificates))
    context.load_cert_chain(stack.layout.credentials / f"{_VO}_pilot.pem")
    connection = http.client.HTTPSConnection(address.hostname, address.port, context=context, timeout=60)
    stamp = uuid.uuid4().hex
    collector = stack.collectors[0]

    def send(number: int) -> None:
        arguments = json.dumps([json.dumps(f"2026-06-10T11:02:02.8Z INFO message {number}\n"), stamp, _VO])
        body = urllib.parse.urlencode({"method": "sendMessage", "args": arguments})
        connection.request("POST", address.path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        reply = connection.getresponse()
        assert json.loads(reply.read())["OK"]

    for number in range(_WARM_UP):
        send(number)
    for number in range(_WARM_UP, _WARM_UP + _REQUESTS):
        with tracing.on(stack, [collector]):
            send(number)
    connection.close()
    return tracing.common(collector)
