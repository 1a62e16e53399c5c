# SPDX-License-Identifier: GPL-3.0-only
"""Certificate chains of every kind, sound and unsound."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from DIRAC.Core.Security.m2crypto import DIRAC_GROUP_OID
from parts.identities import ORGANISATION

PROXY_CERT_INFO = "1.3.6.1.5.5.7.1.14"
INHERIT_ALL, INDEPENDENT, LIMITED = "1.3.6.1.5.5.7.21.1", "1.3.6.1.5.5.7.21.2", "1.3.6.1.4.1.3536.1.1.1.9"
UNKNOWN = "1.3.6.1.4.1.99999.1"
_PEM = serialization.Encoding.PEM
_HOUR = datetime.timedelta(hours=1)
_USAGES = ("key_encipherment", "content_commitment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only",
           "decipher_only")  # fmt: skip


@dataclass
class Party:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def text(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(_PEM)

    def file(self, path: Path, *others: x509.Certificate) -> Path:
        """Written as a proxy file, with other certificates behind it."""
        key = self.key.private_bytes(_PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        path.write_bytes(self.text + key + b"".join(other.public_bytes(_PEM) for other in others))
        path.chmod(0o600)
        return path


def name(*common_names: str) -> x509.Name:
    """/O=(the stack's)/CN=.../CN=..."""
    parts = [(NameOID.ORGANIZATION_NAME, ORGANISATION), *((NameOID.COMMON_NAME, one) for one in common_names)]
    return x509.Name([x509.NameAttribute(*part) for part in parts])


def make(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey | None,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    public_key: object = None,
    begins: datetime.timedelta = -_HOUR,
    ends: datetime.timedelta = 24 * _HOUR,
    serial: int | None = None,
) -> Party:
    """Any certificate at all, signed with ``key``, or with its own."""
    own = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key or own.public_key())  # type: ignore[arg-type]
        .serial_number(serial or x509.random_serial_number() >> 96)
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Party(builder.sign(key or own, hashes.SHA256()), own)


def group_extension(group: str) -> x509.UnrecognizedExtension:
    """DIRAC's, with a group."""
    return x509.UnrecognizedExtension(
        x509.ObjectIdentifier(DIRAC_GROUP_OID), bytes([0x16, len(group)]) + group.encode()
    )


def make_proxy(
    issuer: Party,
    group: str | None = None,
    policy: str | None = INHERIT_ALL,
    length: int | None = None,
    critical: bool = True,
    common_names: tuple[str, ...] = ("1234567",),
    subject: x509.Name | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
    **times: datetime.timedelta,
) -> Party:
    """A proxy of an issuer; with ``policy`` None a legacy one."""
    above = list(issuer.certificate.subject)
    added = [x509.NameAttribute(NameOID.COMMON_NAME, one) for one in common_names]
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.KeyUsage(digital_signature=True, key_cert_sign=False, **dict.fromkeys(_USAGES, False)), True)
    ]
    if policy is not None:
        extensions.append((_proxy_cert_info(policy, length), critical))
    if group is not None:
        extensions.append((group_extension(group), False))
    return make(subject or x509.Name(above + added), issuer.certificate.subject, key or issuer.key, extensions, **times)


def _proxy_cert_info(policy: str, length: int | None) -> x509.UnrecognizedExtension:
    encoded = _sequence(_oid(policy))
    if length is not None:
        encoded = bytes([2, 1, length]) + encoded
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(PROXY_CERT_INFO), _sequence(encoded))


def _sequence(content: bytes) -> bytes:
    return bytes([0x30, len(content)]) + content


def _oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    encoded = bytes([first * 40 + second])
    for part in others:
        septets = [part & 127]
        while part := part >> 7:
            septets.insert(0, part & 127 | 128)
        encoded += bytes(septets)
    return bytes([6, len(encoded)]) + encoded


class OtherAuthority:
    """A CA with a key of its own."""

    def __init__(self, common_name: str = "Another CA") -> None:
        usage = {one: one == "crl_sign" for one in _USAGES}
        self.party = make(
            name(common_name),
            name(common_name),
            None,
            [
                (x509.BasicConstraints(ca=True, path_length=None), True),
                (x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), True),
            ],
        )

    def issue(self, common_name: str, **more: object) -> Party:
        """A user's certificate."""
        constraints = [(x509.BasicConstraints(ca=False, path_length=None), True)]
        return make(name(common_name), self.party.certificate.subject, self.party.key, constraints, **more)  # type: ignore[arg-type]

    def write(self, folder: Path, revoked: Iterable[int] | None = None) -> None:
        """Put the certificate into a folder of CAs, with a list of what is revoked unless that is None."""
        command = ["openssl", "x509", "-noout", "-subject_hash"]
        made = subprocess.run(command, input=self.party.text, capture_output=True, check=True)
        digest = made.stdout.decode().strip()
        (folder / f"{digest}.0").write_bytes(self.party.text)
        if revoked is None:
            return
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.party.certificate.subject)
        builder = builder.last_update(now - _HOUR).next_update(now + _HOUR)
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - _HOUR)
            builder = builder.add_revoked_certificate(entry.build())
        new = folder / f"{digest}.new"
        new.write_bytes(builder.sign(self.party.key, hashes.SHA256()).public_bytes(_PEM))
        new.rename(folder / f"{digest}.r0")
