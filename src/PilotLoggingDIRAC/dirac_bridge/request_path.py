"""A request's short path through Tornado.

DIRAC's ``BaseRequestHandler`` takes every request through three hops of a thread pool, parses the certificate chain
anew each time, and holds a thread until the method returns. A collector has thousands of small requests that all wait
for a commit, so here

- the peer is known before its body is read: its chain is parsed once a connection, and once for all connections of the
  same proxy; connections share their TLS context (:mod:`.tls_context`), and forms are decoded in C (:mod:`.form`);
- methods marked with :func:`immediate` run on the event loop and may give a future: nothing is held while they wait;
- other methods run in a pool of this class's own: readers that wait for an archive hold up neither writers nor DIRAC.

What is authorised, and how, stays DIRAC's: ``AuthManager`` decides, and its word holds for some seconds or until the CS
changes.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import inspect
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple, TypeVar

from DIRAC import S_ERROR
from DIRAC.Core.Tornado.Server.TornadoService import TornadoService
from DIRAC.Core.Utilities import Network, TimeUtilities
from tornado.httputil import parse_body_arguments
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, stream_request_body

from ..errors import PilotLoggingError, Rejected
from ..ingest.text import one_line
from . import cs, results
from .credentials import Caller, caller_of
from .form import fields_of
from .tls_context import share_contexts

_KNOWN_CHAINS = 1000
"""Parsed certificate chains that are remembered; a chain takes some 20 kB."""
_KNOWN_DECISIONS = 100
"""Decisions that are remembered for one peer: a portal asks for many users."""
_DECISION_SECONDS = 10.0
"""How long AuthManager is not asked again, unless the CS has changed; it trusts its own caches for a minute."""
_READERS = 8
_LOGGED_CHARACTERS = 500

F = TypeVar("F", bound=Callable[..., Any])


def immediate(method: F) -> F:
    """Mark an ``export_`` method that never blocks: it runs on the event loop, and may return a future."""
    method.immediate = True  # type: ignore[attr-defined]
    return method


class _Call(NamedTuple):
    """What AuthManager is asked about."""

    component: str
    method: str
    extra_credentials: str


class _Accepted(NamedTuple):
    """AuthManager's decision that a peer may call a method, and whom it took it for."""

    credentials: dict[str, Any]
    caller: Caller
    cs_version: str
    until: float


class _Peer:
    """What is known of a TLS peer from its certificates."""

    __slots__ = ("_accepted", "_credentials", "expires")

    def __init__(self, credentials: dict[str, Any]) -> None:
        self._credentials = credentials
        self._accepted: dict[_Call, _Accepted] = {}
        self.expires = time.time() + credentials["secondsLeft"]

    def accepted(self, call: _Call) -> _Accepted | None:
        """The decision on an earlier request, while it may be trusted."""
        accepted = self._accepted.get(call)
        if accepted and accepted.until > time.monotonic() and accepted.cs_version == cs.version():
            return accepted
        return None

    def note_accepted(self, call: _Call, credentials: dict[str, Any], caller: Caller) -> None:
        """Remember a decision for some seconds."""
        if len(self._accepted) >= _KNOWN_DECISIONS:
            self._accepted.clear()
        until = time.monotonic() + _DECISION_SECONDS
        self._accepted[call] = _Accepted(credentials, caller, cs.version(), until)

    def credentials(self) -> dict[str, Any]:
        """A copy: AuthManager writes into what it is given."""
        return {**self._credentials, "secondsLeft": int(self.expires - time.time())}


