# SPDX-License-Identifier: GPL-3.0-only
"""A request's short path through Tornado.

DIRAC's ``BaseRequestHandler`` takes every request through three hops of a thread pool, parses the certificate chain
anew each time, and holds a thread until the method returns. A collector has thousands of small requests that all wait
for a commit, so here

- the peer is known before its body is read: its chain is parsed once a connection, and once for all connections of the
  same proxy, and forms are decoded in C (:mod:`.urlencoded`), large ones in a thread (:mod:`.call_form`);
- short messages to the methods of :attr:`AsyncService.short_path` do not even come here (:mod:`.short_path`);
- methods marked with :func:`on_event_loop` run there and may give a future: nothing is held while they wait;
- other methods run in a pool of this class's own, by turns of VOs and callers: readers hold up neither writers nor
  DIRAC, nor another VO's readers.

What is authorised, and how, stays DIRAC's: ``AuthManager`` decides, and its word holds for some seconds or until the CS
changes.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from DIRAC.Core.Tornado.Server.TornadoService import TornadoService
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, stream_request_body

from ..dirac_bridge import results
from ..dirac_bridge.callers import Caller, caller_of, only_own_group
from ..errors import PilotLoggingError, Rejected, Unavailable
from ..read.fair_pool import FairPool, Turn
from ..settings import CollectorSettings, IPNetwork
from ..text import one_line
from . import connections, server
from .authentication import authenticate
from .call_form import LARGEST_FORM, LARGEST_ON_LOOP, CallForm, check_beginning, decoded, is_form
from .peers import Call
from .reply import SMALL, encode_in_pieces, gather, weigh
from .reply_memory import ReplyMemory, Room
from .request_body import Body, RequestMemory
from .request_log import LOGGED_CHARACTERS, note_failure, note_request
from .shares import Owner

_DECODERS, _ENCODERS = 2, 2
_PIECE = 2**18
"""Bytes of a large reply that are encoded at once, and must be read before the next."""
_STRANGERS_BODY = 2**16
"""Bytes of a body that are taken from somebody who has a certificate, but is not in the Registry."""
_STRANGERS_SECONDS = 20.0
_REFUSED_SECONDS = 0.5
"""So long the answer takes where a large body is refused: who sends the same again at once costs the others little."""
_ANY_SIZE = 2**62
"""For Tornado, which would answer a large body with a bare 400."""
_BEGINNING = 2**8
"""Bytes in which a form's first field is."""
_DIGITS = re.compile("[0-9]{1,18}")

F = TypeVar("F", bound=Callable[..., Any])


def on_event_loop(method: F) -> F:
    """Mark an ``export_`` method that never blocks, and may return a future: with small arguments it runs on the event
    loop, with large ones in a thread."""
    method.on_event_loop = True  # type: ignore[attr-defined]
    return method


