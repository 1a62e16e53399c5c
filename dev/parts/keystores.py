# SPDX-License-Identifier: GPL-3.0-only
"""The host's certificate and the CA in the form that Java reads."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from .certificates import write_secret
from .layout import Layout

KEYS = "keys.p12"
TRUSTED = "trusted.p12"


def write(layout: Layout, folder: Path, password: str) -> None:
    """Write both stores below a folder."""
    encryption = serialization.BestAvailableEncryption(password.encode())
    key = serialization.load_pem_private_key(layout.host_key.read_bytes(), None)
    certificate = x509.load_pem_x509_certificate(layout.host_certificate.read_bytes())
    authority = x509.load_pem_x509_certificate(layout.authority.read_bytes())
    stores = {
        KEYS: pkcs12.serialize_key_and_certificates(b"host", key, certificate, [authority], encryption),
        TRUSTED: pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(authority, b"ca")], encryption),
    }
    for name, content in stores.items():
        write_secret(folder / name, content)
