# SPDX-License-Identifier: GPL-3.0-only
"""A throw-away certificate authority, laid out as a grid site's /etc/grid-security/certificates."""

import datetime
import ipaddress
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .identities import HOST, ORGANISATION

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_VALID = datetime.timedelta(days=30)
_A_MINUTE = datetime.timedelta(minutes=1)
_CLOCKS_DIFFER = datetime.timedelta(hours=1)
_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def make_keys(count: int) -> list[rsa.RSAPrivateKey]:
    """RSA keys, because that is what xrootd's GSI and DIRAC's proxies have; all cores work on them."""
    with ThreadPoolExecutor() as workers:
        return list(workers.map(lambda _: rsa.generate_private_key(public_exponent=65537, key_size=2048), range(count)))


def pem(key: PrivateKey) -> bytes:
    """A private key as a PEM text, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Issues the certificates of one stack; its own key never leaves memory."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self._name = _name(f"{ORGANISATION} CA")
        self._certificate = (
            self._builder(self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage("digital_signature", "key_cert_sign", "crl_sign"), critical=True)
            .sign(key, hashes.SHA256())
        )

    def write_directory(self, directory: Path) -> None:
        """Write what verifiers look for: the certificate, its policy and its CRL, under OpenSSL's new and old hash."""
        directory.mkdir(parents=True, exist_ok=True)
        policy = (
            f"access_id_CA X509 '/O={ORGANISATION}/CN={ORGANISATION} CA'\n"
            "pos_rights globus CA:sign\n"
            f"cond_subjects globus '\"/O={ORGANISATION}/*\"'\n"
        )
        for name in self._hashes():
            (directory / f"{name}.0").write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
            (directory / f"{name}.r0").write_bytes(self._revocations().public_bytes(serialization.Encoding.PEM))
            (directory / f"{name}.signing_policy").write_text(policy)

    def issue_user(self, common_name: str, key: rsa.RSAPrivateKey, directory: Path) -> Issued:
        """Issue and write the certificate of a user: a client only."""
        issued = Issued(directory / f"{common_name}.cert.pem", directory / f"{common_name}.key.pem")
        self._issue(common_name, key, issued, [ExtendedKeyUsageOID.CLIENT_AUTH], names=[])
        return issued

    def issue_expired_host(self, key: rsa.RSAPrivateKey, issued: Issued) -> None:
        """Issue and write a certificate that this host had until a minute ago."""
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        self._issue(HOST, key, issued, usages, names=_names_of_loopback(), valid=-_A_MINUTE)

    def issue_host(self, key: PrivateKey, issued: Issued) -> None:
        """Issue and write the certificate of this host: server and client, under every name of loopback."""
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        self._issue(HOST, key, issued, usages, names=_names_of_loopback())

    def _issue(
        self,
        common_name: str,
        key: PrivateKey,
        issued: Issued,
        usages: Iterable[x509.ObjectIdentifier],
        names: list[x509.GeneralName],
        valid: datetime.timedelta = _VALID,
    ) -> None:
        builder = (
            self._builder(_name(common_name), key.public_key(), valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage("digital_signature", "content_commitment", "key_encipherment"), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        issued.certificate.parent.mkdir(parents=True, exist_ok=True)
        issued.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        write_secret(issued.key, pem(key))

    def _builder(
        self, subject: x509.Name, public_key: rsa.RSAPublicKey, valid: datetime.timedelta = _VALID
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        issuer_key = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_DIFFER)
            .not_valid_after(now + valid)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
        )

    def _revocations(self) -> x509.CertificateRevocationList:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now - _CLOCKS_DIFFER).next_update(now + _VALID)
        return builder.add_extension(x509.CRLNumber(1), critical=False).sign(self._key, hashes.SHA256())

    def _hashes(self) -> list[str]:
        """OpenSSL's names for this CA: the one since OpenSSL 1.0, and the one before it."""
        command = ["openssl", "x509", "-noout", "-subject_hash", "-subject_hash_old"]
        certificate = self._certificate.public_bytes(serialization.Encoding.PEM)
        return subprocess.run(command, input=certificate, capture_output=True, check=True).stdout.decode().split()


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read: grid software refuses a key with wider permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
    path.chmod(0o400)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _names_of_loopback() -> list[x509.GeneralName]:
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    return [x509.DNSName(HOST), *addresses]


def _usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in wanted for usage in _KEY_USAGES})
