# SPDX-License-Identifier: GPL-3.0-only
"""HTTP on one connection: its requests, in order and one at a time, and what becomes of the connection after each.

Events of the parser wait while a handler does not take more, or while the answer to an earlier (pipelined) request is
outstanding; nothing is read meanwhile, so what can wait is what one turn of reading gave.
"""

from __future__ import annotations

import asyncio
import socket
import time
from asyncio import isfuture
from typing import TYPE_CHECKING, Any, Protocol

from DIRAC import gLogger

from ..dirac_bridge.verified_chain import VerifiedChain
from ..text import one_line
from .exchange import Exchange
from .http1_parser import Body, End, Head, RequestParser, Wrong
from .lingering_close import Remainder
from .stream import Stream

if TYPE_CHECKING:
    from .server import BoundedServer

_SHOWN_CHARACTERS = 300
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_log = gLogger.getSubLogger("HTTPS")


class Context:
    """``connection.context``: from where Tornado's requests take ``remote_ip`` and ``protocol``."""

    __slots__ = ("address", "address_family", "protocol", "remote_ip")

    def __init__(self, address: tuple[Any, ...], family: int) -> None:
        self.address, self.address_family = address, family
        self.remote_ip, self.protocol = address[0], "https"

    def __str__(self) -> str:
        return str(self.remote_ip)


class Current(Protocol):
    """The request that is being served: an :class:`.exchange.Exchange`, or a call on the short path."""

    read_finished: bool
    write_begun: bool

    def data_received(self, piece: bytes) -> Any: ...
    def end_received(self) -> Any: ...
    def written(self) -> None: ...
    def connection_lost(self) -> None: ...


