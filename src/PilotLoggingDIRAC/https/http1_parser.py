# SPDX-License-Identifier: GPL-3.0-only
"""Requests of HTTP/1.0 and 1.1, parsed by llhttp (``httptools``) to events. No input, output or clock in here.

llhttp is strict about framing. It has no limits, though, takes RTSP's and HTTP/2's versions, and drops the body of a
request that asks for an upgrade; that is mended here.

Guarantees: for each request :class:`Head`, any number of :class:`Body`, :class:`End`, in this order; :class:`Wrong`
last, if at all, and nothing after it. Whatever is fed, and in whatever pieces, no exception comes out, and what is kept
is bounded by what was fed last and :data:`LARGEST_HEAD`.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import httptools

LARGEST_HEAD = 32 * 2**10
"""Bytes of a head: room for a token, or for a certificate chain that a balancer hands on. Also of what stands between
two pieces of a body, and of trailers."""
_VERSIONS = ("1.0", "1.1")
_ENDLESS = "headers, trailers or chunk extensions without end"


class Head(NamedTuple):
    """The beginning of a request. Names of headers are as they came, in bytes."""

    method: bytes
    url: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool

    def values(self, name: bytes) -> list[bytes]:
        """All values of a header; its name in small letters."""
        return [value for one, value in self.headers if one.lower() == name]


class Body(NamedTuple):
    """A piece of a body, with no chunked encoding any more."""

    data: bytes


class End(NamedTuple):
    """The request is complete."""


class Wrong(NamedTuple):
    """What came is no HTTP; where it goes on is unknown.

    Attributes:
        reason: For the log.
        silently: Whether it is better not to answer: something without end is coming.
    """

    reason: str
    silently: bool = False


Event = Head | Body | End | Wrong
_END = End()


class RequestParser:
    """Parses what comes on one connection."""

    __slots__ = (
        "_between", "_headers", "_heads_size", "_in_head", "_parser", "_replayed", "_upgrade", "_url", "_wrong",
        "begun", "events",
    )  # fmt: skip

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        """To be taken from the left."""
        self.begun = False
        """Whether a request has begun and its head is not complete."""
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_head = True
        self._replayed = False
        self._upgrade: bytes | None = None
        self._wrong = False
        self._heads_size = 0
        self._between = 0

    def feed(self, data: bytes) -> None:
        """Parse what has come."""
        while data and not self._wrong:
            self._between += len(data)
            self._upgrade = None
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._ignore_upgrade()
                continue
            except httptools.HttpParserError as error:
                self._go_wrong(str(error))
            break
        if self._between > LARGEST_HEAD or self._heads_size > LARGEST_HEAD:
            self._go_wrong(_ENDLESS, silently=True)

    def _go_wrong(self, reason: str, silently: bool = False) -> None:
        if not self._wrong:
            self._wrong = True
            self.begun = False
            self.events.append(Wrong(reason, silently))

    def _ignore_upgrade(self) -> None:
        """Go on with HTTP/1.1, as RFC 9110 lets a server do. llhttp has left out the body, if there is one."""
        self._parser = httptools.HttpRequestParser(self)
        if self._upgrade:
            self._replayed = True
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % self._upgrade)
            self._replayed = False

    # llhttp calls these.

    def on_message_begin(self) -> None:
        if not self._replayed:
            self._url, self._headers, self._heads_size = b"", [], 0
            self._in_head = self.begun = True

    def on_url(self, url: bytes) -> None:
        if not self._replayed:
            self._url += url
            self._heads_size += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head and not self._replayed:  # what comes later are trailers, which nobody reads
            self._headers.append((name, value))
            self._heads_size += len(name) + len(value)

    def on_headers_complete(self) -> None:
        if self._replayed or self._wrong:
            return
        parser = self._parser
        self._in_head, self._between, self.begun = False, 0, False
        if self._heads_size > LARGEST_HEAD:
            self._go_wrong(_ENDLESS, silently=True)
            return
        version = parser.get_http_version()
        head = Head(parser.get_method(), self._url, version, self._headers, parser.should_keep_alive())
        problem = _problem(head)
        if problem:
            self._go_wrong(problem)
            return
        if parser.should_upgrade():
            self._upgrade = b"\r\n".join(
                b"%b: %b" % header
                for header in head.headers
                if header[0].lower() in (b"content-length", b"transfer-encoding") and header[1].strip(b"0 \t")
            )
        self.events.append(head)

    def on_body(self, piece: bytes) -> None:
        if not self._wrong:
            self._between = 0
            self.events.append(Body(piece))

    def on_message_complete(self) -> None:
        if not self._wrong and not self._upgrade:
            self._between = 0
            self.events.append(_END)


def _problem(head: Head) -> str | None:
    """What is wrong with a head that llhttp takes."""
    if head.version not in _VERSIONS:
        return f"HTTP/{head.version}"
    hosts = encodings = 0
    for name, value in head.headers:
        if len(name) == 4 and name.lower() == b"host":
            hosts += 1
        elif len(name) == 17 and name.lower() == b"transfer-encoding":
            encodings += 1
            if value.strip().lower() != b"chunked":
                return "an unknown Transfer-Encoding"
    if encodings and (head.version == "1.0" or encodings > 1):
        return "a Transfer-Encoding that must not be"
    if hosts > 1 or (not hosts and head.version == "1.1"):
        return "no Host, or several"
    return None
