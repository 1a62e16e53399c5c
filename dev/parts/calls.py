# SPDX-License-Identifier: GPL-3.0-only
"""Calls to a collector over TLS as pilots make them: a form, and its answer. Every client in dev/ is made of these."""

import json
import socket
import ssl
import time
import urllib.parse
from pathlib import Path
from typing import Any

from .failure import Failure

SECONDS = 30.0
_KINDS = {3401: "Rejected", 3402: "Unavailable", 3403: "NotFound"}


class Refused(Failure):
    """The collector answered, but not with S_OK.

    Attributes:
        kind: ``Rejected``, ``Unavailable``, ``NotFound``, ``Errno`` or ``HTTP`` with a number
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def tls_context(authorities: str | Path, proxy: str | Path) -> ssl.SSLContext:
    """For a proxy file."""
    context = ssl.create_default_context(capath=str(authorities))
    context.load_cert_chain(proxy)
    return context


def form(method: str, *arguments: Any) -> bytes:
    """The body of a call."""
    return urllib.parse.urlencode({"method": method, "args": json.dumps(arguments)}).encode()


def head(address: urllib.parse.SplitResult, size: int, keep: bool, fields: str = "") -> bytes:
    """What goes before a body of so many bytes.

    Args:
        fields: more of them, each with its end
    """
    return (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n{fields}"
        f"Content-Length: {size}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    ).encode()


def value_of(status: int, content: bytes) -> Any:
    """The value of an S_OK.

    Raises:
        Refused: there is none
    """
    if status != 200:
        raise Refused(f"HTTP {status}", content[:200].decode(errors="replace"))
    answer = json.loads(content)
    if not answer["OK"]:
        raise Refused(_KINDS.get(answer.get("Errno"), f"Errno {answer.get('Errno')}"), answer["Message"])
    return answer["Value"]


class Connection:
    """One connection to one collector, opened by its first call, and anew after one that failed. Not for two threads
    at once."""

    def __init__(self, url: str, context: ssl.SSLContext, seconds: float = SECONDS) -> None:
        """Args:
        seconds: for all of one call
        """
        self.address = urllib.parse.urlsplit(url)
        self._context, self._seconds = context, seconds
        self._until = 0.0
        self._socket: ssl.SSLSocket | None = None

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def ask(self, method: str, *arguments: Any) -> Any:
        """One call of any method; gives the value of the S_OK.

        Raises:
            Refused, OSError: there is none
        """
        return self.call(form(method, *arguments))

    def call(self, body: bytes, *, keep: bool = True, fields: str = "") -> Any:
        """Send a form; gives the value of the S_OK.

        Args:
            keep: leave the connection open
            fields: as for :func:`head`

        Raises:
            Refused: it was answered with S_ERROR, or with another HTTP status than 200
            OSError: it was not answered: in time, or at all
        """
        try:
            value = value_of(*self.exchange(head(self.address, len(body), keep, fields), body))
        except ValueError as error:
            self.close()
            raise OSError(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()
            raise
        if not keep:
            self.close()
        return value

    def exchange(self, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request as it stands; gives the answer's status and content, which has a Content-Length or
        comes in chunks."""
        self._until = time.monotonic() + self._seconds
        if self._socket is None:
            self._open()
        self.send(head, body)
        return self._reply()

    def send(self, head: bytes, body: bytes) -> None:
        """For those to override on whose way something befalls it."""
        self.write(head + body)

    def write(self, data: bytes) -> None:
        self._ready().sendall(data)

    def close(self) -> None:
        """Close it without waiting for the peer."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        plain = socket.create_connection((self.address.hostname, self.address.port), timeout=self._left())
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._context.wrap_socket(plain, server_hostname=self.address.hostname)
        except BaseException:
            plain.close()
            raise

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the collector did not answer in time")
        return left

    def _ready(self) -> ssl.SSLSocket:
        assert self._socket is not None
        self._socket.settimeout(self._left())
        return self._socket

    def _reply(self) -> tuple[int, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        top, _, content = data.partition(b"\r\n\r\n")
        status, *lines = top.decode("latin-1").lower().split("\r\n")
        if "transfer-encoding: chunked" in lines:
            return int(status.split()[1]), self._chunks(content)
        size = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), None)
        if size is None:
            raise OSError(f"the collector answered {status!r} without a length")
        while len(content) < size:
            content += self._receive()
        return int(status.split()[1]), content

    def _chunks(self, data: bytes) -> bytes:
        """A content that comes in pieces, each with its size before it; the last one has none."""
        pieces = []
        while True:
            while b"\r\n" not in data:
                data += self._receive()
            line, _, data = data.partition(b"\r\n")
            size = int(line, 16)
            while len(data) < size + 2:
                data += self._receive()
            if not size:
                return b"".join(pieces)
            pieces.append(data[:size])
            data = data[size + 2 :]

    def _receive(self) -> bytes:
        data = self._ready().recv(2**16)
        if not data:
            raise ConnectionResetError("the collector closed the connection before its reply")
        return data