class Http1Connection:
    """The receiver of a :class:`.stream.Stream`.

    Args:
        server: Whose connection it is.
        sock: Accepted, non-blocking.
        address: The peer's.
    """

    __slots__ = (
        "__weakref__", "_last", "_parser", "_pumping", "_unread_timer", "_waiting", "context", "current", "loop",
        "server", "stream",
    )  # fmt: skip

    def __init__(
        self,
        server: BoundedServer,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        address: tuple[Any, ...],
    ) -> None:
        self.server, self.loop = server, loop
        self.context = Context(address, sock.family)
        self.stream = Stream(loop, sock, address, server.tls_context(), self)
        self.current: Current | None = None
        self._parser = RequestParser()
        self._waiting = self._pumping = False
        self._last = False
        self._unread_timer: asyncio.TimerHandle | None = None

    # The stream calls these.

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._parser.feed(data)
        self.stream.half_a_head = self._parser.begun
        if self._parser.events:
            self._pump()

    def eof_received(self) -> None:
        """No more will come. What has come whole is served, and answered if the peer still listens."""
        complete = any(isinstance(event, End) for event in self._parser.events)
        if not complete and (self.current is None or not self.current.read_finished):
            if self.stream.pending:
                self.stream.close_when_written(linger=False)
            else:
                self.stream.close()

    def written(self) -> None:
        """All that was written has been sent."""
        if self.current is not None:
            self.current.written()
        else:
            self._rest()

    def connection_lost(self) -> None:
        """The stream is closed, from whichever end."""
        self._stop_timer()
        self._parser.events.clear()
        current, self.current = self.current, None
        if current is not None:
            current.connection_lost()
        self.server.connection_closed(self)

    def is_good(self, chain: VerifiedChain) -> bool:
        """Whether a chain is, at this moment."""
        return chain.expires > time.time() and not self.server.revocations.revokes(chain)

    @property
    def waits_for_body(self) -> bool:
        """Whether the peer has not sent its request to the end."""
        return self.current is not None and not self.current.read_finished

    def lingers(self, remainder: Remainder) -> None:
        """The stream was closed, but its peer may still be sending."""
        self.server.lingers(self, remainder)

    def remainder_gone(self, remainder: Remainder) -> None:
        """It is over with that, too."""
        self.server.connections.closed(remainder)

    # Handing on

    def _pump(self) -> None:
        """Hand on events as far as may be."""
        if self._pumping:
            return
        self._pumping = True
        try:
            events = self._parser.events
            while events and not self._waiting and not self.stream.closed() and not self._last:
                if not self._step(events[0]):
                    break
        finally:
            self._pumping = False
        if self.stream.closed() or self._last:
            return
        if events or self._waiting:
            self.stream.pause_reading()
        else:
            self.stream.resume_reading()

    def _step(self, event: Head | Body | End | Wrong) -> bool:
        """Hand on one event; False if its time has not come."""
        current = self.current
        if isinstance(event, Head):
            if current is not None or self.stream.pending:
                return False  # pipelined: its turn comes when the answer before it has been sent
            self._parser.events.popleft()
            self._stop_timer()
            self.server.request_begun(self)
            short = self.server.short_path.take(self, event)
            if short is not None:
                self.current = short
            else:
                exchange = self.current = Exchange(self, event)
                self._wait_for(exchange.begin())
        elif isinstance(event, Wrong):
            if current is not None and current.read_finished:
                return False  # it stands after a good request, whose answer goes first
            self._parser.events.clear()
            if event.silently:
                self.stream.close()
            else:
                self.refuse(event.reason)
        else:
            self._parser.events.popleft()
            if current is not None:
                self._wait_for(current.data_received(event.data) if isinstance(event, Body) else current.end_received())
        return True

    def _wait_for(self, future: Any) -> None:
        if future is not None and isfuture(future) and not future.done():
            self._waiting = True
            future.add_done_callback(self._waited)

    def _waited(self, future: Any) -> None:
        self._waiting = False
        if not future.cancelled() and future.exception() is not None:
            _log.exception("Uncaught exception", lException=future.exception())
            self.stream.close()
            return
        self._pump()

    # A request's end

    def refuse(self, reason: str) -> None:
        """Answer that what came is no request, if nothing else has been answered, and hang up."""
        _log.info("Malformed request", f"from {self.context}: {one_line(reason, _SHOWN_CHARACTERS)}")
        if self.current is None or not self.current.write_begun:
            self.stream.write(_BAD_REQUEST)
        self._hang_up(linger=True)

    def replay(self, head: Head, body: bytes) -> None:
        """Let a request that was on the short path go through Tornado after all."""
        exchange = self.current = Exchange(self, head)
        # It stands before what came after it.
        self._parser.events.appendleft(End())
        if body:
            self._parser.events.appendleft(Body(body))
        self._wait_for(exchange.begin())
        self.loop.call_soon(self._pump)

    def answered(self, current: Current, keep_alive: bool, early: bool = False) -> None:
        """The answer has been written, or waits in the stream's buffer.

        Args:
            current: The request.
            keep_alive: Whether the connection may go on.
            early: Whether the request has not been read to its end.
        """
        if self.current is not current:
            return
        self.current = None
        if early or not keep_alive or self.stops:
            self._hang_up(linger=early)
            return
        if self.stream.pending:
            self._unread_timer = self.loop.call_later(self.server.unread_seconds, self.stream.close)
        else:
            self._rest()

    def _hang_up(self, linger: bool) -> None:
        self._last = True
        if self.stream.pending:
            self._unread_timer = self.loop.call_later(self.server.unread_seconds, self.stream.close)
        self.stream.close_when_written(linger)

    def _rest(self) -> None:
        """Go on with the next request; wait for one if there is none."""
        self._stop_timer()
        if self.stream.closed() or self._last:
            return
        self.server.request_done(self)
        if self._parser.events:
            self.loop.call_soon(self._pump)
        elif self.stream.eof or self.stops:
            self._hang_up(linger=False)

    @property
    def stops(self) -> bool:
        """Whether the server takes no more requests."""
        return bool(self.server.conn_params.no_keep_alive)

    def _stop_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
