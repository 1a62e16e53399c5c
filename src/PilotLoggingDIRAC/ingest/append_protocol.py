"""What our own senders send: ``appendLog``, see ``docs/protocol.md``."""

from __future__ import annotations

from typing import Any

from .. import names, text
from ..errors import Rejected
from ..model import Append, LogKey
from .stock_protocol import parse_final

_FIELDS = {"stamp", "vo", "session", "seq", "text", "context", "final"}
_CONTEXT_COLUMNS = {
    "site": "Site",
    "ce": "CE",
    "queue": "Queue",
    "host": "Host",
    "pilotReference": "PilotReference",
    "pilotVersion": "PilotVersion",
}
_CONTEXT_LENGTH = 255
_LAST_SEQ = 2**53  # beyond it a JSON number is no longer exact everywhere


def parse_batch(vo: str, document: Any, limit: int) -> Append:
    """One ``appendLog``.

    Args:
        vo: The VO whose log this is, after authorization; the one in the document has been heeded or refused before.
        document: The batch as it came.
        limit: Largest text in bytes.

    Raises:
        Rejected: A field is missing, unknown or of another form; the sentence names it.
    """
    if not isinstance(document, dict):
        raise Rejected("The batch is not an object with stamp, session, seq and text.")
    if unknown := sorted(str(name) for name in document.keys() - _FIELDS):
        raise Rejected(f"The batch has a field {ascii(unknown[0])[:80]} that is not known.")
    content = document.get("text", "")
    if not isinstance(content, str):
        raise Rejected("The batch's text is not a string.")
    goodbye = document.get("final")
    if goodbye is not None and not isinstance(goodbye, dict):
        raise Rejected('The batch\'s final is not an object such as {"retCode": "0"}.')
    return Append(
        key=LogKey(vo, names.check_stamp(document.get("stamp"))),
        data=text.encode(content, limit),
        session=names.check_session(document.get("session")),
        seq=_check_seq(document.get("seq")),
        context=_check_context(document.get("context")),
        final=None if goodbye is None else parse_final(goodbye),
    )


def _check_seq(value: Any) -> int:
    if type(value) is int and 0 <= value <= _LAST_SEQ:
        return value
    raise Rejected("The batch's seq is not a whole number of 0 or more.")


def _check_context(value: Any) -> dict[str, str]:
    """What is known of the sender, by column. Unknown names are left out: a newer sender may say more."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected("The batch's context is not an object with site, ce, host and the like.")
    context = {}
    for name, column in _CONTEXT_COLUMNS.items():
        entry = value.get(name)
        if entry is None or entry == "":
            continue
        if not isinstance(entry, str):
            raise Rejected(f"The context's {name} is not a string.")
        context[column] = text.one_line(entry, _CONTEXT_LENGTH)
    return context
