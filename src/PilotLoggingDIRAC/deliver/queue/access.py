# SPDX-License-Identifier: GPL-3.0-only
"""Where the brokers of a queue are, and who we are for them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from ...errors import Unavailable
from ...tls import client_context


@dataclass(frozen=True, slots=True)
class Certificate:
    """How we and the broker know each other in TLS.

    Attributes:
        file: Our certificate, and those between it and its CA.
        key: Its key.
        authorities: A directory of CAs as grid sites have it, or a file.
    """

    file: str
    key: str
    authorities: str


@dataclass(frozen=True, slots=True)
class Access:
    """What is needed to write to a queue.

    Attributes:
        brokers: Host and port of each; where a host's name has several addresses, each of them is tried.
        destination: As STOMP names it: ``/queue/<name>`` or ``/topic/<name>``.
        virtual_host: On brokers that have several.
        user: Empty where the certificate says who we are.
        password: That of the user.
        certificate: None for connections without TLS.
    """

    brokers: tuple[tuple[str, int], ...]
    destination: str
    virtual_host: str = "/"
    user: str = ""
    password: str = field(default="", repr=False)
    certificate: Certificate | None = None


def tls_context(certificate: Certificate) -> ssl.SSLContext:
    """A context that takes only brokers whose name and CA are right, and shows our certificate.

    Raises:
        Unavailable: A file cannot be read, or is none of its kind.
    """
    try:
        context = client_context(certificate.authorities, beside_system=False)
        context.load_cert_chain(certificate.file, certificate.key)
    except OSError as error:  # SSLError is one
        raise Unavailable(
            f"The certificate {certificate.file}, its key {certificate.key} or the CAs in {certificate.authorities} "
            f"cannot be used: {error.strerror or error}."
        ) from error
    return context