@stream_request_body
class AsyncService(TornadoService):  # type: ignore[misc]
    """A TornadoService whose requests take the short path. Its subclasses define ``export_`` methods as ever."""

    largest_body: ClassVar[int] = 100 * 2**20
    """Bytes of a (decompressed) body that are taken; a larger one is Rejected as soon as that is known."""
    body_seconds: ClassVar[float] = 300.0
    """How long a body may take to arrive."""
    balancers: ClassVar[tuple[IPNetwork, ...]] = ()
    """From where the headers count with which a balancer hands on a certificate."""
    request_memory: ClassVar[RequestMemory] = RequestMemory(256 * 2**20)
    short_path: ClassVar[frozenset[str]] = frozenset()
    """Methods that take text, read nothing of an instance but ``caller``, run on the event loop, and are answered by a
    future or at once: short messages to them are served without a handler (:mod:`.short_path`)."""

    whole_replies: ClassVar[frozenset[str]] = frozenset()
    """Methods whose replies may have :attr:`largest_reply` bytes: room is made for them beforehand."""
    largest_reply: ClassVar[int] = 0
    reply_memory: ClassVar[ReplyMemory] = ReplyMemory(512 * 2**20)
    piece_seconds: ClassVar[float] = 30.0
    """How long the next 256 KiB of a large reply may wait to be read."""

    _decoders: ClassVar[ThreadPoolExecutor] = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decoder")
    _encoders: ClassVar[ThreadPoolExecutor] = ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encoder")
    _readers: ClassVar[FairPool] = FairPool()

    caller: Caller
    # Tornado refuses some requests, for their verb, before prepare().
    _method_name = "?"
    _outcome: Any = None
    _early = False
    _weight = 0
    _room: Room | None = None
    _turn: Turn | None = None
    _body = Body(request_memory, 0)

    def refused(self, error: PilotLoggingError) -> None:
        """Called for each request that ends in one of our errors. May be overridden."""

    @classmethod
    def _pre_initialize(cls) -> list[Any]:
        """DIRAC calls this when the server starts, after it has loaded the configuration."""
        urls: list[Any] = super()._pre_initialize()
        # What is loaded by now stays: the garbage collector need not look through it again and again.
        gc.freeze()
        return urls

    @classmethod
    def bound(cls, settings: CollectorSettings, largest_body: int) -> None:
        """Keep connections and bodies within the collector's settings. To be called before the server is made."""
        cls.largest_body = largest_body
        cls.body_seconds = settings.body_time
        cls.balancers = settings.balancer_addresses
        cls.request_memory = RequestMemory(settings.max_request_memory)
        connections.add_source(cls.request_memory.metrics)
        cls.reply_memory = ReplyMemory(settings.max_reply_memory)
        # While it is made, a log's text is there twice.
        cls.largest_reply = 2 * settings.max_log_reply_size
        cls.piece_seconds = min(cls.piece_seconds, settings.idle_time)
        connections.add_source(cls.reply_memory.metrics)
        server.bound_connections(settings)
        server.BoundedServer.short_services.append(cls)

    # Tornado calls these, in this order.

    async def prepare(self) -> None:
        self._body = Body(self.request_memory, _STRANGERS_BODY)
        # What stands in the URL is no argument; DIRAC would take credentials from there.
        self.request.arguments.clear()
        self._monitorRequest()
        connection = self.request.connection
        connection.set_body_timeout(_STRANGERS_SECONDS)
        try:
            self._peer = await authenticate(self, self.balancers)
        except ValueError as error:
            self._ends_early()
            raise HTTPError(HTTPStatus.UNAUTHORIZED, str(error)) from None
        self.credDict = self._peer.credentials
        self._registered = self._peer.is_registered()
        if self._registered:
            self._body = Body(self.request_memory, self.largest_body)
            connection.set_body_timeout(self.body_seconds)
            server.BoundedServer.connections.authenticated(connection.stream, self._peer.owner)
        connection.set_max_body_size(_ANY_SIZE)
        self._take(lambda: self._body.check(self._declared_size()))

    def data_received(self, chunk: bytes) -> None:
        # A compressed piece may unfold to many, and they come here although the answer has been given.
        if not self._finished:
            self._take(lambda: self._add(chunk))

    def _add(self, chunk: bytes) -> None:
        before = self._body.size
        self._body.add(chunk)
        if before <= LARGEST_FORM < self._body.size:
            check_beginning(self._body.beginning(_BEGINNING), self.short_path)

    async def post(self, *_args: Any, **_kwargs: Any) -> None:
        if self._finished:
            return
        is_large = self._body.size > LARGEST_ON_LOOP
        try:
            self._outcome = await self._answer()
            await self._reserve(self._weight)
        except PilotLoggingError as error:
            self.refused(error)
            self._outcome, self._weight = results.failure(error), 0
            if is_large:
                self._body.release()
                await asyncio.sleep(_REFUSED_SECONDS)
        if self._weight <= SMALL:
            self._finish_with_outcome()
        else:
            await self._send_in_pieces()

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        """A page with the status and nothing else: no reason of ours, nothing of what was sent."""
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self._ends_early()  # Tornado refuses it before prepare()
        if self._early:
            self.set_header("Connection", "close")
        super().write_error(status_code)

    def on_connection_close(self) -> None:
        """The peer has gone before it had its answer. What it sent whole is served: it may be a pilot's last line. A
        reader that waits for its turn is forgotten."""
        super().on_connection_close()
        if self._turn is not None:
            self._turn.give_up()
        if self.request.body.exception() is not None:
            self._body.release()

    def on_finish(self) -> None:
        """One line a request: quiet when all is well, loud when not."""
        self._body.release()
        if self._room is not None:
            self._room.resize(0)
        outcome = self._outcome
        problem = None
        if self._status_code >= HTTPStatus.BAD_REQUEST:
            problem = f"{self._status_code} {self._reason}"
        if isinstance(outcome, dict) and not outcome.get("OK", True):
            problem = outcome["Message"]
        note_request(
            self,
            self.srv_getFormattedRemoteCredentials,
            self._method_name,
            self.request.uri,
            self.request.request_time(),
            problem,
        )

    # Whether the body may come.

    def _declared_size(self) -> int:
        """What the headers say that the body has, as it is sent; 0 where they do not say.

        Raises:
            HTTPError: They cannot be understood.
        """
        headers = self.request.headers
        encoding = headers.get("Transfer-Encoding", "").lower()
        length = headers.get("Content-Length", "0")
        if encoding not in ("", "chunked") or not _DIGITS.fullmatch(length):
            self._ends_early()
            raise HTTPError(HTTPStatus.BAD_REQUEST)
        return int(length)

    def _take(self, step: Callable[[], None]) -> None:
        """Do a step of taking the body; if it cannot be taken, answer at once."""
        try:
            step()
        except PilotLoggingError as error:
            self._ends_early()
            if not self._registered:
                self.send_error(HTTPStatus.UNAUTHORIZED)
                return
            self.refused(error)
            self._outcome = results.failure(error)
            self.set_header("Connection", "close")
            self._finish_with_outcome()

    def _ends_early(self) -> None:
        self._early = True

    # The steps of post().

    def _finish_with_outcome(self) -> None:
        if isinstance(self._outcome, dict):
            results.drop_internals(self._outcome)
        self.set_header("Content-Type", "application/json")
        self.finish(self.encode(self._outcome))

    async def _reserve(self, size: int) -> None:
        """Count so many bytes for the reply, which may take some seconds.

        Raises:
            Unavailable: There is no room.
        """
        if self._room is not None:
            self._room.resize(size if size > SMALL else 0)
        elif size > SMALL:
            self._room = await self.reply_memory.take(Owner(self.caller.vo, self.caller.name), size)

    async def _send_in_pieces(self) -> None:
        """Send a large reply as fast as it is read, and no slower than may be."""
        results.drop_internals(self._outcome)
        pieces = encode_in_pieces(self._outcome)
        self.set_header("Content-Type", "application/json")
        try:
            while piece := await IOLoop.current().run_in_executor(self._encoders, gather, pieces, _PIECE):
                self.write(piece)
                await asyncio.wait_for(self.flush(), self.piece_seconds)
        except (TimeoutError, StreamClosedError):
            self.request.connection.close()
        self.finish()

    async def _answer(self) -> Any:
        body = self._body.content()
        is_small = len(body) <= LARGEST_ON_LOOP
        call = CallForm(body if is_form(self.request.headers.get("Content-Type", "")) else b"")
        del body
        self._method_name = one_line(call.method, LOGGED_CHARACTERS)
        method = getattr(self, f"{self.METHOD_PREFIX}{self._method_name}", None)
        if not callable(method):
            self.log.error("Invalid method", self._method_name)
            raise HTTPError(HTTPStatus.NOT_IMPLEMENTED)
        self._authorise(method, call.extra_credentials)
        run = partial(self._run, method, call)
        if not getattr(method, "on_event_loop", False):
            if self._method_name in self.whole_replies:
                await self._reserve(self.largest_reply)
            outcome = await self._in_turn(run)
        elif is_small:
            outcome = run()
        else:
            outcome = await IOLoop.current().run_in_executor(self._decoders, run)
        try:
            return await asyncio.wrap_future(outcome) if isinstance(outcome, Future) else outcome
        except PilotLoggingError:
            raise
        except Exception as error:
            return note_failure(self, self._method_name, error)

    def _run(self, method: Callable[..., Any], call: CallForm) -> Any:
        """The method's outcome, or a future of it. In any thread."""
        arguments = call.arguments(self._method_name, self.short_path)
        try:
            outcome = method(*arguments)
            self._weight = 0 if isinstance(outcome, Future) else weigh(outcome)
            return outcome
        except PilotLoggingError:
            raise
        except Exception as error:
            if isinstance(error, TypeError) and not _takes(method, arguments):
                raise Rejected(f"{self._method_name} was called with other arguments than it has.") from error
            return note_failure(self, self._method_name, error)

    async def _in_turn(self, work: Callable[[], Any]) -> Any:
        self._turn = self._readers.submit(self.caller.vo, self.caller.name, work)
        try:
            return await asyncio.wrap_future(self._turn.future)
        except asyncio.CancelledError:
            if not self._turn.future.cancelled():
                raise
            raise Unavailable("The reader has hung up before it was its turn.", reason="hung up") from None

    def _authorise(self, method: Callable[..., Any], extra_credentials: str) -> None:
        call = Call(self._fullComponentName, self._method_name, extra_credentials)
        accepted = self._peer.accepted(call)
        if accepted:
            self.credDict, self.caller = dict(accepted.credentials), accepted.caller
            return
        if extra_credentials and self._peer.chain is not None:
            # The word "hosts", or the DN and group for whom a trusted host asks.
            self.credDict["extraCredentials"] = decoded(extra_credentials, "extraCredentials")
        only_own_group(self.credDict)
        needed = getattr(
            self, f"auth_{self._method_name}", getattr(method, "authorization", self.DEFAULT_AUTHORIZATION)
        )
        if not self._authManager.authQuery(self._method_name, self.credDict, needed):
            raise HTTPError(HTTPStatus.UNAUTHORIZED)
        self.caller = caller_of(self.credDict)
        self._peer.note_accepted(call, dict(self.credDict), self.caller)


def _takes(method: Callable[..., Any], arguments: list[Any]) -> bool:
    try:
        inspect.signature(method).bind(*arguments)
    except TypeError:
        return False
    return True
