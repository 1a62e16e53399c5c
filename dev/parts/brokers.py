# SPDX-License-Identifier: GPL-3.0-only
"""Message brokers of a stack: what both kinds have in common, and what the CS says of them."""

from typing import Any

from .identities import HOST
from .state import Stack

WRITER = "pilotlogs-writer"
"""Writes to the queues below QUEUES with a password; so does the host, with its certificate."""

READER = "shifter"
"""Reads them, and writes none."""

QUEUES = "pilotlogs"
"""The first word of all queues that may be used: pilotlogs.alpha, pilotlogs.beta, ... ."""

FULL = f"{QUEUES}.full"
"""A queue that is full with 20 MB."""

LARGEST_MESSAGE = 2_000_000
"""Bytes; a larger one is refused."""


def tls_port(stack: Stack, broker: str) -> int:
    """Where a broker takes STOMP over TLS; ``stack.ports`` has its door without."""
    return stack.hidden_ports[f"{broker} tls"]


def services(stack: Stack) -> dict[str, Any]:
    """``/Resources/MQServices``: each broker twice, with TLS under its own name, and ``<broker>-plain``."""
    queues = {f"{QUEUES}.{name}": {"Persistent": True} for name in ("alpha", "beta")}
    tree = {}
    for broker in stack.plan.brokers:
        common = {"MQType": "Stomp", "Host": HOST, "VHost": "/", "Queues": queues}
        tree[broker] = common | {"Port": tls_port(stack, broker), "SSLVersion": "TLSv1"}
        tree[f"{broker}-plain"] = common | {"Port": stack.ports[broker], "User": WRITER}
    return {"MQServices": tree} if tree else {}


def passwords(stack: Stack) -> dict[str, Any]:
    """The part of ``/Resources/MQServices`` that is for the service hosts alone."""
    own = {"Password": stack.passwords.get(WRITER)}
    tree = {f"{broker}-plain": dict(own) for broker in stack.plan.brokers}
    return {"MQServices": tree} if tree else {}
