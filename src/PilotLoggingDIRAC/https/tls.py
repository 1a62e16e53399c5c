# SPDX-License-Identifier: GPL-3.0-only
"""The TLS context of the server: Python's ``ssl`` with proxy certificates allowed.

Guarantees: TLS 1.2 with ECDHE and AEAD at least, no renegotiation, no compression, and no session is ever resumed: a
resumed one would come without its certificate chain.
"""

from __future__ import annotations

import _ssl
import ctypes
import ssl
import sys
import time
from typing import Any

from DIRAC import gLogger
from DIRAC.Core.Security import Locations

from ..dirac_bridge.chain_credentials import ca_folder

_FRESH_SECONDS = 60.0
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2. Those of TLS 1.3 are all of this kind."""
_SET_SESSION_CACHE_MODE, _SESSION_CACHE_OFF = 44, 0
"""OpenSSL's SSL_CTRL_SET_SESS_CACHE_MODE and SSL_SESS_CACHE_OFF."""


def make_context() -> ssl.SSLContext:
    """A context with the host's certificate and the CAs of the grid, as they are now.

    Raises:
        OSError: A file is missing or broken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    certificate, key = Locations.getHostCertificateAndKeyLocation()
    context.load_cert_chain(certificate, key)
    # Tokens come without a certificate; whoever shows one must show a good one.
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VerifyFlags.VERIFY_ALLOW_PROXY_CERTS
    context.load_verify_locations(capath=ca_folder())
    # Who closes its half of the connection still gets its answer; HTTP knows itself whether a request is complete.
    context.options |= ssl.Options.OP_IGNORE_UNEXPECTED_EOF
    context.options |= ssl.Options.OP_NO_TICKET | ssl.Options.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    _switch_session_cache_off(context)
    context.sni_callback = _note_hello
    return context


class FreshContext:
    """One context for the connections of a minute, so that a renewed certificate or a new CA is taken up.

    Where the files are broken at that time, the context before serves on.
    """

    def __init__(self) -> None:
        self._context = make_context()
        self._made = time.monotonic()

    def __call__(self) -> ssl.SSLContext:
        now = time.monotonic()
        if now - self._made > _FRESH_SECONDS:
            self._made = now
            try:
                self._context = make_context()
            except (OSError, ValueError, TypeError) as error:
                gLogger.error("The host's certificate or the CAs cannot be read; those before are used", f"{error}")
        return self._context


def _note_hello(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
    """A whole ClientHello has come, with or without a name: from here on there is work that an eviction would lose."""
    connection.hello = True


def _switch_session_cache_off(context: ssl.SSLContext) -> None:
    """Without tickets TLS 1.2 still resumes by id, and Python has no call that forbids it.

    Where this cannot be done, connections with a resumed session are hung up on (:mod:`.stream`): that is all that is
    needed to be safe, only less kind.
    """
    if sys.implementation.name != "cpython" or type(context) is not ssl.SSLContext:
        return
    try:
        control = ctypes.CDLL(_ssl.__file__).SSL_CTX_ctrl
    except (AttributeError, OSError):
        return
    control.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
    # The first field of CPython's PySSLContext, from 3.6 to 3.14.
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
    control(pointer, _SET_SESSION_CACHE_MODE, _SESSION_CACHE_OFF, None)
