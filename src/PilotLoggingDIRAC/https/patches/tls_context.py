# SPDX-License-Identifier: GPL-3.0-only
"""One TLS context for many connections.

``tornado_m2crypto`` makes a new context for each connection: it reads the host's certificate, its key and the CA
directory again each time, a quarter of what a short request costs. :func:`share_contexts` lets a context serve for a
minute, so that a renewed certificate or a new CA is taken up as before, only a little later.

A client must not resume a session of another connection: it would come without its certificate chain. With a context
for each connection that was impossible; here tickets and the session cache are switched off.

Seen with tornado_m2crypto 0.1.6; Python's ``ssl``, where a server makes its context itself, makes it unnecessary.
"""

from __future__ import annotations

from typing import Any

from cachetools import TTLCache
from M2Crypto import m2
from tornado_m2crypto import m2netutil

_FRESH_SECONDS = 60.0
_MOST = 16
"""Sets of options; a process has one or two."""
_NO_TICKET = 0x00004000
"""OpenSSL's SSL_OP_NO_TICKET."""
_NO_SESSION_CACHE = 0
"""OpenSSL's SSL_SESS_CACHE_OFF."""


def share_contexts() -> None:
    """From now on connections of this process share their contexts, one for each set of options. Idempotent."""
    make = m2netutil.ssl_options_to_m2_context
    if isinstance(make, _SharedContexts):
        return
    m2netutil.ssl_options_to_m2_context = _SharedContexts(make)


class _SharedContexts:
    """Stands in for ``ssl_options_to_m2_context``. Contexts are only ever made on the event loop."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self._made: TTLCache[tuple[Any, ...], Any] = TTLCache(_MOST, _FRESH_SECONDS)

    def __call__(self, options: Any) -> Any:
        if not isinstance(options, dict):
            return self._make(options)
        key = tuple(sorted(options.items()))
        context = self._made.get(key)
        if context is None:
            context = self._make(options)
            m2.ssl_ctx_set_options(context.ctx, _NO_TICKET)
            context.set_session_cache_mode(_NO_SESSION_CACHE)
            self._made[key] = context
        return context
