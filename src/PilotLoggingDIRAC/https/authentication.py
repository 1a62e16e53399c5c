# SPDX-License-Identifier: GPL-3.0-only
"""Who a request is of: a certificate on its connection, else a balancer's header, else a token.

Nothing that was shown is read twice: a certificate chain is parsed once for all connections that show it, and a token
is verified once.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cachetools import LRUCache
from tornado.ioloop import IOLoop

from ..dirac_bridge import results
from ..settings import IPNetwork, comes_from
from ..text import one_line
from . import tokens
from .peers import Peer

_VERIFIED, _CHAIN = "X-Ssl_client_verify", "X-SSL-CERT"
"""The headers of a balancer that ends TLS, as DIRAC has them."""
_TOKEN_READERS = 2
"""Threads that verify tokens, and may have to ask an issuer for its keys: strangers can keep them busy, readers not."""
_SHOWN_CHARACTERS = 300
_KNOWN_PEERS = 1000
"""Parsed certificate chains and tokens that are remembered; a chain takes some 20 kB."""

_peers: LRUCache[bytes, Peer] = LRUCache(_KNOWN_PEERS)
"""By a digest of what they showed. For the event loop only."""
_token_readers = ThreadPoolExecutor(_TOKEN_READERS, thread_name_prefix="token")


async def authenticate(service: Any, balancers: tuple[IPNetwork, ...]) -> Peer:
    """Whoever has shown something good with a request.

    Args:
        service: DIRAC's handler of the request.
        balancers: From where a certificate in a header counts.

    Raises:
        ValueError: Nobody, or it is not good (any more).
    """
    request = service.request
    stream = request.connection.stream
    peer: Peer | None = getattr(stream, "pilot_logging_peer", None)
    if peer is None:
        certificate = request.get_ssl_certificate() if hasattr(stream, "get_ssl_certificate") else None
        if certificate is not None:
            chain = [certificate, *request.get_ssl_certificate_chain()]
            peer = _peer_of_certificate(service, _digest(*(link.as_der() for link in chain)))
            stream.pilot_logging_peer = peer
        elif comes_from(request.remote_ip, balancers) and _CHAIN in request.headers:
            peer = _peer_of_certificate(
                service, _digest(*(request.headers.get(name, "").encode() for name in (_VERIFIED, _CHAIN)))
            )
        elif token := tokens.extract_token(request.headers.get("Authorization", "")):
            peer = await _peer_of_token(service, token)
        else:
            raise ValueError("neither a certificate nor a token was shown")
    if peer.expires <= time.time():
        raise ValueError("the credentials have expired")
    return peer


def _peer_of_certificate(service: Any, shown: bytes) -> Peer:
    peer = _peers.get(shown)
    if peer is None:
        try:
            credentials = results.value_of(service._authzSSL(), "reading the certificate")
        except Exception as error:
            # M2Crypto has its own exceptions for texts that are no certificate.
            raise ValueError(one_line(f"the certificate cannot be read: {error}", _SHOWN_CHARACTERS)) from error
        _peers[shown] = peer = Peer(credentials)
    return peer


async def _peer_of_token(service: Any, token: str) -> Peer:
    shown = _digest(token.encode())
    peer = _peers.get(shown)
    if peer is None:
        credentials = await IOLoop.current().run_in_executor(_token_readers, tokens.verify, service, token)
        _peers[shown] = peer = Peer(credentials, by_certificate=False)
    return peer


def _digest(*shown: bytes) -> bytes:
    digest = hashlib.sha256()
    for piece in shown:
        digest.update(b"%d " % len(piece) + piece)
    return digest.digest()
