# SPDX-License-Identifier: GPL-3.0-only
"""Reading a call: HTTP/1.1, gzip, the form, and the batch in it, each checked strictly."""

from __future__ import annotations

import gzip
import json
import urllib.parse
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.ingest import append_protocol

from .shelf import Batch

FORM = "application/x-www-form-urlencoded"
_LARGEST_MESSAGE = 10 * 2**20
"""The collectors' default MaxMessageSize."""

_LONGEST_LINE = 64 * 1024


class Malformed(Exception):
    """A sender of ours must not send this."""


class Gone(Exception):
    """The sender closed the connection."""


@dataclass(frozen=True)
class Head:
    """What stands before the body; ``size`` is in bytes, and so is ``length``, the body's."""

    line: str
    headers: dict[str, str]
    size: int

    @property
    def length(self) -> int:
        try:
            return int(self.headers["content-length"])
        except (KeyError, ValueError):
            raise Malformed(f"no usable Content-Length: {self.headers}") from None


def read_head(stream: BinaryIO) -> Head:
    """Read up to the empty line.

    Raises:
        Gone: The connection ended before or within the head.
    """
    lines = []
    while True:
        line = stream.readline(_LONGEST_LINE)
        if not line.endswith(b"\r\n"):
            raise Gone
        lines.append(line)
        if line == b"\r\n":
            break
    pairs = (line.decode("ascii").partition(":") for line in lines[1:-1])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Head(lines[0].decode("ascii").strip(), headers, sum(len(line) for line in lines))


def read_body(stream: BinaryIO, length: int) -> bytes:
    """Read so many bytes.

    Raises:
        Gone: The connection ended before.
    """
    body = stream.read(length)
    if len(body) != length:
        raise Gone
    return body


def document_of(head: Head, body: bytes, path: str) -> dict[str, Any]:
    """The batch of an ``appendLog``, checked by the real collector's own parser.

    Raises:
        Malformed: The sentence says what is wrong.
    """
    if head.line.split() != ["POST", path, "HTTP/1.1"]:
        raise Malformed(head.line)
    if head.headers.get("content-type") != FORM or "host" not in head.headers:
        raise Malformed(f"headers {head.headers}")
    fields = _form(_decoded(head, body))
    if fields["method"] != "appendLog" or fields.keys() - {"method", "args", "extraCredentials"}:
        raise Malformed(f"a call of {fields['method']} with {sorted(fields)}")
    arguments = json.loads(fields["args"])
    if not (isinstance(arguments, list) and len(arguments) == 1):
        raise Malformed("args is not a list of one batch")
    try:
        append_protocol.parse_batch("alpha", arguments[0], _LARGEST_MESSAGE)
    except Rejected as error:
        raise Malformed(str(error)) from error
    return arguments[0]


def extra_credentials(head: Head, body: bytes) -> Any:
    """What the form says under this name, or None."""
    text = _form(_decoded(head, body)).get("extraCredentials")
    return None if text is None else json.loads(text)


def batch_of(document: dict[str, Any], collector: str) -> Batch:
    """A checked document as a batch."""
    final = document.get("final")
    return Batch(
        document["stamp"],
        document["session"],
        document["seq"],
        document.get("text", ""),
        document.get("context") or {},
        None if final is None else final["retCode"],
        collector,
    )


def _decoded(head: Head, body: bytes) -> bytes:
    encoding = head.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise Malformed(f"Content-Encoding {encoding}")
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise Malformed(f"not gzip: {error}") from error


def _form(text: bytes) -> dict[str, str]:
    try:
        pairs = urllib.parse.parse_qsl(
            text.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError as error:
        raise Malformed(f"not a form: {error}") from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or not {"method", "args"} <= fields.keys():
        raise Malformed(f"a form with the fields {[name for name, _ in pairs]}")
    return fields
