# SPDX-License-Identifier: GPL-3.0-only
"""One broker of a stack: its doors, who may use them, and what can happen to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from parts import brokers, faults, rabbitmq, state

from PilotLoggingDIRAC.deliver.queue.access import Access, Certificate

from .reader import Reader

SCHEMA = json.loads((files("PilotLoggingDIRAC.deliver.queue") / "message.schema.json").read_text())


@dataclass(frozen=True)
class Broker:
    """A running broker.

    Attributes:
        name: activemq or rabbitmq.
        directory: Of its stack.
    """

    name: str
    directory: Path

    @property
    def stack(self) -> state.Stack:
        return state.load(self.directory)

    def access(self, queue: str, **changes: Any) -> Access:
        """With a password, without TLS."""
        stack = self.stack
        password = stack.passwords[brokers.WRITER]
        access = Access((("localhost", stack.ports[self.name]),), f"/queue/{queue}", "/", brokers.WRITER, password)
        return replace(access, **changes)

    def tls_access(self, queue: str, certificate: Path, key: Path, authorities: Path | None = None) -> Access:
        """With a certificate."""
        stack = self.stack
        known = Certificate(str(certificate), str(key), str(authorities or stack.layout.certificates))
        port = brokers.tls_port(stack, self.name)
        return Access((("localhost", port),), f"/queue/{queue}", "/", certificate=known)

    def reader(self, queue: str, selector: str = "") -> Reader:
        stack = self.stack
        password = stack.passwords[brokers.READER]
        return Reader(stack.ports[self.name], brokers.READER, password, queue, SCHEMA, selector)

    def suffer(self, action: str) -> None:
        """``kill``, ``start``, ``pause``, ``resume`` or ``stop``, as ``dev/stack component`` does it."""
        with state.alone(self.directory):
            faults.change(self.stack, self.name, action)

    def remember_queues(self) -> None:
        """Let it bring to disk which queues there are. RabbitMQ confirms messages earlier than that: killed within the
        first seconds of a queue, it has lost the queue with all that was in it."""
        if self.name == rabbitmq.RABBITMQ:
            rabbitmq.control(self.stack, "eval", "mnesia:sync_log().")

    def set_memory_limit(self, *limit: str) -> None:
        """Of RabbitMQ; without a limit the usual one."""
        rabbitmq.set_memory_limit(self.stack, *limit)
