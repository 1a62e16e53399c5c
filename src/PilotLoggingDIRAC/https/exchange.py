# SPDX-License-Identifier: GPL-3.0-only
"""One request through Tornado, and its answer: Tornado's ``HTTPConnection``, which handlers know as
``request.connection``.

Guarantees: a body is no longer than its handler wants it, takes no longer than it may, and is not slower than it may
be; an answer is framed as the request's version understands it; an answer before the body has come ends the connection,
and the peer still gets it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tornado.concurrent import Future
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine
from tornado.iostream import StreamClosedError

from ..dirac_bridge.verified_chain import VerifiedChain
from .gzip_body import BrokenGzip, Unfolding
from .http1_parser import Head
from .request_body import Pace

if TYPE_CHECKING:
    from .http1_connection import Http1Connection

_USUAL_BODY = 100 * 2**20
"""Bytes of a body, where its handler does not say: Tornado's."""
_PIECES_AT_ONCE = 16
"""Of 64 KiB, that a body unfolds to before others have their turn."""
_log = logging.getLogger("tornado.general")


class Exchange(HTTPConnection):  # type: ignore[misc]
    """One request and its answer.

    Args:
        connection: On which it came.
        head: Its beginning.
    """

    def __init__(self, connection: Http1Connection, head: Head) -> None:
        self._connection = connection
        self.stream, self.context = connection.stream, connection.context
        self._line = RequestStartLine(head.method.decode(), head.url.decode("latin1"), f"HTTP/{head.version}")
        self._headers = HTTPHeaders()
        for name, value in head.headers:
            self._headers.add(name.decode("latin1"), value.decode("latin1"))
        self._keep_alive = head.keep_alive
        self._has_body = "Transfer-Encoding" in self._headers or int(self._headers.get("Content-Length", "0")) > 0
        self._max_body_size = connection.server.max_body_size or _USUAL_BODY
        self._body_seconds: float | None = connection.server.conn_params.body_timeout
        self._timer: asyncio.TimerHandle | None = None
        self._pace: Pace | None = None
        self._size = 0
        self._close_callback: Callable[[], None] | None = None
        self._drained: list[Future] = []
        self.read_finished = self.write_begun = False
        self._write_finished = self._chunking = False
        self._left: int | None = None
        self._unfolding: Unfolding | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._delegate: HTTPMessageDelegate = connection.server.delegate_for(connection, self)

    # The request

    def begin(self) -> Any:
        """Hand on the head.

        Returns:
            A future while the handler decides, or None.
        """
        if (
            self._connection.server.conn_params.decompress
            and self._headers.get("Content-Encoding", "").strip().lower() == "gzip"
        ):
            self._unfolding = Unfolding()
            # As Tornado does it.
            self._headers.add("X-Consumed-Content-Encoding", self._headers["Content-Encoding"])
            del self._headers["Content-Encoding"]
        waiting = self._given(lambda: self._delegate.headers_received(self._line, self._headers))
        if self._has_body and self._connection.server.wants_no_body(self._delegate):
            self._given(self._delegate.finish)
        if waiting is not None and not waiting.done():
            waiting.add_done_callback(lambda _: self._await_body())
        else:
            self._await_body()
        return waiting

    def _await_body(self) -> None:
        """The handler has said what it takes."""
        if self.stream.closed() or self._write_finished or not self._has_body:
            return
        if int(self._headers.get("Content-Length", "0")) > self._max_body_size:
            self._connection.refuse("a body that is too long")
            return
        if self._headers.get("Expect", "").strip().lower() == "100-continue" and self._line.version != "HTTP/1.0":
            self.stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._body_seconds is not None and not self.read_finished:
            self._pace = Pace(self._body_seconds)
            self._timer = self._connection.loop.call_later(self._pace.next_look, self._look_at_pace)

    def _look_at_pace(self) -> None:
        assert self._pace is not None
        if not self._pace.holds(self._size):
            _log.info("Timeout reading body from %s", self.context)
            self.stream.close()
            return
        self._timer = self._connection.loop.call_later(self._pace.next_look, self._look_at_pace)

    def data_received(self, piece: bytes) -> Any:
        """Hand on a piece of the body."""
        self._size += len(piece)
        if self._write_finished:
            return None
        if self._size > self._max_body_size:
            self._connection.refuse("a body that is too long")
            return None
        if self._unfolding is None:
            return self._given(lambda: self._delegate.data_received(piece))
        self._pieces = self._unfolding.unfold(piece)
        return self._hand_on_pieces()

    def _hand_on_pieces(self) -> Any:
        """Hand on what a compressed piece unfolds to, as fast as the handler takes it."""
        try:
            for number, unfolded in enumerate(self._pieces, 1):
                if self._write_finished or self.stream.closed():
                    return None
                waiting = self._given(partial(self._delegate.data_received, unfolded))
                if waiting is not None and not waiting.done():
                    return asyncio.ensure_future(self._hand_on_later(waiting))
                if number == _PIECES_AT_ONCE:
                    return asyncio.ensure_future(self._hand_on_later(asyncio.sleep(0)))
        except BrokenGzip as error:
            self._connection.refuse(str(error))
        return None

    async def _hand_on_later(self, waiting: Any) -> None:
        await waiting
        further = self._hand_on_pieces()
        if further is not None:
            await further

    def end_received(self) -> Any:
        """The body is complete."""
        self.read_finished = True
        self._stop_timer()
        if self._write_finished:
            return None
        try:
            if self._unfolding is not None and self._size:
                self._unfolding.finish()
        except BrokenGzip as error:
            self.read_finished = False  # so that the handler is told that the rest will not come
            self._connection.refuse(str(error))
            return None
        return self._given(self._delegate.finish)

    def _given(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Exception:
            _log.error("Uncaught exception", exc_info=True)
            self.stream.close()
            return None

    # Tornado's HTTPConnection

    def write_headers(self, start_line: Any, headers: Any, chunk: bytes | None = None, callback: Any = None) -> Future:
        self.write_begun = True
        informational = HTTPStatus.CONTINUE <= start_line.code < HTTPStatus.OK
        bodiless = informational or start_line.code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        newer = self._line.version == "HTTP/1.1"
        framed = "Content-Length" in headers or "Transfer-Encoding" in headers
        self._chunking = newer and not bodiless and not framed
        unframed = not newer and not framed and not bodiless
        if unframed or self._is_early or not self._keep_alive or self._connection.stops:
            headers["Connection"] = "close"
        elif not newer:
            headers["Connection"] = "Keep-Alive"
        if headers.get("Connection", "").lower() == "close":
            self._keep_alive = False
        if self._chunking:
            headers["Transfer-Encoding"] = "chunked"
        if self._line.method == "HEAD" or bodiless:
            self._left, self._chunking = 0, False
        elif "Content-Length" in headers:
            self._left = int(headers["Content-Length"])
        lines = [f"HTTP/1.1 {start_line.code} {start_line.reason}"]
        lines += [f"{name}: {value}" for name, value in headers.get_all()]
        if any("\n" in line or "\r" in line for line in lines):
            raise ValueError("Newline in header")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin1")
        return self._write(head + self._framed(chunk) if chunk else head, callback)

    def write(self, chunk: bytes, callback: Any = None) -> Future:
        return self._write(self._framed(chunk), callback)

    def finish(self) -> None:
        if self._write_finished:
            return
        if self._left and not self.stream.closed():
            self.stream.close()
            raise ValueError(f"Tried to write {self._left} bytes less than Content-Length")
        if self._chunking:
            self.stream.write(b"0\r\n\r\n")
        self._write_finished = True
        self._stop_timer()
        self._close_callback = None
        # Before the body has come: nobody reads the rest.
        self._connection.answered(self, self._keep_alive, early=self._is_early)

    @property
    def _is_early(self) -> bool:
        return self._has_body and not self.read_finished

    def _framed(self, chunk: bytes) -> bytes:
        if self._left is not None:
            self._left -= len(chunk)
            if self._left < 0:
                self.stream.close()
                raise ValueError("Tried to write more data than Content-Length")
        return b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunking and chunk else chunk

    def _write(self, data: bytes, callback: Any) -> Future:
        future = Future()
        if self.stream.closed():
            future.set_exception(StreamClosedError())
            future.exception()
            return future
        self.stream.write(data)
        if self.stream.pending:
            self._drained.append(future)
        else:
            future.set_result(None)
        if callback is not None:
            future.add_done_callback(lambda _: callback())
        return future

    def written(self) -> None:
        """All that was written has been sent."""
        waiting, self._drained = self._drained, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def connection_lost(self) -> None:
        """The connection is gone before the answer was complete."""
        self._stop_timer()
        self.written()
        callback, self._close_callback = self._close_callback, None
        if self._write_finished:
            return
        if not self.read_finished:
            self._given(self._delegate.on_connection_close)
        elif callback is not None:
            callback()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def set_close_callback(self, callback: Any) -> None:
        self._close_callback = callback

    def set_max_body_size(self, size: int) -> None:
        """Take a body of so many bytes, as it is sent."""
        self._max_body_size = size

    def set_body_timeout(self, seconds: float) -> None:
        """Wait so long for the body."""
        self._body_seconds = seconds

    def is_good(self, chain: VerifiedChain) -> bool:
        """Whether a chain is, at this moment."""
        return self._connection.is_good(chain)

    def close(self) -> None:
        """Hang up at once."""
        self.stream.close()

    def detach(self) -> Any:
        raise NotImplementedError("no protocol that begins with HTTP is served here")
