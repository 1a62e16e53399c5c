# SPDX-License-Identifier: GPL-3.0-only
"""One TLS connection on the event loop: a non-blocking SSLSocket of its own, not asyncio's transport.

So TLS begins only when the connection may stay, a handshake can be cut off, a close can linger, and a kept connection
takes half the memory. To Tornado's handlers it is ``request.connection.stream``: as much of an IOStream as they and
DIRAC ask for.

Guarantees: a peer takes at most some hundred kB at a turn of the loop; a resumed session, or a certificate chain that
is not sound, ends the connection before a byte of a request has been read.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from DIRAC import gLogger

from ..dirac_bridge import verified_chain
from ..dirac_bridge.proxy_policy import UnsoundChain
from ..dirac_bridge.verified_chain import Certificate, VerifiedChain
from ..text import one_line
from .lingering_close import Remainder
from .peers import Peer

_RECORD = 2**14
"""What one read gives at most: the text of one TLS record."""
_RECORDS_AT_ONCE = 16
_WRITTEN_AT_ONCE = 2**19
_SHOWN_CHARACTERS = 300
_log = gLogger.getSubLogger("HTTPS")


class Receiver(Protocol):
    """What a stream is for: the HTTP of its connection."""

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def written(self) -> None: ...
    def connection_lost(self) -> None: ...
    def is_good(self, chain: VerifiedChain) -> bool: ...
    def lingers(self, remainder: Remainder) -> None: ...
    @property
    def waits_for_body(self) -> bool: ...
    def remainder_gone(self, remainder: Remainder) -> None: ...


class Stream:
    """A connection, from the TCP handshake on. :meth:`begin` begins TLS.

    Args:
        loop: The event loop.
        sock: Accepted, non-blocking.
        address: The peer's.
        context: The server's.
        receiver: Is told what comes.
    """

    __slots__ = (
        "__weakref__", "_closed", "_closing", "_lingers", "_loop", "_output", "_reading", "_receiver", "_socket",
        "_waits_for_writing", "address", "chain", "eof", "half_a_head", "peer",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        address: tuple[Any, ...],
        context: ssl.SSLContext,
        receiver: Receiver,
    ) -> None:
        self._loop, self.address, self._receiver = loop, address, receiver
        self._socket: Any = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._reading = self._waits_for_writing = self._closed = self._closing = self._lingers = False
        self._output: deque[memoryview] | None = None
        self.chain: VerifiedChain | None = None
        self.peer: Peer | None = None
        self.eof = False
        self.half_a_head = False
        """Whether the beginning of a request has come, and the rest of its head is missing."""

    @property
    def worth_keeping(self) -> bool:
        """Whether there is work in this connection that its peer would have to ask for again."""
        return getattr(self._socket, "hello", False) and not self.half_a_head

    @property
    def waits_for_peer(self) -> bool:
        """Whether it is the peer's turn: to send the rest of a request, or to read an answer."""
        return self.pending or self._receiver.waits_for_body

    # The handshake

    def begin(self) -> None:
        """Begin TLS."""
        self._read_with(self._handshake)
        self._handshake()

    def _handshake(self) -> None:
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLWantWriteError:  # a certificate chain that is larger than the socket's buffer
            self._write_with(self._handshake)
            return
        except (OSError, ValueError):
            self.close()
            return
        self._write_with(None)
        try:
            if self._socket.session_reused:
                raise UnsoundChain("it resumed a session")
            self.chain = verified_chain.of_connection(self._socket._sslobj)
            if self.chain is not None and not self._receiver.is_good(self.chain):
                raise UnsoundChain("a certificate is revoked")
        except UnsoundChain as error:
            _log.warn("Refused", f"{self.address[0]} at its handshake: {one_line(str(error), _SHOWN_CHARACTERS)}")
            self.close()
            return
        self._read_with(self._readable)
        self._readable()

    # Reading

    def _readable(self) -> None:
        pieces = []
        try:
            for _ in range(_RECORDS_AT_ONCE):
                piece = self._socket.recv(_RECORD)
                if not piece:
                    self.eof = True
                    break
                pieces.append(piece)
                # A shorter record was the last that has arrived, most likely; if not, the loop tells.
                if len(piece) < _RECORD:
                    break
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except (OSError, ValueError):
            self.close()
            return
        if pieces:
            self._receiver.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self.eof and not self._closed:
            self._read_with(None)
            self._receiver.eof_received()

    def pause_reading(self) -> None:
        """Leave what comes in the kernel, which makes the peer wait."""
        if self._reading:
            self._read_with(None)

    def resume_reading(self) -> None:
        """Read again. There may be more at once."""
        if not (self._reading or self._closed or self._closing or self.eof):
            self._read_with(self._readable)

    def _read_with(self, step: Callable[[], None] | None) -> None:
        if step is not None:
            self._loop.add_reader(self._socket.fileno(), step)
        elif self._reading:
            self._loop.remove_reader(self._socket.fileno())
        self._reading = step is not None

    # Writing

    def write(self, data: bytes) -> None:
        """Send, as far as the peer takes it now; the rest when it takes more."""
        if self._closed or not data:
            return
        if self._output is None:
            self._output = deque()
        self._output.append(memoryview(data))
        if not self._waits_for_writing:
            self._flush()

    def _flush(self) -> None:
        output, written = self._output, 0
        try:
            while output:
                sent = self._socket.send(output[0])
                written += sent
                if sent == len(output[0]):
                    output.popleft()
                else:
                    output[0] = output[0][sent:]
                if written > _WRITTEN_AT_ONCE and output:
                    raise ssl.SSLWantWriteError
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self._write_with(self._flush)
            return
        except (OSError, ValueError):
            self.close()
            return
        self._output = None
        if self._waits_for_writing:
            self._write_with(None)
            if not self._closing:
                self._receiver.written()
        if self._closing:
            self._end()

    def _write_with(self, step: Callable[[], None] | None) -> None:
        if step is not None:
            if not self._waits_for_writing:
                self._loop.add_writer(self._socket.fileno(), step)
        elif self._waits_for_writing:
            self._loop.remove_writer(self._socket.fileno())
        self._waits_for_writing = step is not None

    @property
    def pending(self) -> bool:
        """Whether something that was written has not been sent."""
        return bool(self._output)

    # The end

    def closed(self) -> bool:
        """Whether it is over."""
        return self._closed

    def close_when_written(self, linger: bool) -> None:
        """Hang up when all has been sent.

        Args:
            linger: Whether the peer may still be sending.
        """
        if self._closed or self._closing:
            return
        self._closing, self._lingers = True, linger
        self._read_with(None)
        if not self._output:
            self._end()

    def close(self) -> None:
        """Hang up at once. May be called again."""
        self._lingers = False
        self._end()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._read_with(None)
        self._write_with(None)
        with contextlib.suppress(OSError, ValueError, AttributeError):
            # One attempt at close_notify; the peer's is not waited for.
            self._socket._sslobj.shutdown()
        self._output = None
        if self._lingers:
            self._socket._sslobj = None
            self._receiver.lingers(Remainder(self._loop, self._socket.detach(), self._receiver.remainder_gone))
        else:
            self._socket.close()
        self._receiver.connection_lost()

    # What Tornado's handlers and DIRAC ask of an IOStream

    @property
    def socket(self) -> _Shown:
        """For who asks for the peer's certificates, its name, or the descriptor."""
        return _Shown(self)

    def get_ssl_certificate(self, **_form: Any) -> Certificate | None:
        """The peer's certificate, as M2IOStream gives it."""
        return self.socket.get_peer_cert()

    def get_ssl_certificate_chain(self, **_form: Any) -> tuple[Certificate, ...]:
        """What has issued it, as M2IOStream gives it."""
        return self.socket.get_peer_cert_chain()

    def set_nodelay(self, _value: bool) -> None:
        """It is always so."""


class _Shown:
    """``stream.socket``, in the words of M2Crypto's connections."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def _certificates(self) -> tuple[Certificate, ...]:
        chain = self._stream.chain
        return chain.certificates if chain is not None and self._stream._receiver.is_good(chain) else ()

    def get_peer_cert(self) -> Certificate | None:
        """The peer's certificate; none if there is none that is good at this moment."""
        return next(iter(self._certificates()), None)

    def get_peer_cert_chain(self) -> tuple[Certificate, ...]:
        """What has issued it, up to the first certificate that is no proxy."""
        return self._certificates()[1:]

    def getpeername(self) -> tuple[Any, ...]:
        """The peer's address."""
        return self._stream.address

    def fileno(self) -> int:
        """The descriptor."""
        return int(self._stream._socket.fileno())
