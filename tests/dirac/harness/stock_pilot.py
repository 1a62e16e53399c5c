# SPDX-License-Identifier: GPL-3.0-only
"""The sending of an unmodified DIRAC pilot, in the shape that DIRACGrid/Pilot gives it on the wire.

Each send is one ``urlopen`` with a TLS context of its own, so a new connection each time; the reply is closed unread;
a send that raises leaves the buffer as it was, and the next flush sends it again with whatever was written since.
"""

from __future__ import annotations

import json
import ssl
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen


def send(url: str, stamp: str, vo: str | None, method: str, content: Any, certificate: Path, authorities: Path) -> None:
    """One message; nothing is learnt of what the collector said."""
    context = ssl.create_default_context()
    context.load_verify_locations(capath=str(authorities))
    fields = {"method": method, "args": json.dumps((json.dumps(content), stamp, vo))}
    if certificate.is_dir():
        context.load_cert_chain(certificate / "hostcert.pem", certificate / "hostkey.pem")
        fields["extraCredentials"] = '"hosts"'
    else:
        context.load_cert_chain(certificate)
    urlopen(url, urlencode(fields).encode(), context=context).close()


class StockPilot:
    """A pilot whose commands have a buffer each, as ``RemoteLogger`` objects do."""

    def __init__(self, url: str, stamp: str, vo: str | None, certificate: Path, authorities: Path) -> None:
        self._sent_to = (url, stamp, vo)
        self._identity = (certificate, authorities)

    def send(self, method: str, content: Any) -> None:
        send(*self._sent_to, method, content, *self._identity)

    def command(self, lines_at_once: int = 1000) -> Buffer:
        """The buffer of one more command of the pilot."""
        return Buffer(self, lines_at_once)

    def finalise(self, code: int) -> None:
        self.send("finaliseLogs", {"retCode": str(code)})


class Buffer:
    """``FixedSizeBuffer``: sends when it is full, and when it is flushed, even if it is empty."""

    def __init__(self, pilot: StockPilot, lines_at_once: int) -> None:
        self._pilot = pilot
        self._lines_at_once = lines_at_once
        self._text = StringIO()
        self._lines = 0

    def write(self, text: str) -> None:
        self._text.write(text)
        self._lines += max(1, text.count("\n"))
        if self._lines >= self._lines_at_once:
            self.flush()

    def flush(self) -> None:
        self._pilot.send("sendMessage", self._text.getvalue())
        self._text = StringIO()
        self._lines = 0
