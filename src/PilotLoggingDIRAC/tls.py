# SPDX-License-Identifier: GPL-3.0-only
"""The TLS contexts of our clients, all made here."""

from __future__ import annotations

import ssl
from pathlib import Path


def client_context(authorities: str | None, *, beside_system: bool = True) -> ssl.SSLContext:
    """A context that takes only servers whose name and CA are right.

    Grid CAs are older than RFC 5280's fine print (key identifiers, critical extensions), which
    ``ssl.create_default_context`` asks for from Python 3.13 on: that is not asked here, on any Python.

    Args:
        authorities: A directory of CAs as grid sites have it, or a file; None for the system's alone.
        beside_system: Whether the system's CAs count as well.

    Raises:
        OSError: The file of CAs cannot be read, or is none (``ssl.SSLError`` is one).
    """
    context = ssl.create_default_context() if beside_system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if authorities and Path(authorities).is_dir():
        context.load_verify_locations(capath=authorities)
    elif authorities:
        context.load_verify_locations(cafile=authorities)
    return context
