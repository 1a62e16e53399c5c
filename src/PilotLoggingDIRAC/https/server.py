# SPDX-License-Identifier: GPL-3.0-only
"""Tornado's HTTPS server within bounds: connections, headers and the time that each may take.

It covers all services of the process. ``HTTPServer.configure`` is Tornado's own way to use a server of another class.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate
from tornado.ioloop import PeriodicCallback

from ..settings import CollectorSettings
from .connections import Connections, add_source, descriptors_for
from .graceful_shutdown import GracefulServer
from .patches.chunked import read_chunks_strictly
from .patches.lingering_close import linger
from .patches.unknown_paths import refuse_unknown_paths_early

_LARGEST_HEADER = 32 * 2**10
"""Bytes of a request's headers: room for a token, or for a certificate chain that a balancer hands on."""
_SWEEP_MILLISECONDS = 1000


class BoundedServer(GracefulServer):
    """A server that knows its connections, and reads chunked bodies strictly."""

    idle_seconds: ClassVar[float] = 300.0
    connections: ClassVar[Connections] = Connections(4000, 200, 20.0, 600.0)

    def initialize(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("max_header_size", _LARGEST_HEADER)
        options.setdefault("idle_connection_timeout", self.idle_seconds)
        super().initialize(*arguments, **options)

    def add_sockets(self, sockets: Any) -> None:
        super().add_sockets(sockets)
        PeriodicCallback(self.connections.close_overdue, _SWEEP_MILLISECONDS).start()

    def _handle_connection(self, connection: Any, address: Any) -> None:
        if self.connections.admit():
            super()._handle_connection(connection, address)
        else:
            connection.close()

    def handle_stream(self, stream: Any, address: Any) -> None:
        self.connections.opened(stream, address[0])
        super().handle_stream(stream, address)

    def start_request(self, server_conn: Any, request_conn: Any) -> HTTPMessageDelegate:
        read_chunks_strictly(request_conn)
        return super().start_request(server_conn, request_conn)

    def on_close(self, server_conn: Any) -> None:
        self.connections.closed(server_conn.stream)
        super().on_close(server_conn)


def answer_early(request: Any) -> None:
    """Prepare a request's connection for an answer that ends it before the body has been read."""
    connections, stream, address = BoundedServer.connections, request.connection.stream, request.remote_ip
    linger(stream, lambda remainder: connections.replaced(stream, remainder, address), connections.closed)


def bound_connections(settings: CollectorSettings) -> None:
    """From now on the servers of this process keep within the settings. To be called before they are made."""
    BoundedServer.connections = Connections(
        descriptors_for(settings.max_connections),
        settings.max_unauthenticated,
        settings.unauthenticated_time,
        # Tornado closes those that bring no next request; this is for peers that do not read their answer.
        settings.idle_time + settings.body_time,
    )
    BoundedServer.idle_seconds = settings.idle_time
    add_source(BoundedServer.connections.metrics)
    HTTPServer.configure(BoundedServer)
    refuse_unknown_paths_early(answer_early)
