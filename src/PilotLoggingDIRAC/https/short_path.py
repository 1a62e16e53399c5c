# SPDX-License-Identifier: GPL-3.0-only
"""The short path of the writing methods: answered before there is a RequestHandler.

Only the plain case is taken: a POST with a declared body of at most 64 KiB, from somebody whose certificate is known
and whom AuthManager has accepted for this method within the last seconds. All else, and all that turns out to be
something else, is replayed through Tornado: there is one implementation of refusals, and it is not here.

Guarantee: what a commit has stored is answered with one wake-up of the event loop, however many messages it were.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from concurrent.futures import Future
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import orjson

from ..dirac_bridge import results
from ..errors import PilotLoggingError, Rejected
from .call_form import FORM, LARGEST_ON_LOOP, CallForm
from .gzip_body import unfold_at_once
from .http1_parser import Head
from .peers import Accepted, Call
from .request_body import LEAST_SPEED, LOOK_SECONDS
from .request_log import note_failure, note_request

if TYPE_CHECKING:
    from .http1_connection import Http1Connection

_FORM = FORM.encode()
_LARGEST_AS_SENT = 2**16
"""Bytes of a body that are kept until it is whole; zipped ones are unfolded only then, to ``LARGEST_ON_LOOP``."""
_NOT_PLAIN = frozenset({b"expect", b"transfer-encoding", b"authorization", b"upgrade"})


class ShortPath:
    """Of one server. For the event loop only, but for what the writer's thread calls.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._services: dict[bytes, Any] = {}
        self._done: deque[tuple[_Request, Future[Any]]] = deque()
        self._woken = False
        self._second = 0
        self._date = b""

    def add(self, service: Any) -> None:
        """Have the ``short_path`` methods of a service's class, an ``AsyncService``."""
        self._services[f"/{service._fullComponentName}".encode()] = service

    def take(self, connection: Http1Connection, head: Head) -> _Request | None:
        """What serves a request; None if it is to go through Tornado."""
        service = self._services.get(head.url)
        peer = connection.stream.peer
        if service is None or head.method != b"POST" or peer is None:
            return None
        length, zipped, form = None, False, False
        for name, value in head.headers:
            small = name.lower()
            if small == b"content-length":
                length = int(value) if len(value) < 6 else None
            elif small == b"content-type":
                form = value == _FORM
            elif small == b"content-encoding":
                if value != b"gzip":
                    return None
                zipped = True
            elif small in _NOT_PLAIN:
                return None
        if not length or length > min(_LARGEST_AS_SENT, service.largest_body) or not form:
            return None
        if not peer.is_registered() or peer.expires <= time.time():
            return None
        return _Request(self, service, connection, head, length, zipped)

    # Answers come from the writer's thread, many at a time.

    def await_answer(self, request: _Request, future: Future[Any]) -> None:
        """Answer a request when its future is done."""
        future.add_done_callback(lambda done: self._note_done(request, done))

    def _note_done(self, request: _Request, future: Future[Any]) -> None:
        self._done.append((request, future))
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._answer_all)

    def _answer_all(self) -> None:
        self._woken = False
        while self._done:
            request, future = self._done.popleft()
            error = future.exception()
            if error is None:
                request.answer(future.result())
            else:
                request.fail(error)

    def date(self) -> bytes:
        """For the ``Date`` header."""
        now = int(time.time())
        if now != self._second:
            self._second, self._date = now, formatdate(now, usegmt=True).encode()
        return self._date


