# SPDX-License-Identifier: GPL-3.0-only
"""The end of a collector on SIGTERM or SIGINT: new connections are refused at once, what is in flight is finished.

DIRAC's ``tornado-start-all`` leaves signals to the operating system: SIGTERM ends it in the middle of its requests. No
acknowledged text is lost by that, but a stock pilot whose request is cut off raises an exception. Here

- the sockets are closed at once, so that pilots and balancers go to another collector;
- connections that wait for their next request are closed, and those that are still new get a moment for their first;
- requests get some seconds: what waits for its commit is stored and answered;
- then the process ends, with exit code 0. A second signal ends it at once.

It covers all services of the process. ``HTTPServer.configure`` is Tornado's own way to use a server of another class.
"""

from __future__ import annotations

import asyncio
import enum
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from DIRAC import gLogger
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

_REQUEST_SECONDS = 5.0
"""What requests in flight get; dev/stack, ``sv`` and systemd wait for longer than all of these together."""
_FIRST_REQUEST_SECONDS = 2.0
"""What a connection gets for its first request: a pilot made it before it could know that this collector stops."""
_LAST_SECONDS = 3.0
"""What the last actions get, and then the interpreter: a reader that waits for a storage element must not hold it."""
_POLL_SECONDS = 0.02

_servers: list[GracefulServer] = []
_last_actions: list[Callable[[], None]] = []
_log = gLogger.getSubLogger("Shutdown")


def end_gracefully(last: Callable[[], None]) -> None:
    """Let this process end gracefully on SIGTERM and SIGINT. To be called before its servers are made.

    Args:
        last: Called in a thread when nothing is in flight any more; it may block for seconds.
    """
    if not issubclass(HTTPServer.configured_class(), GracefulServer):
        HTTPServer.configure(GracefulServer)
    _last_actions.append(last)


class _Connection(enum.Enum):
    NEW = enum.auto()
    BUSY = enum.auto()
    IDLE = enum.auto()


class GracefulServer(HTTPServer):  # type: ignore[misc]
    """Tornado's server; it knows which of its connections have a request in flight."""

    def initialize(self, *arguments: Any, **options: Any) -> None:
        super().initialize(*arguments, **options)
        self._states: dict[Any, _Connection] = {}

    def add_sockets(self, sockets: Any) -> None:
        super().add_sockets(sockets)
        if not _servers:
            _heed_signals()
        _servers.append(self)

    def connection_opened(self, connection: Any) -> None:
        """A new connection."""
        self._states[connection] = _Connection.NEW

    def request_begun(self, connection: Any) -> None:
        """A request on it has begun to come."""
        self._states[connection] = _Connection.BUSY

    def request_done(self, connection: Any) -> None:
        """Its answer has been sent."""
        if connection in self._states:
            self._states[connection] = _Connection.IDLE

    def connection_closed(self, connection: Any) -> None:
        """It is gone."""
        self._states.pop(connection, None)

    def refuse_connections(self) -> None:
        """Stop listening. Connections that the kernel has made already are taken: closing would reset them."""
        self.conn_params.no_keep_alive = True
        for listening in self._sockets.values():
            while True:
                try:
                    connection, address = listening.accept()
                except OSError:
                    break
                self._handle_connection(connection, address)
        self.stop()

    def close_waiting(self, also_new: bool) -> int:
        """Close connections without a request.

        Returns:
            How many connections are there still.
        """
        for connection, state in list(self._states.items()):
            if state is _Connection.IDLE or (also_new and state is _Connection.NEW):
                connection.stream.close()
        return len(self._states)


def _heed_signals() -> None:
    loop = IOLoop.current()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.asyncio_loop.add_signal_handler(number, loop.spawn_callback, _end, loop, number)


async def _end(loop: IOLoop, number: signal.Signals) -> None:
    for again in (signal.SIGTERM, signal.SIGINT):
        loop.asyncio_loop.remove_signal_handler(again)
    _log.always(f"{number.name}: no new connections; what is in flight is finished")
    for server in _servers:
        server.refuse_connections()
    begun = time.monotonic()
    passed = 0.0
    while left := sum(server.close_waiting(also_new=passed > _FIRST_REQUEST_SECONDS) for server in _servers):
        if passed > _REQUEST_SECONDS:
            _log.warn("Requests that took too long are cut off; they are not acknowledged", f"{left}")
            break
        await asyncio.sleep(_POLL_SECONDS)
        passed = time.monotonic() - begun
    await asyncio.wait([asyncio.wrap_future(_in_thread(action)) for action in _last_actions], timeout=_LAST_SECONDS)
    _log.always("Stopped")
    loop.stop()
    too_late = threading.Timer(_LAST_SECONDS, os._exit, [0])
    too_late.daemon = True
    too_late.start()


def _in_thread(action: Callable[[], None]) -> Future[None]:
    """Run an action in a thread that the interpreter's end does not wait for, as it does for an executor's."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            action()
        finally:
            done.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    return done
