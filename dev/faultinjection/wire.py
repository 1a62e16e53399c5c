"""HTTPS to a collector, with all that can go wrong on the way: cut bodies, lost replies, senders that are slow."""

import asyncio
import json
import random
import socket
import ssl
import struct
import urllib.parse
from pathlib import Path
from typing import Any

MISHAPS = ("cut body", "lost reply", "discarded reply", "slow body", "cut handshake")
"""``cut body``: half of it, then RST. ``lost reply``: all of it, then RST at once. ``discarded reply``: the collector
has answered, and the pilot never learns. ``slow body``: in pieces, with pauses; it arrives. ``cut handshake``: RST
right after the connection was made."""

_LINGER_NONE = struct.pack("ii", 1, 0)
"""A socket with this is closed with RST."""
_PIECES = 5


class Refused(Exception):
    """The collector answered, but not with S_OK."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Cut(OSError):
    """The connection was cut on purpose."""


_KINDS = {3401: "Rejected", 3402: "Unavailable", 3403: "NotFound"}


def body_of(method: str, *arguments: Any) -> bytes:
    """The form of a call."""
    return urllib.parse.urlencode({"method": method, "args": json.dumps(arguments)}).encode()


def tls_context(authorities: Path, proxy: Path) -> ssl.SSLContext:
    """For a proxy file."""
    context = ssl.create_default_context(capath=str(authorities))
    context.load_cert_chain(proxy)
    return context


class Connection:
    """One connection to one collector, not opened yet. Not for two tasks at once."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self.url = url
        self._address = urllib.parse.urlsplit(url)
        self._context = context
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, body: bytes, *, keep: bool, seconds: float, mishap: str = "", chance: random.Random) -> Any:
        """Send a form; gives the value of the S_OK.

        Args:
            keep: leave the connection open
            seconds: for all of it
            mishap: one of MISHAPS

        Raises:
            Refused: it was answered with S_ERROR, or with another HTTP status than 200
            OSError: it was not answered: in time, or at all
        """
        try:
            async with asyncio.timeout(seconds):
                reply = await self._call(body, keep, mishap, chance)
        except BaseException as error:
            self.abort()
            if isinstance(error, (asyncio.IncompleteReadError, ValueError, TimeoutError, ssl.SSLError)):
                raise OSError(f"{type(error).__name__}: {error}") from error
            raise
        if not keep:
            self.close()
        return reply

    async def _call(self, body: bytes, keep: bool, mishap: str, chance: random.Random) -> Any:
        if self._streams is None:
            host, port = self._address.hostname, self._address.port
            self._streams = await asyncio.open_connection(
                "127.0.0.1", port, ssl=self._context, server_hostname=host, limit=2**24
            )
        if mishap == "cut handshake":
            raise Cut(mishap)
        reader, writer = self._streams
        head = (
            f"POST {self._address.path} HTTP/1.1\r\nHost: {self._address.netloc}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
        ).encode()
        if mishap == "cut body":
            writer.write(head + body[: chance.randrange(len(body))])
            await writer.drain()
            await asyncio.sleep(chance.choice((0, 0.02, 1)))
            raise Cut(mishap)
        if mishap == "slow body":
            writer.write(head)
            size = len(body) // _PIECES + 1
            for start in range(0, len(body), size):
                await asyncio.sleep(chance.uniform(0, 0.8))
                writer.write(body[start : start + size])
                await writer.drain()
        else:
            writer.write(head + body)
            await writer.drain()
        if mishap == "lost reply":
            await asyncio.sleep(chance.choice((0, 0, 0.005, 0.05)))
            raise Cut(mishap)
        status, content = await self._reply(reader)
        if mishap == "discarded reply":
            raise Cut(mishap)
        return _value(status, content)

    @staticmethod
    async def _reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        return int(head[0].split()[1]), await reader.readexactly(int(fields["content-length"]))

    def abort(self) -> None:
        """Close it with RST, at once."""
        if self._streams is not None:
            writer = self._streams[1]
            plain: socket.socket | None = writer.get_extra_info("socket")
            if plain is not None and plain.fileno() >= 0:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
            writer.transport.abort()
            self._streams = None

    def close(self) -> None:
        """Close it in good order, without waiting for the peer."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _value(status: int, content: bytes) -> Any:
    if status != 200:
        raise Refused(f"HTTP {status}", content[:200].decode(errors="replace"))
    answer = json.loads(content)
    if not answer["OK"]:
        raise Refused(_KINDS.get(answer.get("Errno"), f"Errno {answer.get('Errno')}"), answer["Message"])
    return answer["Value"]
