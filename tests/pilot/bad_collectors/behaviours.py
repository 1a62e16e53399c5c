# SPDX-License-Identifier: GPL-3.0-only
"""What a collector may do to a sender. Each is a value; ``Collector.behave`` takes one."""

from __future__ import annotations

import http
import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

REJECTED, UNAVAILABLE = 3401, 3402

Reply = Callable[[int], Iterable[bytes]]
"""Gives the bytes of a reply; the argument is the nextSeq that a good collector would tell."""


@dataclass(frozen=True)
class Behaviour:
    """One way to treat a sender, from the connection to the reply.

    Attributes:
        handshake: Whether it does the TLS handshake, and reads anything at all.
        body: The part of a request's body that is read before the connection is closed; 1: all, and it is not closed.
        stores: Whether the batch is stored.
        reply: None: it never answers.
        pause: Seconds after each byte of the reply.
        keeps: Whether the connection stays open after the reply.
        largest: Texts of more characters are refused by ``refusal`` and not stored.
    """

    handshake: bool = True
    body: float = 1.0
    stores: bool = False
    reply: Reply | None = None
    pause: float = 0.0
    keeps: bool = True
    largest: int | None = None
    refusal: Reply = lambda _: [TOO_LARGE]


def response(status: int, body: bytes, *headers: str) -> bytes:
    """An HTTP response."""
    reason = http.HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {reason}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


TOO_LARGE = response(413, b"<html>no</html>")


def _constant(reply: bytes) -> Reply:
    return lambda _: [reply]


def _json(value: Any) -> Reply:
    return _constant(response(200, json.dumps(value).encode()))


def good(retry_after: float = 0, minimum_level: str = "DEBUG") -> Behaviour:
    """A healthy one, with wishes."""

    def reply(next_seq: int) -> Iterable[bytes]:
        value = {"nextSeq": next_seq, "retryAfter": retry_after, "minimumLevel": minimum_level}
        return [response(200, json.dumps({"OK": True, "Value": value}).encode())]

    return Behaviour(stores=True, reply=reply)


def http_error(status: int, retry_after: str | None = None) -> Behaviour:
    """An error of HTTP; ``retry_after`` is that header, in seconds or as a date."""
    headers = [] if retry_after is None else [f"Retry-After: {retry_after}"]
    return Behaviour(reply=_constant(response(status, b"<html>no</html>", *headers)))


def limited(largest: int, by_status: bool = True) -> Behaviour:
    """Good, but takes no text of more characters: it says so by HTTP 413, or as our collectors do."""
    if by_status:
        return replace(GOOD, largest=largest)
    return replace(GOOD, largest=largest, refusal=s_error(REJECTED, "The text is too large.").reply)


def s_error(number: int | None, message: str = "The test says no.") -> Behaviour:
    """An S_ERROR; None: without a number, as DIRAC's own are."""
    answer: dict[str, Any] = {"OK": False, "Message": message}
    if number is not None:
        answer["Errno"] = number
    return Behaviour(reply=_json(answer))


GOOD = good()
SILENT = Behaviour(handshake=False)
"""Takes the connection and says nothing, not even TLS."""

MUTE = Behaviour()
"""Takes the request and never answers."""

GARBAGE = Behaviour(reply=_constant(response(200, b"\x00\xff<!-- not JSON -->{")))
NOT_HTTP = Behaviour(reply=_constant(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), keeps=False)
NO_ANSWER = Behaviour(reply=_json({"OK": True}))
NO_VALUE = Behaviour(reply=_json({"OK": True, "Value": None}))
A_LIST = Behaviour(reply=_json([1, 2, 3]))
LOW_NEXT_SEQ = Behaviour(reply=_json({"OK": True, "Value": {"nextSeq": 0, "retryAfter": 0, "minimumLevel": "DEBUG"}}))
"""Says yes, and that it has not got the batch."""


def _endless(head: bytes, piece: bytes) -> Behaviour:
    return Behaviour(reply=lambda _: itertools.chain([head], itertools.repeat(piece)))


ENDLESS_HEAD = _endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 500 + b"\r\n")
ENDLESS_LINE = _endless(b"HTTP/1.1 200 OK\r\nX-More: ", b"x" * 4096)
ENDLESS_BODY = _endless(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" " * 4096)
HUGE_LENGTH = _endless(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n", b" " * 4096)
CONTINUES = _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n")
HALF = Behaviour(body=0.5)
"""Closes the connection when half of the body is there."""

CLOSES = replace(GOOD, keeps=False)
"""Good, but closes the connection after each reply, without saying so."""

LOSES_REPLIES = Behaviour(stores=True, reply=lambda _: [], keeps=False)
"""Stores the batch, and the reply never arrives."""

TRICKLES = replace(GOOD, pause=1.0)
"""Stores the batch and answers a byte a second."""
