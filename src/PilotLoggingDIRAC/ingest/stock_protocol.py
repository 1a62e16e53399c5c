"""What unmodified DIRAC pilots send: ``sendMessage`` and ``finaliseLogs``.

Source: DIRACGrid/Pilot, ``pilotTools.sendMessage``, and DIRAC 9.1.22, ``FileCacheLoggingPlugin``.
"""

from __future__ import annotations

import json
from typing import Any

from .. import names, text
from ..errors import Rejected
from ..model import Append, Final, LogKey


def _parse_document(value: Any, what: str) -> Any:
    if not isinstance(value, str):
        raise Rejected(f"The {what} is not a string with a JSON document in it.")
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"The {what} is not a JSON document: {error}.") from error


def parse_message(vo: str, pilot_uuid: Any, content: Any, limit: int) -> Append:
    """One ``sendMessage``: a JSON document with a string, or with a list of strings that are a line each.

    An empty string is a message too: stock pilots send one at their start when the wrapper gave them nothing.

    Raises:
        Rejected: The stamp or the document has another form, or the text is larger than ``limit`` bytes.
    """
    key = LogKey(vo, names.check_stamp(pilot_uuid))
    document = _parse_document(content, "message")
    if isinstance(document, list) and all(isinstance(line, str) for line in document):
        document = "".join(f"{line}\n" for line in document)
    if not isinstance(document, str):
        raise Rejected("The message is neither a string nor a list of strings.")
    return Append(key, text.encode(document, limit))


def parse_goodbye(vo: str, pilot_uuid: Any, payload: Any) -> Append:
    """One ``finaliseLogs``: a JSON document ``{"retCode": "0"}``. Another exit code than a number counts as unknown.

    Raises:
        Rejected: The stamp or the document has another form.
    """
    key = LogKey(vo, names.check_stamp(pilot_uuid))
    document = _parse_document(payload, "payload")
    if not isinstance(document, dict):
        raise Rejected('The payload is not a JSON object such as {"retCode": "0"}.')
    return Append(key, final=parse_final(document))


def parse_final(document: dict[str, Any]) -> Final:
    """The goodbye in ``{"retCode": ...}``; DIRAC takes a missing code for 0."""
    try:
        code = int(document.get("retCode", 0))
    except (TypeError, ValueError, OverflowError):
        return Final(None)
    return Final(code if abs(code) < 2**31 else None)
