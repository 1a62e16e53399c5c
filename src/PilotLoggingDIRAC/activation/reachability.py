# SPDX-License-Identifier: GPL-3.0-only
"""Whether a collector can be reached from this host, and whether its certificate is one that pilots accept."""

from __future__ import annotations

import os
import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ..tls import client_context
from .findings import Finding, State

_SOON_DAYS = 14
"""A certificate that expires sooner than this is worth a word."""
_OTHER_NAME, _EXPIRED, _NOT_YET, _UNKNOWN_CA = (62, 64), 10, 9, (18, 19, 20, 21)
"""OpenSSL's numbers for what is wrong with a certificate (X509_V_ERR_...)."""


def reach(url: str, ca_folder: str | None, seconds: float, now: datetime | None = None) -> Finding:
    """Connect as a pilot does, up to the handshake.

    Args:
        url: The collector's.
        ca_folder: The CA directory that counts here, beside the system's; None for that alone.
        seconds: How long it may take.
        now: For tests.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    about = f"collector {host}:{port}"
    if ca_folder and not os.path.isdir(ca_folder):  # noqa: PTH112  # a name from the configuration, of whatever form
        return Finding(about, State.TODO, f"The CA directory {ca_folder} is not there: install the CAs.")
    context = client_context(ca_folder)
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            with context.wrap_socket(connection, server_hostname=host) as secure:
                certificate = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return Finding(about, State.TODO, _of_certificate(error, host, ca_folder))
    except ssl.SSLError as error:
        return Finding(about, State.TODO, f"There is no TLS server that one can talk to: {error.reason or error}.")
    except socket.gaierror as error:
        return Finding(about, State.TODO, f"The name {host} cannot be resolved: {error.strerror}. Mend DNS or the URL.")
    except TimeoutError:
        return Finding(about, State.TODO, f"No answer within {seconds:g} s: look at firewalls, and whether it runs.")
    except OSError as error:
        return Finding(about, State.TODO, f"No connection: {error.strerror or error}. Does it run, and on this port?")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends - (now or datetime.now(UTC))).days
    if days < _SOON_DAYS:
        return Finding(about, State.TODO, f"Its certificate expires in {days} days, on {ends:%Y-%m-%d}: renew it.")
    return Finding(about, State.OK, f"It can be reached, and its certificate is good until {ends:%Y-%m-%d}.")


def _of_certificate(error: ssl.SSLCertVerificationError, host: str, ca_folder: str | None) -> str:
    if error.verify_code in _OTHER_NAME:
        return f"Its certificate is not for {host}: have it made for that name, or use another one in the URL."
    if error.verify_code == _EXPIRED:
        return "Its certificate has expired: renew it."
    if error.verify_code == _NOT_YET:
        return "Its certificate is not valid yet: look at the clocks."
    if error.verify_code in _UNKNOWN_CA:
        return (
            f"Its certificate is of a CA that is not in {ca_folder or 'the system'}: install that CA, or use another."
        )
    return f"Its certificate is not accepted: {error.verify_message.rstrip('.')}."