class _Request:
    """One request: it stands where an :class:`.exchange.Exchange` would."""

    __slots__ = (
        "_accepted", "_begun", "_body", "_connection", "_head", "_length", "_method", "_path", "_service", "_timer",
        "_zipped", "read_finished", "write_begun",
    )  # fmt: skip

    def __init__(
        self, path: ShortPath, service: Any, connection: Http1Connection, head: Head, length: int, zipped: bool
    ) -> None:
        self._path, self._service, self._connection, self._head = path, service, connection, head
        self._length, self._zipped = length, zipped
        self._body = b""
        self._begun = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._accepted: Accepted | None = None
        self._method = "?"
        self.read_finished = self.write_begun = False

    # The connection calls these.

    def data_received(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._body = self._body + piece if self._body else piece
        if self._timer is None and len(self._body) < self._length:
            seconds = min(self._service.body_seconds, LOOK_SECONDS + self._length / LEAST_SPEED)
            self._timer = self._connection.loop.call_later(seconds, self._connection.stream.close)

    def end_received(self) -> None:
        """The body is complete."""
        self.read_finished = True
        self._stop_timer()
        body, self._body = self._body, b""
        try:
            outcome = self._run(body)
        except PilotLoggingError as error:
            self._service._stats["requests"] += 1
            self.fail(error)
            return
        if outcome is None:
            self._connection.replay(self._head, body)
            return
        self._service._stats["requests"] += 1
        if isinstance(outcome, Future):
            self._path.await_answer(self, outcome)
        else:
            self.answer(outcome)

    def written(self) -> None:
        """Nothing waits for that."""

    def connection_lost(self) -> None:
        """The peer has gone. What it sent whole is stored; what it did not is forgotten."""
        self._stop_timer()
        self._body = b""

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The call

    def _run(self, body: bytes) -> Any:
        """The outcome, a future of it, or None if this is not the plain case.

        Raises:
            PilotLoggingError: The method's own.
        """
        service = self._service
        if self._zipped:
            unfolded = unfold_at_once(body, min(LARGEST_ON_LOOP, service.largest_body))
            if unfolded is None:
                return None
            body = unfolded
        try:
            form = CallForm(body)
            name, extra = form.method, form.extra_credentials
        except Rejected:
            return None
        peer = self._connection.stream.peer
        if extra or name not in service.short_path or peer is None:
            return None
        accepted = peer.accepted(Call(service._fullComponentName, name, ""))
        if accepted is None:
            return None
        try:
            arguments = form.arguments(name, service.short_path)
        except Rejected:
            return None
        self._accepted, self._method = accepted, name
        call = service.__new__(service)
        call.caller = accepted.caller
        try:
            return getattr(call, f"{service.METHOD_PREFIX}{name}")(*arguments)
        except TypeError:
            return None  # other arguments than it has, most likely: Tornado's path finds out

    # The answer

    def fail(self, error: BaseException) -> None:
        """Answer with an error."""
        service = self._service
        if isinstance(error, PilotLoggingError):
            call = service.__new__(service)
            if self._accepted is not None:
                call.caller = self._accepted.caller
            call.refused(error)
            self.answer(results.failure(error))
        else:
            self.answer(note_failure(service, self._method, error))

    def answer(self, outcome: dict[str, Any]) -> None:
        """Answer with S_OK or S_ERROR."""
        results.drop_internals(outcome)
        problem = None if outcome["OK"] else str(outcome["Message"])
        seconds = time.monotonic() - self._begun
        note_request(self._service, self._who, self._method, self._head.url.decode("latin1"), seconds, problem)
        connection = self._connection
        if connection.current is not self:
            return  # the peer has gone
        payload = orjson.dumps(outcome) if problem is None else json.dumps(outcome).encode()
        keep_alive = self._head.keep_alive and not connection.stops
        ending = b"" if keep_alive else b"Connection: close\r\n"
        if keep_alive and self._head.version == "1.0":
            ending = b"Connection: Keep-Alive\r\n"
        self.write_begun = True
        connection.stream.write(
            b"HTTP/1.1 200 OK\r\nServer: PilotLogging\r\nDate: %b\r\nContent-Type: application/json\r\n"
            b"%bContent-Length: %d\r\n\r\n%b" % (self._path.date(), ending, len(payload), payload)
        )
        connection.answered(self, keep_alive)

    def _who(self) -> str:
        address, credentials = self._connection.stream.address, self._accepted.credentials if self._accepted else {}
        group, name = credentials.get("group", "unset"), credentials.get("username", "unset")
        return f"([{address[0]}]:{address[1]})[{group}:{name}]"
