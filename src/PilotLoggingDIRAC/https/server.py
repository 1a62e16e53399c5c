# SPDX-License-Identifier: GPL-3.0-only
"""The https server of a process: Tornado's ``HTTPServer``, whose connections are ours from the TCP handshake on.

``HTTPServer.configure`` is Tornado's own way to use a server of another class. ``tornado-start-all`` makes and starts
it as ever, for all services of the process; Tornado's ``Application`` and DIRAC's handlers notice nothing.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any, ClassVar

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate
from tornado.ioloop import IOLoop, PeriodicCallback

from ..dirac_bridge.chain_credentials import ca_folder
from ..settings import CollectorSettings
from . import authentication, crls, tls
from .connections import Connections, add_source, descriptors_for
from .exchange import Exchange
from .graceful_shutdown import GracefulServer
from .http1_connection import Http1Connection
from .lingering_close import Remainder
from .memory import MemoryReturn
from .short_path import ShortPath

_SWEEP_MILLISECONDS = 1000
_CRL_MILLISECONDS = 5000


class BoundedServer(GracefulServer):
    """A server that knows its connections, and keeps them within bounds."""

    connections: ClassVar[Connections] = Connections(4000, 200, 20.0, 300.0)
    unread_seconds: ClassVar[float] = 600.0
    """How long an answer may wait to be read."""
    short_services: ClassVar[list[Any]] = []

    def initialize(self, *arguments: Any, **options: Any) -> None:
        super().initialize(*arguments, **options)
        self.max_body_size: int | None = self.conn_params.max_body_size or self.max_buffer_size
        self.tls_context = tls.FreshContext()
        self.revocations = crls.RevocationLists(ca_folder())

    def add_sockets(self, sockets: Any) -> None:
        self._loop: asyncio.AbstractEventLoop = IOLoop.current().asyncio_loop
        self.short_path = ShortPath(self._loop)
        for service in self.short_services:
            self.short_path.add(service)
        self.revocations.refresh()
        super().add_sockets(sockets)
        PeriodicCallback(self.connections.close_overdue, _SWEEP_MILLISECONDS).start()
        PeriodicCallback(MemoryReturn(lambda: len(self._states)).look, _SWEEP_MILLISECONDS).start()
        PeriodicCallback(self.revocations.refresh_in_thread, _CRL_MILLISECONDS).start()

    def _handle_connection(self, sock: socket.socket, address: Any) -> None:
        """Tornado gives a TCP connection: whether TLS begins is decided here."""
        if not self.connections.admit(address[0]):
            sock.close()
            return
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Http1Connection(self, self._loop, sock, address)
        except (OSError, ValueError):
            sock.close()
            return
        # In the books before the first step of the handshake, which may fail.
        self.connection_opened(connection)
        self.connections.opened(connection.stream, address[0])
        connection.stream.begin()

    # Connections call these.

    def delegate_for(self, connection: Http1Connection, exchange: Exchange) -> HTTPMessageDelegate:
        """Tornado's for one request."""
        return self.request_callback.start_request(connection, exchange)

    def wants_no_body(self, delegate: Any) -> bool:
        """Whether a request goes to the handler for paths that there are not: it needs no body to say so."""
        handler = getattr(getattr(delegate, "delegate", None), "handler_class", None)
        return handler is not None and handler is self.request_callback.settings.get("default_handler_class")

    def request_begun(self, connection: Http1Connection) -> None:
        """A request's head has come."""
        super().request_begun(connection)
        stream = connection.stream
        if stream.chain is None:
            return
        if not connection.is_good(stream.chain):
            stream.peer = None
            return
        if stream.peer is None:
            try:
                stream.peer = authentication.peer_of_chain(stream.chain)
            except ValueError:
                return  # for the handler to say
        if stream.peer.is_registered() and stream.peer.expires > time.time():
            self.connections.authenticated(stream, stream.peer.owner)

    def request_done(self, connection: Http1Connection) -> None:
        """Its answer has been sent."""
        super().request_done(connection)
        self.connections.became_idle(connection.stream)

    def connection_closed(self, connection: Http1Connection) -> None:
        """It is gone, but for a remainder of which :meth:`lingers` has told."""
        super().connection_closed(connection)
        self.connections.closed(connection.stream)

    def lingers(self, connection: Http1Connection, remainder: Remainder) -> None:
        """What is left of a connection."""
        self.connections.replaced(connection.stream, remainder, connection.context.remote_ip)


def bound_connections(settings: CollectorSettings) -> None:
    """From now on the servers of this process keep within the settings. To be called before they are made."""
    BoundedServer.connections = Connections(
        descriptors_for(settings.max_connections),
        settings.max_unauthenticated,
        settings.unauthenticated_time,
        settings.idle_time,
    )
    BoundedServer.unread_seconds = settings.idle_time + settings.body_time
    add_source(BoundedServer.connections.metrics)
    HTTPServer.configure(BoundedServer)
