# SPDX-License-Identifier: GPL-3.0-only
"""Whose certificate a browser has shown: as at the collector, from what is verified alone.

DIRAC's portal is asked what was shown, on the connection or in the headers of a balancer, and not whose it is.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import unquote

from DIRAC import gConfig
from tornado.httputil import HTTPServerRequest

from ..dirac_bridge import verified_chain
from ..dirac_bridge.chain_credentials import CHAIN_HEADER, VERIFIED_HEADER, ca_folder, credentials_of
from ..dirac_bridge.proxy_policy import UnsoundChain
from ..https.crls import RevocationLists

_FRESH_SECONDS = 5.0
"""How long the CAs' lists of what they have revoked are not looked at again."""
_lists: list[RevocationLists] = []
_looking = threading.Lock()
_looked = 0.0


def credentials_shown(request: HTTPServerRequest) -> dict[str, Any] | None:
    """What DIRAC reads of the verified chain; None where no certificate was shown. Blocks for some milliseconds.

    Raises:
        UnsoundChain: It is not good.
    """
    shown = _chain_shown(request)
    if shown is None:
        return None
    chain = verified_chain.of_text(shown, ca_folder())
    if chain.expires <= time.time() or _revocations().revokes(chain):
        raise UnsoundChain("the certificate has expired or is revoked")
    try:
        return credentials_of(chain)
    except Exception as error:  # M2Crypto and DIRAC have exceptions of many kinds for what they do not understand
        raise UnsoundChain(f"the certificate cannot be read: {error}") from error


def _chain_shown(request: HTTPServerRequest) -> str | None:
    """In PEM, the leaf first; a certificate on the connection goes before headers, as in DIRAC."""
    leaf = getattr(request.connection.stream, "get_ssl_certificate", lambda: None)()
    if leaf:
        issuers = request.connection.stream.get_ssl_certificate_chain() or ()
        return "".join(certificate.as_pem().decode("ascii") for certificate in (leaf, *issuers))
    if gConfig.getValue("/WebApp/Balancer", "none") == "none" or request.headers.get(VERIFIED_HEADER) != "SUCCESS":
        return None
    return unquote(request.headers.get(CHAIN_HEADER, "")) or None


def _revocations() -> RevocationLists:
    global _looked
    with _looking:
        if not _lists:
            _lists.append(RevocationLists(ca_folder()))
        if time.monotonic() - _looked > _FRESH_SECONDS or not _looked:
            _looked = time.monotonic()
            _lists[0].refresh()
        return _lists[0]
