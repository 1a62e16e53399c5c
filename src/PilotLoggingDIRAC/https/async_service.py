# SPDX-License-Identifier: GPL-3.0-only
"""A request's short path through Tornado.

DIRAC's ``BaseRequestHandler`` takes every request through three hops of a thread pool, parses the certificate chain
anew each time, and holds a thread until the method returns. A collector has thousands of small requests that all wait
for a commit, so here

- the peer is known before its body is read: its chain is parsed once a connection, and once for all connections of the
  same proxy, and forms are decoded in C (:mod:`.urlencoded`);
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
import json
import re
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from DIRAC.Core.Tornado.Server.TornadoService import TornadoService
from tornado.httputil import parse_body_arguments
from tornado.web import HTTPError, stream_request_body

from ..dirac_bridge import results
from ..dirac_bridge.callers import Caller, caller_of, only_own_group
from ..errors import PilotLoggingError, Rejected, Unavailable
from ..read.fair_pool import FairPool, Turn
from ..settings import CollectorSettings, IPNetwork
from ..text import one_line
from . import connections, server
from .authentication import authenticate
from .peers import Call
from .request_body import Body, RequestMemory
from .request_log import LOGGED_CHARACTERS, note_failure, note_request
from .urlencoded import parse_fields

_STRANGERS_BODY = 2**16
"""Bytes of a body that are taken from somebody who has a certificate, but is not in the Registry."""
_STRANGERS_SECONDS = 20.0
_ANY_SIZE = 2**62
"""For Tornado, which would answer a large body with a bare 400."""
_DIGITS = re.compile("[0-9]{1,18}")

F = TypeVar("F", bound=Callable[..., Any])


def on_event_loop(method: F) -> F:
    """Mark an ``export_`` method that never blocks: it runs on the event loop, and may return a future."""
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
    """Methods that read nothing of an instance but ``caller``, run on the event loop, and are answered by a future or
    at once: short messages to them are served without a handler (:mod:`.short_path`)."""

    _readers: ClassVar[FairPool] = FairPool()

    caller: Caller
    # Tornado refuses some requests, for their verb, before prepare().
    _method_name = "?"
    _outcome: Any = None
    _early = False
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
            server.BoundedServer.connections.authenticated(connection.stream)
        connection.set_max_body_size(_ANY_SIZE)
        self._take(lambda: self._body.check(self._declared_size()))

    def data_received(self, chunk: bytes) -> None:
        # A compressed piece may unfold to many, and they come here although the answer has been given.
        if not self._finished:
            self._take(lambda: self._body.add(chunk))

    async def post(self, *_args: Any, **_kwargs: Any) -> None:
        if self._finished:
            return
        try:
            self._outcome = await self._answer()
        except PilotLoggingError as error:
            self.refused(error)
            self._outcome = results.failure(error)
        self._finish_with_outcome()

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

    async def _answer(self) -> Any:
        fields = self._fields()
        self._method_name = one_line(fields.get("method", ""), LOGGED_CHARACTERS)
        method = getattr(self, f"{self.METHOD_PREFIX}{self._method_name}", None)
        if not callable(method):
            self.log.error("Invalid method", self._method_name)
            raise HTTPError(HTTPStatus.NOT_IMPLEMENTED)
        self._authorise(method, fields.get("extraCredentials", ""))
        arguments = _arguments(fields.get("args", "[]"))
        try:
            if not getattr(method, "on_event_loop", False):
                return await self._in_turn(lambda: method(*arguments))
            outcome = method(*arguments)
            return await asyncio.wrap_future(outcome) if isinstance(outcome, Future) else outcome
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

    def _fields(self) -> dict[str, str]:
        """The form's fields. Repeated ones count once, the last."""
        body = self._body.content()
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.startswith("application/x-www-form-urlencoded"):
            raw = parse_fields(body)
        else:
            arguments: dict[str, list[bytes]] = {}
            parse_body_arguments(content_type, body, arguments, {})
            raw = {name.encode(): values[-1] for name, values in arguments.items()}
        try:
            return {name.decode(): value.decode("utf-8", "surrogatepass") for name, value in raw.items()}
        except UnicodeDecodeError as error:
            raise Rejected("The request is not text in UTF-8.") from error

    def _authorise(self, method: Callable[..., Any], extra_credentials: str) -> None:
        call = Call(self._fullComponentName, self._method_name, extra_credentials)
        accepted = self._peer.accepted(call)
        if accepted:
            self.credDict, self.caller = dict(accepted.credentials), accepted.caller
            return
        if extra_credentials and self._peer.chain is not None:
            # The word "hosts", or the DN and group for whom a trusted host asks.
            self.credDict["extraCredentials"] = _decoded(extra_credentials, "extraCredentials")
        only_own_group(self.credDict)
        needed = getattr(
            self, f"auth_{self._method_name}", getattr(method, "authorization", self.DEFAULT_AUTHORIZATION)
        )
        if not self._authManager.authQuery(self._method_name, self.credDict, needed):
            raise HTTPError(HTTPStatus.UNAUTHORIZED)
        self.caller = caller_of(self.credDict)
        self._peer.note_accepted(call, dict(self.credDict), self.caller)


def _decoded(encoded: str, what: str) -> Any:
    # Plain JSON: DIRAC's decoder imports whatever module the peer names in it.
    try:
        return json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"The {what} are not JSON: {error}.") from error


def _arguments(encoded: str) -> list[Any]:
    arguments = _decoded(encoded, "arguments")
    if not isinstance(arguments, list):
        raise Rejected("The arguments are not a JSON list.")
    return arguments


def _takes(method: Callable[..., Any], arguments: list[Any]) -> bool:
    try:
        inspect.signature(method).bind(*arguments)
    except TypeError:
        return False
    return True
