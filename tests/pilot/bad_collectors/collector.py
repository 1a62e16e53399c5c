# SPDX-License-Identifier: GPL-3.0-only
"""A TLS server that takes ``appendLog`` and treats its senders as it is told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from parts.ports import FreePorts

from . import request
from .behaviours import GOOD, Behaviour
from .shelf import Shelf
from .workers import Workers, listen, shut

PATH = "/WorkloadManagement/TornadoPilotLogging"
_TICK = 0.05
_RESET = struct.pack("ii", 1, 0)


def tls_context(authorities: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's context that asks for a client's certificate, and takes grid proxies."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(capath=authorities)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VerifyFlags.VERIFY_ALLOW_PROXY_CERTS
    return context


@dataclass(frozen=True)
class Attempt:
    """One request whose head was read.

    Attributes:
        when: Monotonic seconds.
        stamp: Of the log; empty if the request was not read to its end.
        token: The bearer token, if there was one.
        subject: The common names of the client's certificate, the proxies' last; empty: it showed none.
        extra: The form's extraCredentials.
    """

    when: float
    token: str | None
    subject: tuple[str, ...]
    stamp: str = ""
    extra: object = None


class Collector:
    """Serves on one address, from ``__enter__`` to ``__exit__``; in between it can be stopped and started.

    Attributes:
        connections: Monotonic seconds of each TCP connection that was accepted.
        attempts: The requests.
        answers: How many replies were sent to their end.
        size: Bytes of requests, heads included, inside TLS.
    """

    def __init__(
        self, context: ssl.SSLContext, shelf: Shelf | None = None, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._context = context
        self._ports = FreePorts()
        self.address, self.port = address, port or self._ports.take()
        self.shelf = shelf or Shelf()
        self.connections: list[float] = []
        self.attempts: list[Attempt] = []
        self.answers = 0
        self.size = 0
        self._behaviour = GOOD
        self._turn = 0
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._workers = Workers()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}{PATH}"

    @property
    def requests(self) -> int:
        return len(self.attempts)

    def behave(self, behaviour: Behaviour) -> None:
        """Treat every request so from now on; connections that hang are closed."""
        with self._lock:
            self._behaviour = behaviour
            self._turn += 1

    def start(self) -> None:
        """Listen."""
        listener = self._listener = listen(self.address, self.port)
        self._workers.spawn(self._accept, listener)

    def stop(self) -> None:
        """Be absent: the port is closed and every connection is cut. The port stays ours."""
        with self._lock:
            self._turn += 1
            listener, self._listener = self._listener, None
        if listener is not None:
            shut(listener)
            listener.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Close the connections that are open, as a server does with idle ones."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            shut(connection)

    def __enter__(self) -> Collector:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._workers.join()
        self._ports.__exit__()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:
                    connection.close()
                    return
                self.connections.append(time.monotonic())
                self._open.add(connection)
            self._workers.spawn(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        try:
            behaviour, turn = self._behaviour, self._turn
            if not behaviour.handshake:
                self._hang(plain, turn)
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._context.wrap_socket(plain, server_side=True)
            with self._lock:
                self._open.discard(plain)
                self._open.add(connection)
            with connection.makefile("rb") as stream:
                while self._exchange(connection, stream):
                    pass
        except (OSError, request.Gone):
            pass
        except request.Malformed as error:
            self.shelf.complaints.append(str(error))
        finally:
            with self._lock:
                self._open -= {plain, connection}
            with contextlib.suppress(OSError):
                connection.close()

    def _exchange(self, connection: ssl.SSLSocket, stream: object) -> bool:
        """One request; tells whether the connection stays open."""
        head = request.read_head(stream)  # type: ignore[arg-type]
        behaviour, turn = self._behaviour, self._turn
        token = head.headers.get("authorization")
        attempt = Attempt(time.monotonic(), token and token.removeprefix("Bearer "), _subject(connection))
        if behaviour.body < 1:
            self.attempts.append(attempt)
            request.read_body(stream, int(head.length * behaviour.body))  # type: ignore[arg-type]
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return False
        body = request.read_body(stream, head.length)  # type: ignore[arg-type]
        self.size += head.size + len(body)
        document = request.document_of(head, body, PATH)
        batch = request.batch_of(document, self.url)
        extra = request.extra_credentials(head, body)
        self.attempts.append(replace(attempt, stamp=batch.stamp, extra=extra))
        reply = behaviour.reply
        if behaviour.largest is not None and len(batch.text) > behaviour.largest:
            behaviour = replace(behaviour, stores=False)
            reply = behaviour.refusal
        next_seq = self.shelf.store(batch) if behaviour.stores else batch.seq + 1
        if not behaviour.handshake or reply is None:
            self._hang(connection, turn)
            return False
        for piece in reply(next_seq):
            if self._turn != turn and not behaviour.stores:
                return False
            self._send(connection, piece, behaviour.pause, turn)
        with self._lock:
            self.answers += 1
        return behaviour.keeps

    def _send(self, connection: ssl.SSLSocket, piece: bytes, pause: float, turn: int) -> None:
        if not pause:
            connection.sendall(piece)
            return
        for byte in piece:
            connection.sendall(bytes([byte]))
            deadline = time.monotonic() + pause
            while time.monotonic() < deadline:
                if self._turn != turn:
                    raise request.Gone
                time.sleep(min(_TICK, pause))

    def _hang(self, connection: socket.socket, turn: int) -> None:
        """Until the sender hangs up or this collector is told to behave otherwise."""
        connection.settimeout(_TICK)
        while self._turn == turn:
            try:
                if not connection.recv(65536):
                    return
            except TimeoutError:
                continue


def _subject(connection: ssl.SSLSocket) -> tuple[str, ...]:
    certificate = connection.getpeercert() or {}
    return tuple(value for part in certificate.get("subject", ()) for name, value in part if name == "commonName")
