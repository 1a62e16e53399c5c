# SPDX-License-Identifier: GPL-3.0-only
"""What DIRAC reads of a certificate chain, from the part that has been verified."""

from __future__ import annotations

from typing import Any

from DIRAC.Core.Security import Locations
from DIRAC.Core.Security.X509Chain import X509Chain

from . import results, verified_chain
from .proxy_policy import UnsoundChain
from .verified_chain import VerifiedChain

VERIFIED_HEADER, CHAIN_HEADER = "X-Ssl_client_verify", "X-SSL-CERT"
"""Of a balancer that ends TLS, as DIRAC has them."""
_DOING = "reading the certificate"
_TELLING = ("DN", "group", "isProxy", "isLimitedProxy")
"""What DIRAC decides by."""


def ca_folder() -> str:
    """Where the CAs are, with their CRLs."""
    return str(Locations.getCAsLocation())


def credentials_of(chain: VerifiedChain) -> dict[str, Any]:
    """The credentials that DIRAC's ``BaseRequestHandler`` would read, with ``secondsLeft``.

    Raises:
        Exception: DIRAC does not understand it; M2Crypto and DIRAC have exceptions of many kinds for that.
    """
    read = X509Chain()
    results.value_of(read.loadChainFromString(chain.as_text()), _DOING)
    credentials = _read(read)
    if credentials["isProxy"] != chain.is_proxy:
        raise UnsoundChain("DIRAC takes the proxy for a user's certificate")
    return credentials


def verify_as_sent(sent: X509Chain) -> None:
    """Let those chains pass of which DIRAC reads the same, as they were sent, as of their verified part.

    Raises:
        UnsoundChain: It cannot be verified, or DIRAC has taken its owner for somebody else.
    """
    try:
        verified = credentials_of(
            verified_chain.of_text(results.value_of(sent.dumpChainToString(), _DOING), ca_folder())
        )
        taken = _read(sent)
    except UnsoundChain:
        raise
    except Exception as error:
        raise UnsoundChain(f"the certificate cannot be read: {error}") from error
    if any(verified.get(name) != taken.get(name) for name in _TELLING):
        raise UnsoundChain("there are certificates in the chain that do not belong to it")


def _read(chain: X509Chain) -> dict[str, Any]:
    credentials: dict[str, Any] = results.value_of(chain.getCredentials(withRegistryInfo=False), _DOING)
    is_proxy = results.value_of(chain.isProxy(), _DOING)
    return credentials | {
        "x509Chain": chain,
        "isProxy": is_proxy,
        "isLimitedProxy": results.value_of(chain.isLimitedProxy(), _DOING),
        "DN": credentials["identity" if is_proxy else "subject"],
    }
