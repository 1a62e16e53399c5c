# SPDX-License-Identifier: GPL-3.0-only
"""What unmodified DIRAC pilots send: ``sendMessage`` and ``finaliseLogs``.

Source: DIRACGrid/Pilot, ``pilotTools.sendMessage``, and DIRAC 9.1.22, ``FileCacheLoggingPlugin``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import bounded_json, names, text
from ..documents import accept_object, read_argument
from ..model import Append, Final, LogKey

_MOST_PARTS = 500_000
"""Of a message: a list of 250,000 lines."""


def _accept_json(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("is not a string with a JSON document in it")
    try:
        return bounded_json.loads(value, _MOST_PARTS)
    except ValueError as error:
        raise ValueError(f"is not a JSON document: {error}") from error


def _accept_text(value: Any) -> str:
    document = _accept_json(value)
    if isinstance(document, list) and all(isinstance(line, str) for line in document):
        return "".join(f"{line}\n" for line in document)
    if isinstance(document, str):
        return document
    raise ValueError("is neither a string nor a list of strings")


def _accept_goodbye(value: Any) -> Mapping[str, Any]:
    return accept_object(_accept_json(value), 'is not a JSON object such as {"retCode": "0"}')


def parse_message(vo: str, pilot_uuid: Any, content: Any, limit: int) -> Append:
    """One ``sendMessage``: a JSON document with a string, or with a list of strings that are a line each.

    An empty string is a message too: stock pilots send one at their start when the wrapper gave them nothing.

    Raises:
        Rejected: The stamp or the document has another form, or the text is larger than ``limit`` bytes.
    """
    key = LogKey(vo, names.check_stamp(pilot_uuid))
    return Append(key, text.encode(read_argument("The message", _accept_text, content), limit))


def parse_goodbye(vo: str, pilot_uuid: Any, payload: Any) -> Append:
    """One ``finaliseLogs``: a JSON document ``{"retCode": "0"}``. Another exit code than a number counts as unknown.

    Raises:
        Rejected: The stamp or the document has another form.
    """
    key = LogKey(vo, names.check_stamp(pilot_uuid))
    return Append(key, final=parse_final(read_argument("The payload", _accept_goodbye, payload)))


def parse_final(document: Mapping[str, Any]) -> Final:
    """The goodbye in ``{"retCode": ...}``; DIRAC takes a missing code for 0."""
    try:
        code = int(document.get("retCode", 0))
    except (TypeError, ValueError, OverflowError):
        return Final(None)
    return Final(code if abs(code) < 2**31 else None)
