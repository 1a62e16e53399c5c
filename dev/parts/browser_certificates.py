# SPDX-License-Identifier: GPL-3.0-only
"""The users' certificates as browsers import them: PKCS #12, without a password."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from .certificates import write_secret
from .identities import USERS
from .layout import Layout


def write_browser_certificates(layout: Layout) -> None:
    """Write a .p12 beside each user's certificate and key."""
    for user in USERS:
        certificate = x509.load_pem_x509_certificate((layout.users / f"{user.name}.cert.pem").read_bytes())
        key = load_pem_private_key((layout.users / f"{user.name}.key.pem").read_bytes(), None)
        bundle = serialize_key_and_certificates(user.name.encode(), key, certificate, None, NoEncryption())
        write_secret(layout.users / f"{user.name}.p12", bundle)
