# SPDX-License-Identifier: GPL-3.0-only
"""Grid proxies with a DIRAC group, made by DIRAC's own X509Chain as ``dirac-proxy-init`` does."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from DIRAC.Core.Security.X509Chain import X509Chain
from M2Crypto import EVP

from .certificates import Issued, pem, write_secret
from .failure import Failure

DAY = 24 * 3600
_END_OF_CERTIFICATE = "-----END CERTIFICATE-----\n"


def write_proxy(
    issued: Issued,
    group: str | None,
    key: rsa.RSAPrivateKey,
    path: Path,
    seconds: int = 7 * DAY,
    limited: bool = False,
) -> None:
    """Write a proxy file.

    Args:
        key: the proxy's own key. X509Chain could make one, but takes half a second for it.
        seconds: how long it is valid from now; below zero it has expired already
        limited: as computing elements make them of a pilot's proxy
    """
    chain = X509Chain()
    _checked(chain.loadChainFromFile(str(issued.certificate)))
    _checked(chain.loadKeyFromFile(str(issued.key)))
    own_key = pem(key)
    made = chain.generateProxyToString(
        seconds, diracGroup=group, limited=limited, proxyKey=EVP.load_key_string(own_key)
    )
    text = _checked(made)
    proxy, end, issuers = text.partition(_END_OF_CERTIFICATE)
    write_secret(path, (proxy + end + own_key.decode() + issuers).encode())


def _checked(result: dict):
    if not result["OK"]:
        raise Failure(f"no proxy could be made: {result['Message']}")
    return result["Value"]