@stream_request_body
class ShortPathService(TornadoService):  # type: ignore[misc]
    """A TornadoService whose requests take the short path. Its subclasses define ``export_`` methods as ever."""

    largest_body: ClassVar[int] = 100 * 2**20
    """Bytes of a (decompressed) body that are kept; a larger one is read to its end, so that the peer gets its answer,
    and Rejected."""

    _peers: ClassVar[OrderedDict[bytes, _Peer]] = OrderedDict()
    _readers: ClassVar[ThreadPoolExecutor] = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")

    caller: Caller

    def refused(self, error: PilotLoggingError) -> None:
        """Called for each request that ends in one of our errors. May be overridden."""

    @classmethod
    def _pre_initialize(cls) -> list[Any]:
        """DIRAC calls this when the server starts, after it has loaded the configuration."""
        urls: list[Any] = super()._pre_initialize()
        share_contexts()
        # What is loaded by now stays: the garbage collector need not look through it again and again.
        gc.freeze()
        return urls

    # Tornado calls these, in this order.

    async def prepare(self) -> None:
        self._body: list[bytes] = []
        self._body_size = 0
        self._method_name = "?"
        self._outcome: Any = None
        self._unauthenticated: HTTPError | None = None
        self._monitorRequest()
        try:
            self.credDict = self._credentials_of_connection()
            if self.credDict is None:
                # No certificate: a token, which may have to be asked about elsewhere, or a balancer's headers.
                self.credDict = await IOLoop.current().run_in_executor(self._readers, self._gatherPeerCredentials)
        except Exception as error:
            # Said after the body has been read to its end, or the peer would find its connection cut instead.
            self._unauthenticated = HTTPError(HTTPStatus.UNAUTHORIZED, str(error))

    def data_received(self, chunk: bytes) -> None:
        self._body_size += len(chunk)
        if self._body_size <= self.largest_body and self._unauthenticated is None:
            self._body.append(chunk)
        else:
            self._body.clear()

    async def post(self, *_args: Any, **_kwargs: Any) -> None:
        if self._unauthenticated is not None:
            raise self._unauthenticated
        try:
            self._outcome = await self._answer()
        except PilotLoggingError as error:
            self.refused(error)
            self._outcome = results.failure(error)
        if isinstance(self._outcome, dict):
            for internal in ("ExecInfo", "CallStack", "rpcStub"):
                self._outcome.pop(internal, None)
        self.set_header("Content-Type", "application/json")
        self.finish(self.encode(self._outcome))

    def on_finish(self) -> None:
        """One line a request: quiet when all is well, loud when not."""
        milliseconds = 1000 * self.request.request_time()
        outcome = self._outcome
        ok = self._status_code < HTTPStatus.BAD_REQUEST and (not isinstance(outcome, dict) or outcome.get("OK", True))
        if ok:
            if self.log.shown("VERBOSE"):
                self.log.verbose(
                    "Served", f"{self.srv_getFormattedRemoteCredentials()} {self._method_name} ({milliseconds:.1f} ms)"
                )
        else:
            reason = outcome["Message"] if isinstance(outcome, dict) else f"{self._status_code} {self._reason}"
            # What a peer sent is in the reason: it must not begin a line of its own.
            peer = self.srv_getFormattedRemoteCredentials()
            self.log.warn(
                "Refused", f"{peer} {self._method_name} ({milliseconds:.1f} ms): {one_line(reason, _LOGGED_CHARACTERS)}"
            )
        if self.activityMonitoringReporter:
            self.activityMonitoringReporter.addRecord(
                {
                    "timestamp": int(TimeUtilities.toEpochMilliSeconds()),
                    "Host": Network.getFQDN(),
                    "ServiceName": "_".join(self._fullComponentName.split("/")),
                    "Location": self.request.uri,
                    "ResponseTime": milliseconds / 1000,
                    "MethodName": self._method_name,
                    "Protocol": "https",
                    "Status": "OK" if ok else "ERROR",
                }
            )

    # The steps of post().

    async def _answer(self) -> Any:
        fields = self._fields()
        self._method_name = one_line(fields.get("method", ""), _LOGGED_CHARACTERS)
        method = getattr(self, f"{self.METHOD_PREFIX}{self._method_name}", None)
        if not callable(method):
            self.log.error("Invalid method", self._method_name)
            raise HTTPError(HTTPStatus.NOT_IMPLEMENTED)
        self._authorise(method, fields.get("extraCredentials", ""))
        arguments = _arguments(fields.get("args", "[]"))
        try:
            if not getattr(method, "immediate", False):
                return await IOLoop.current().run_in_executor(self._readers, lambda: method(*arguments))
            outcome = method(*arguments)
            return await asyncio.wrap_future(outcome) if isinstance(outcome, Future) else outcome
        except PilotLoggingError:
            raise
        except Exception as error:
            if isinstance(error, TypeError) and not _takes(method, arguments):
                raise Rejected(f"{self._method_name} was called with other arguments than it has.") from error
            self.log.exception("Exception serving request", lException=error)
            return S_ERROR(f"{self._method_name} failed in the collector: {type(error).__name__}.", callStack=[])

    def _fields(self) -> dict[str, str]:
        """The form's fields. Repeated ones count once, the last."""
        if self._body_size > self.largest_body:
            raise Rejected(f"The request has {self._body_size} bytes and the limit is {self.largest_body}: send less.")
        body = b"".join(self._body)
        self._body.clear()
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.startswith("application/x-www-form-urlencoded"):
            raw = fields_of(body)
        else:
            arguments: dict[str, list[bytes]] = {}
            parse_body_arguments(content_type, body, arguments, {})
            raw = {name.encode(): values[-1] for name, values in arguments.items()}
        try:
            return {name.decode(): value.decode("utf-8", "surrogatepass") for name, value in raw.items()}
        except UnicodeDecodeError as error:
            raise Rejected("The request is not text in UTF-8.") from error

    def _authorise(self, method: Callable[..., Any], extra_credentials: str) -> None:
        peer: _Peer | None = getattr(self.request.connection.stream, "pilot_logging_peer", None)
        call = _Call(self._fullComponentName, self._method_name, extra_credentials)
        accepted = peer and peer.accepted(call)
        if accepted:
            self.credDict, self.caller = dict(accepted.credentials), accepted.caller
            return
        if extra_credentials:
            # The word "hosts", or the DN and group for whom a trusted host asks.
            self.credDict["extraCredentials"] = _decoded(extra_credentials, "extraCredentials")
        needed = getattr(
            self, f"auth_{self._method_name}", getattr(method, "authorization", self.DEFAULT_AUTHORIZATION)
        )
        if not self._authManager.authQuery(self._method_name, self.credDict, needed):
            raise HTTPError(HTTPStatus.UNAUTHORIZED)
        self.caller = caller_of(self.credDict)
        if peer:
            peer.note_accepted(call, dict(self.credDict), self.caller)

    def _credentials_of_connection(self) -> dict[str, Any] | None:
        """Credentials from the certificates of this connection; None where there are none."""
        stream = self.request.connection.stream
        peer = getattr(stream, "pilot_logging_peer", None)
        if peer is None:
            certificate = self.request.get_ssl_certificate() if hasattr(stream, "get_ssl_certificate") else None
            if certificate is None:
                return None
            peer = stream.pilot_logging_peer = self._known_peer(certificate)
        if peer.expires <= time.time():
            raise ValueError("the certificate has expired since the connection was made")
        credentials: dict[str, Any] = peer.credentials()
        return credentials

    def _known_peer(self, certificate: Any) -> _Peer:
        """The peer with these certificates, parsed by DIRAC the first time."""
        digest = hashlib.sha256(certificate.as_der())
        for issuer in self.request.get_ssl_certificate_chain():
            digest.update(issuer.as_der())
        key = digest.digest()
        peer = self._peers.get(key)
        if peer is None:
            peer = _Peer(results.value_of(self._authzSSL(), "reading the certificate"))
            self._peers[key] = peer
            while len(self._peers) > _KNOWN_CHAINS:
                self._peers.popitem(last=False)
        return peer


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
