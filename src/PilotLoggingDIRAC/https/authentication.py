# SPDX-License-Identifier: GPL-3.0-only
"""Who a request is of: a certificate on its connection, else a balancer's header, else a token.

Nothing that was shown is read twice: a certificate chain is parsed once for all connections that show it, and a token
is verified once.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, unquote

from cachetools import LRUCache
from tornado.ioloop import IOLoop

from ..dirac_bridge import results, verified_chain
from ..dirac_bridge.chain_credentials import CHAIN_HEADER, VERIFIED_HEADER, ca_folder, credentials_of
from ..dirac_bridge.verified_chain import VerifiedChain
from ..settings import IPNetwork, comes_from
from ..text import one_line
from . import tokens
from .peers import Peer

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
    peer: Peer | None = stream.peer
    if peer is None:
        if stream.chain is not None:
            stream.peer = peer = peer_of_chain(stream.chain)
        elif comes_from(request.remote_ip, balancers) and CHAIN_HEADER in request.headers:
            peer = _peer_of_headers(service)
        elif token := tokens.extract_token(request.headers.get("Authorization", "")):
            peer = await _peer_of_token(service, token)
        else:
            raise ValueError("neither a certificate nor a token was shown")
    if peer.expires <= time.time():
        raise ValueError("the credentials have expired")
    if peer.chain is not None and not request.connection.is_good(peer.chain):
        raise ValueError("the certificate is revoked")
    return peer


def peer_of_chain(chain: VerifiedChain) -> Peer:
    """Whose a verified chain is.

    Raises:
        ValueError: DIRAC does not understand it.
    """
    peer = _peers.get(chain.digest)
    if peer is None:
        try:
            credentials = credentials_of(chain)
        except Exception as error:
            # M2Crypto and DIRAC have exceptions of many kinds for what they do not understand.
            raise ValueError(one_line(f"the certificate cannot be read: {error}", _SHOWN_CHARACTERS)) from error
        _peers[chain.digest] = peer = Peer(credentials, chain)
    return peer


def _peer_of_headers(service: Any) -> Peer:
    """Whose a chain in a balancer's headers is; it is verified here once more."""
    headers = service.request.headers
    shown = verified_chain.digest_of(*(headers.get(name, "").encode() for name in (VERIFIED_HEADER, CHAIN_HEADER)))
    peer = _peers.get(shown)
    if peer is None:
        chain = verified_chain.of_text(unquote(headers[CHAIN_HEADER]), ca_folder())
        headers[CHAIN_HEADER] = quote(chain.as_text())
        try:
            # Whether there is a balancer at all, and whether it found the certificate good, is for DIRAC to say.
            results.value_of(service._authzSSL(), "reading the certificate")
        except Exception as error:
            raise ValueError(one_line(f"the certificate cannot be read: {error}", _SHOWN_CHARACTERS)) from error
        _peers[shown] = peer = peer_of_chain(chain)
    return peer


async def _peer_of_token(service: Any, token: str) -> Peer:
    shown = verified_chain.digest_of(token.encode())
    peer = _peers.get(shown)
    if peer is None:
        credentials = await IOLoop.current().run_in_executor(_token_readers, tokens.verify, service, token)
        _peers[shown] = peer = Peer(credentials)
    return peer
