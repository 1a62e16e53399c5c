# SPDX-License-Identifier: GPL-3.0-only
"""Whom a certificate chain is of: what has been *verified*, never what was sent beside it.

The path is found and verified by OpenSSL, in a TLS handshake (:func:`of_connection`) or for a chain in a balancer's
headers (:func:`of_text`), and then

- cut behind the first certificate that is no proxy: what stands further up says nothing about who it is;
- held against :mod:`.proxy_policy`, which OpenSSL does not do.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cachetools import LRUCache
from cryptography import x509
from M2Crypto import X509, m2

from .proxy_policy import UnsoundChain, is_proxy, verify_proxy

_DER = 2
"""``_ssl.ENCODING_DER``."""
_LONGEST = 16
"""Certificates of a chain that is read."""
_KNOWN_CHAINS = 2000
_PEM = re.compile("-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n\t ]+-----END CERTIFICATE-----")


class Certificate:
    """As much of M2Crypto's X509 as DIRAC asks of a peer's certificate."""

    __slots__ = ("_der",)

    def __init__(self, der: bytes) -> None:
        self._der = der

    def as_der(self) -> bytes:
        """DER, as it was shown."""
        return self._der

    def as_pem(self) -> bytes:
        """PEM."""
        return ssl.DER_cert_to_PEM_cert(self._der).encode()


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedChain:
    """A sound path: proxies, if any, and the certificate of their user or host.

    Attributes:
        certificates: From the leaf on; only the last is no proxy.
        is_proxy: Whether there are proxies.
        expires: When the first certificate of the whole path ends, in seconds of Unix time.
        issued: Issuer (the name's DER) and serial number of what CAs have issued in the whole path, for their CRLs.
        digest: Of the certificates.
    """

    certificates: tuple[Certificate, ...]
    is_proxy: bool
    expires: float
    issued: tuple[tuple[bytes, int], ...]
    digest: bytes

    def as_text(self) -> str:
        """All certificates in PEM, as DIRAC loads a chain."""
        return b"".join(certificate.as_pem() for certificate in self.certificates).decode()


def digest_of(*pieces: bytes) -> bytes:
    """A digest that tells in which pieces the bytes came."""
    return hashlib.sha256(b"".join(b"%d " % len(piece) + piece for piece in pieces)).digest()


_known: LRUCache[bytes, VerifiedChain] = LRUCache(_KNOWN_CHAINS)
"""By the digest of the path: connections of one proxy share it. For the event loop only."""


def of_connection(ssl_object: Any) -> VerifiedChain | None:
    """What a peer has shown in its handshake; None where it has shown nothing.

    Args:
        ssl_object: The private ``_sslobj`` of an SSLSocket. Its method is public from Python 3.13 on.

    Raises:
        UnsoundChain: OpenSSL takes it, we do not.
    """
    path = ssl_object.get_verified_chain()
    return _checked([link.public_bytes(_DER) for link in path]) if path else None


def of_text(text: str, ca_folder: str) -> VerifiedChain:
    """A chain that somebody trusted hands on, verified from here. In any thread.

    Args:
        text: Certificates in PEM, the leaf first.
        ca_folder: CAs, by OpenSSL's hashes of their names.

    Raises:
        UnsoundChain: It is none, or not good.
    """
    blocks = _PEM.findall(text)
    if not 1 <= len(blocks) <= _LONGEST:
        raise UnsoundChain("there is no certificate in the header, or there are too many")
    try:
        sent = [X509.load_cert_string(block) for block in blocks]
        path = _verified_path(sent, Path(ca_folder))
    except (X509.X509Error, AttributeError, TypeError, OSError) as error:
        raise UnsoundChain(f"the certificate cannot be read: {error}") from error
    return _read(path, digest_of(*path))


def _verified_path(sent: list[Any], ca_folder: Path) -> list[bytes]:
    store, others = X509.X509_Store(), X509.X509_Stack()
    store.set_flags(m2.VERIFY_ALLOW_PROXY_CERTS)
    for certificate in sent[1:]:
        others.push(certificate)
    wanted = list(sent)
    added: set[bytes] = set()
    while wanted:
        for anchor in _anchors(wanted.pop().get_issuer(), ca_folder):
            if (der := anchor.as_der()) not in added:
                added.add(der)
                store.add_x509(anchor)
                wanted.append(anchor)
    context: Any = X509.X509_Store_Context()
    context.init(store, sent[0], others)
    if context.verify_cert() != 1:
        raise UnsoundChain(f"the certificate is not good (OpenSSL's error {context.get_error()})")
    return [link.as_der() for link in context.get1_chain()]


def _anchors(name: Any, ca_folder: Path) -> list[Any]:
    """The CAs of a name; there may be several, with keys of their own."""
    found = []
    for number in range(_LONGEST):
        file = ca_folder / f"{name.as_hash():08x}.{number}"
        if not file.is_file():
            break
        found.append(X509.load_cert(str(file)))
    return found


def _checked(path: list[bytes]) -> VerifiedChain:
    digest = digest_of(*path)
    chain = _known.get(digest)
    if chain is None:
        chain = _known[digest] = _read(path, digest)
    return chain


def _read(path: list[bytes], digest: bytes) -> VerifiedChain:
    try:
        links = [x509.load_der_x509_certificate(der) for der in path]
        proxies = 0
        while proxies < len(links) - 1 and is_proxy(links[proxies]):
            proxies += 1
        limited = False
        for proxy in reversed(links[:proxies]):
            limited = verify_proxy(proxy, below_limited=limited)
        if is_proxy(links[proxies]):
            raise UnsoundChain("there is a proxy without its issuer")
        expires = min(link.not_valid_after_utc.timestamp() for link in links)
        issued = tuple((link.issuer.public_bytes(), link.serial_number) for link in links[proxies:])
    except UnsoundChain:
        raise
    except Exception as error:  # cryptography has many exceptions for what is wrong in a certificate
        raise UnsoundChain(f"a certificate cannot be read: {error}") from error
    return VerifiedChain(tuple(map(Certificate, path[: proxies + 1])), proxies > 0, expires, issued, digest)
