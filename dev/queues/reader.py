# SPDX-License-Identifier: GPL-3.0-only
"""A consumer that keeps all that comes from one queue, through whatever happens to its broker."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jsonschema
import stomp

from PilotLoggingDIRAC.model import LogKey

PREFETCHED = "500"
_VALIDATED_UP_TO = 20_000
"""Characters; for all of 20 MB it would take longer than the rest of the test."""


@dataclass(frozen=True)
class Arrival:
    """One message as it came, repeats too."""

    key: str
    headers: dict[str, str]
    document: dict[str, Any]
    body: str

    @property
    def log(self) -> LogKey:
        return LogKey(self.document["vo"], self.document["stamp"])

    @property
    def text(self) -> bytes:
        """Exactly."""
        return b"".join(
            base64.b64decode(entry["raw"]) if "raw" in entry else (entry.get("header", "") + entry["text"]).encode()
            for entry in self.document["entries"]
        )


class Reader:
    """Reads until it is closed; connects again when the broker has gone."""

    def __init__(
        self, port: int, user: str, password: str, queue: str, schema: dict[str, Any], selector: str = ""
    ) -> None:
        logging.getLogger("stomp.py").setLevel(logging.CRITICAL)
        self.arrivals: list[Arrival] = []
        self._address, self._login = ("localhost", port), (user, password)
        self._queue, self._selector = queue, selector
        self._validator = jsonschema.Draft202012Validator(schema)
        self._changed = threading.Condition()
        self._problem: Exception | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until(self, condition: Callable[[list[Arrival]], bool], seconds: float = 180) -> list[Arrival]:
        """The arrivals, once the condition holds for them."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._problem is not None or condition(self.arrivals), seconds)
            assert self._problem is None, self._problem
            assert done, f"{len(self.arrivals)} messages have come from {self._queue}, and not what was waited for"
            return list(self.arrivals)

    def received(self, key: LogKey, ended: int) -> list[tuple[int, bytes]]:
        """What has arrived of a log without repeats, see conformance.Receiver."""

        def all_ends(arrivals: list[Arrival]) -> bool:
            return len({each.key for each in arrivals if each.log == key and "end" in each.document}) >= ended

        chunks: dict[int, bytes] = {}
        for arrival in first_of_each(self.wait_until(all_ends)):
            if arrival.log == key and "end" not in arrival.document:
                chunk = arrival.document["chunk"]
                chunks[chunk] = chunks.get(chunk, b"") + arrival.text
        return list(chunks.items())

    def take(self, headers: dict[str, str], body: str) -> None:
        """Called by a connection."""
        try:
            document = json.loads(body)
            if len(body) < _VALIDATED_UP_TO:
                self._validator.validate(document)
            arrival = Arrival(headers["key"], headers, document, body)
        except Exception as error:
            with self._changed:
                self._problem = error
                self._changed.notify_all()
            return
        with self._changed:
            self.arrivals.append(arrival)
            self._changed.notify_all()

    def _read(self) -> None:
        while not self._closing.is_set():
            connection = stomp.Connection12(
                [self._address], vhost="/", reconnect_attempts_max=1, timeout=10, heartbeats=(4000, 4000)
            )
            connection.transport._Transport__recv_bytes = 2**18  # with its 1 kB large messages take seconds
            listener = _Listener(self, connection)
            connection.set_listener("reader", listener)
            try:
                connection.connect(*self._login)
                if not listener.connected.wait(10):
                    continue
                more = {"selector": self._selector} if self._selector else {}
                connection.subscribe(
                    f"/queue/{self._queue}",
                    id="1",
                    ack="client-individual",
                    headers={"prefetch-count": PREFETCHED, "activemq.prefetchSize": PREFETCHED} | more,
                )
                while not listener.gone.wait(0.05) and not self._closing.is_set():
                    pass
            except (OSError, stomp.exception.StompException):
                time.sleep(0.2)
            finally:
                connection.transport.disconnect_socket()


class _Listener(stomp.ConnectionListener):
    def __init__(self, reader: Reader, connection: Any) -> None:
        self._reader, self._connection = reader, connection
        self.connected, self.gone = threading.Event(), threading.Event()

    def on_connected(self, _frame: Any) -> None:
        self.connected.set()

    def on_message(self, frame: Any) -> None:
        self._reader.take(frame.headers, frame.body)
        try:
            self._connection.ack(frame.headers["ack"])
        except (OSError, AttributeError, stomp.exception.StompException):
            self.gone.set()

    def on_disconnected(self) -> None:
        self.gone.set()


def first_of_each(arrivals: list[Arrival]) -> list[Arrival]:
    """Without repeats, which must be the same word for word."""
    first: dict[str, Arrival] = {}
    for arrival in arrivals:
        known = first.setdefault(arrival.key, arrival)
        assert known.body == arrival.body, f"two messages are called {arrival.key}"
    return list(first.values())
