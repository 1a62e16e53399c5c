# SPDX-License-Identifier: GPL-3.0-only
"""A plain client of a DIRAC https service: http.client, a proxy, no DIRAC."""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import urllib.parse
from pathlib import Path
from typing import Any

REJECTED, UNAVAILABLE, NOT_FOUND = 3401, 3402, 3403
FORM = "application/x-www-form-urlencoded"


class Answer(dict[str, Any]):
    """The JSON of a reply, with its HTTP status."""

    status: int

    @property
    def value(self) -> Any:
        """The value of an S_OK."""
        assert self["OK"], self
        return self["Value"]

    @property
    def refusal(self) -> tuple[int, str]:
        """Number and sentence of one of our S_ERRORs."""
        assert self["OK"] is False, self
        assert self["Message"].strip(), self
        return self["Errno"], self["Message"]


def tls_context(authorities: Path, certificate: Path | None) -> ssl.SSLContext:
    """For a proxy file, for a directory with hostcert.pem and hostkey.pem, or for no certificate at all."""
    context = ssl.create_default_context(capath=str(authorities))
    if certificate is not None and certificate.is_dir():
        context.load_cert_chain(certificate / "hostcert.pem", certificate / "hostkey.pem")
    elif certificate is not None:
        context.load_cert_chain(certificate)
    return context


def form(method: str, *arguments: Any, extra: Any = None) -> bytes:
    """The body of a call, as DIRAC's clients and the stock pilot encode it."""
    fields = {"method": method, "args": json.dumps(arguments)}
    if extra is not None:
        fields["extraCredentials"] = json.dumps(extra)
    return urllib.parse.urlencode(fields).encode()


class Client:
    """One caller with one kept-alive connection. Not for several threads.

    Args:
        extra: Sent as extraCredentials with each call.
    """

    def __init__(self, url: str, authorities: Path, certificate: Path | None, extra: Any = None) -> None:
        self.address = urllib.parse.urlsplit(url)
        self.context = tls_context(authorities, certificate)
        self.extra = extra
        self.connection = self.connect()

    def connect(self, timeout: float = 180) -> http.client.HTTPSConnection:
        """A connection of its own, not opened yet."""
        assert self.address.hostname
        return http.client.HTTPSConnection(
            self.address.hostname, self.address.port, context=self.context, timeout=timeout
        )

    def __call__(self, method: str, *arguments: Any, compressed: bool = False) -> Answer:
        """Call a method of the service."""
        body = form(method, *arguments, extra=self.extra)
        if compressed:
            return self.post(gzip.compress(body), {"Content-Encoding": "gzip"})
        return self.post(body)

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """Send any body at all."""
        self.connection.request("POST", self.address.path, body, {"Content-Type": FORM} | (headers or {}))
        reply = self.connection.getresponse()
        content = reply.read()
        try:
            answer = Answer(json.loads(content))
        except ValueError:
            answer = Answer(OK=False, Text=content.decode(errors="replace"))
        answer.status = reply.status
        return answer

    def text_of(self, stamp: str, vo: str = "", **options: Any) -> str:
        """A log read page by page to its present end."""
        return "".join(page["text"] for page in self.pages(stamp, vo, **options))

    def pages(self, stamp: str, vo: str = "", cursor: str | None = None, size: int = 0) -> list[dict[str, Any]]:
        """The pages of a log from a cursor to its present end; at least one."""
        pages = [self("readLog", stamp, vo, cursor, size).value]
        while pages[-1]["more"]:
            pages.append(self("readLog", stamp, vo, pages[-1]["cursor"], size).value)
        return pages

    def close(self) -> None:
        self.connection.close()
