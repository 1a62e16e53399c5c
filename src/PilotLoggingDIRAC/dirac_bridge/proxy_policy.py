# SPDX-License-Identifier: GPL-3.0-only
"""What a proxy certificate must be beyond what OpenSSL verifies (RFC 3820, and what DIRAC reads of it).

OpenSSL takes a full proxy below a limited one, policies that nobody here knows, and a ``proxyCertInfo`` that is not
critical. DIRAC takes some of these for a user's own certificate, which may do more than the proxy. All are refused.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID
from pyasn1.codec.der import decoder
from pyasn1.error import PyAsn1Error
from pyasn1_modules.rfc3820 import ProxyCertInfoExtension

_PROXY_CERT_INFO = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14")
_GT3_PROXY_CERT_INFO = x509.ObjectIdentifier("1.3.6.1.4.1.3536.1.222")
"""Of Globus Toolkit 3, before there was an RFC."""
_INHERIT_ALL = "1.3.6.1.5.5.7.21.1"
_LIMITED = "1.3.6.1.4.1.3536.1.1.1.9"
_LEGACY_NAMES = frozenset({"proxy", "limited proxy"})


class UnsoundChain(ValueError):
    """A chain that says nothing about anybody."""


def is_proxy(certificate: x509.Certificate) -> bool:
    """Whether a certificate is a proxy, of whatever kind; also one that :func:`verify_proxy` refuses."""
    oids = {extension.oid for extension in certificate.extensions}
    if _PROXY_CERT_INFO in oids or _GT3_PROXY_CERT_INFO in oids:
        return True
    subject, issuer = list(certificate.subject), list(certificate.issuer)
    return _last_name(certificate) in _LEGACY_NAMES and subject[:-1] == issuer


def verify_proxy(certificate: x509.Certificate, below_limited: bool) -> bool:
    """Whether a proxy is a limited one.

    Args:
        certificate: A proxy.
        below_limited: Whether its issuer is a limited proxy.

    Raises:
        UnsoundChain: It is none that is taken.
    """
    try:
        extension = certificate.extensions.get_extension_for_oid(_PROXY_CERT_INFO)
    except x509.ExtensionNotFound:
        raise UnsoundChain("there is a legacy proxy, not one of RFC 3820") from None
    if _last_name(certificate) in _LEGACY_NAMES:
        raise UnsoundChain("there is a proxy with the name of a legacy one")
    if not extension.critical:
        raise UnsoundChain("there is a proxy whose proxyCertInfo is not critical")
    policy = _policy(extension.value.public_bytes())
    if policy not in (_INHERIT_ALL, _LIMITED):
        raise UnsoundChain("there is a proxy with an unknown policy")
    if below_limited and policy != _LIMITED:
        raise UnsoundChain("there is a full proxy below a limited one")
    return policy == _LIMITED


def _policy(extension: bytes) -> str:
    try:
        info, rest = decoder.decode(extension, asn1Spec=ProxyCertInfoExtension())
    except PyAsn1Error as error:
        raise UnsoundChain("there is a proxy whose proxyCertInfo cannot be read") from error
    if rest:
        raise UnsoundChain("there is a proxy whose proxyCertInfo cannot be read")
    return str(info["proxyPolicy"]["policyLanguage"])


def _last_name(certificate: x509.Certificate) -> str:
    names = list(certificate.subject)
    return str(names[-1].value) if names and names[-1].oid == NameOID.COMMON_NAME else ""
