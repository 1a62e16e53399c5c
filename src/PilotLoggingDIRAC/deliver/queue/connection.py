# SPDX-License-Identifier: GPL-3.0-only
"""A connection to one broker, by stomp.py; what the broker says comes out as events, in its order."""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

import stomp
from stomp.connect import BaseConnection
from stomp.protocol import Protocol12
from stomp.transport import Transport

from ...errors import Unavailable
from ...text import one_line
from .access import Access, tls_context
from .nonblocking_socket import NonblockingSocket

HEARTBEAT = 10_000
"""Milliseconds; a broker that says nothing for half as long again is taken for gone."""
_RECEIVED_BYTES = 2**16
_GOODBYE_SECONDS = 2.0
_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker has let us in."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The broker has a message, and keeps it."""

    number: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The broker says ERROR, and closes the connection; of which message, it does not always say."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection has ended."""


Event = Connected | Receipt | Refusal | Gone


class _Listener(stomp.ConnectionListener):  # type: ignore[misc]  # stomp has no types
    """Called in stomp.py's threads."""

    def __init__(self, events: queue.SimpleQueue[Event]) -> None:
        self._events = events

    def on_connected(self, _frame: Any) -> None:
        self._events.put(Connected())

    def on_receipt(self, frame: Any) -> None:
        self._events.put(Receipt(frame.headers["receipt-id"]))

    def on_error(self, frame: Any) -> None:
        self._events.put(Refusal(_reason(frame)))

    def on_disconnected(self) -> None:
        self._events.put(Gone())

    def on_heartbeat_timeout(self) -> None:
        self._events.put(Gone())


def _reason(frame: Any) -> str:
    """What brokers write into an ERROR: a word in a header, more in the body, with a traceback."""
    body = (frame.body or "").strip().splitlines()
    parts = [frame.headers.get("message", "").strip(), body[0].strip() if body else ""]
    said = ": ".join(dict.fromkeys(part for part in parts if part)) or "no reason given"
    return one_line(said, _ERROR_LENGTH).rstrip(".")


class _Transport(Transport):  # type: ignore[misc]  # stomp has no types
    """stomp.py's, on a socket that we have connected.

    It looks at its socket twice, whether it is there and then to use it; its reading thread, which sees the broker's
    end, may have taken it away in between.
    """

    def __init__(self, connected: Any, address: tuple[str, int], virtual_host: str) -> None:
        super().__init__([address], vhost=virtual_host, recv_bytes=_RECEIVED_BYTES)
        self._connected = connected
        self._address = address

    def attempt_connection(self) -> None:
        self.socket, self.current_host_and_port = self._connected, self._address

    def send(self, encoded_frame: bytes) -> None:
        try:
            super().send(encoded_frame)
        except AttributeError as error:
            if self.socket is not None:
                raise
            raise ConnectionError("the connection has ended") from error

    def disconnect_socket(self) -> None:
        try:
            super().disconnect_socket()
        except AttributeError:
            if self.socket is not None:
                raise


class _Stomp(BaseConnection, Protocol12):  # type: ignore[misc]  # stomp has no types
    """As stomp.py's StompConnection12, with our transport."""

    def __init__(self, transport: _Transport) -> None:
        BaseConnection.__init__(self, transport)
        Protocol12.__init__(self, transport, (HEARTBEAT, HEARTBEAT))


class BrokerConnection:
    """A connection that is there, until :meth:`next_event` says that it is gone."""

    def __init__(self, access: Access, host: str, address: tuple[Any, ...], seconds: float, timeout: float) -> None:
        """Connect and log in.

        Args:
            access: Who we are.
            host: The broker's name, which its certificate must have.
            address: One of that name's addresses, as ``socket.getaddrinfo`` gives it: family and address.
            seconds: For all of it.
            timeout: See :class:`~.patient_socket.NonblockingSocket`.

        Raises:
            Unavailable: The broker is away, or will not have us.
        """
        logging.getLogger("stomp.py").setLevel(logging.CRITICAL)  # each of its errors comes to us, too
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        deadline = time.monotonic() + seconds
        self.name = f"{host}:{address[1][1]}"
        try:
            plain = _dialled(address, deadline)
            try:
                connected = _with_tls(plain, access, host, deadline) if access.certificate else plain
            except BaseException:
                plain.close()
                raise
            self._socket = NonblockingSocket(connected, timeout)
            self._transport = _Transport(self._socket, (host, address[1][1]), access.virtual_host)
            self._stomp = _Stomp(self._transport)
            self._stomp.set_listener("events", _Listener(self._events))
            self._transport.start()
            self._log_in(access, deadline)
        except OSError as error:
            raise Unavailable(f"The broker {self.name} cannot be reached: {_plain(error)}.") from error

    def send(self, destination: str, body: bytes, headers: dict[str, str], receipt: str) -> None:
        """Hand a message to the broker; its :class:`Receipt` says that the broker has it.

        Raises:
            OSError: The connection has broken, or the broker does not read.
        """
        try:
            self._stomp.send(destination, body, None, dict(headers), receipt=receipt)
        except stomp.exception.StompException as error:
            raise ConnectionError("the connection has ended") from error

    def next_event(self, seconds: float) -> Event | None:
        """What comes next; None when nothing comes in time."""
        try:
            return self._events.get(timeout=seconds) if seconds > 0 else self._events.get_nowait()
        except queue.Empty:
            return None

    def close(self, politely: bool = False) -> None:
        """Hang up.

        Args:
            politely: Say goodbye before, and wait a moment for the answer: else brokers note a failure.
        """
        try:
            if politely:
                self._stomp_goodbye()
        finally:
            self._transport.disconnect_socket()

    def _stomp_goodbye(self) -> None:
        try:
            Protocol12.disconnect(self._stomp, receipt="goodbye")
        except (OSError, stomp.exception.StompException):
            return
        deadline = time.monotonic() + _GOODBYE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if isinstance(self.next_event(left), Receipt | Gone):
                return

    def _log_in(self, access: Access, deadline: float) -> None:
        try:
            if access.user:
                self._stomp.connect(access.user, access.password)
            else:
                self._stomp.connect()
        except (OSError, stomp.exception.StompException) as error:
            self.close()
            raise Unavailable(f"The broker {self.name} has hung up: {_plain(error)}.") from error
        event = self.next_event(deadline - time.monotonic())
        if isinstance(event, Connected):
            return
        self.close()
        if isinstance(event, Refusal):
            raise Unavailable(f"The broker {self.name} does not let us in: {event.reason}.")
        if event is None:
            raise Unavailable(f"The broker {self.name} does not answer.")
        why = one_line(self._socket.problem, _ERROR_LENGTH) or "without a reason"
        raise Unavailable(f"The broker {self.name} hung up before it let us in: {why}.")


def _dialled(address: tuple[Any, ...], deadline: float) -> socket.socket:
    family, where = address
    dialled = socket.socket(family, socket.SOCK_STREAM)
    try:
        dialled.settimeout(max(0.01, deadline - time.monotonic()))
        dialled.connect(where)
        # Each message at once, and a peer that is off is noticed even where heart-beats are refused.
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dialled.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except BaseException:
        dialled.close()
        raise
    return dialled


def _with_tls(plain: socket.socket, access: Access, host: str, deadline: float) -> ssl.SSLSocket:
    assert access.certificate is not None
    context = tls_context(access.certificate)
    plain.settimeout(max(0.01, deadline - time.monotonic()))
    return context.wrap_socket(plain, server_hostname=host)


def _plain(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid for us: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__, _ERROR_LENGTH).rstrip(".")
