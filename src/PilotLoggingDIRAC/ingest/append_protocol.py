# SPDX-License-Identifier: GPL-3.0-only
"""What our own senders send: ``appendLog``, see ``docs/protocol.md``."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from .. import names, text
from ..documents import EXACT, Document, accept_number, accept_object, accept_string, read_argument, read_document
from ..model import FACTS, Append, Final, LogKey
from .stock_protocol import parse_final


def parse_batch(vo: str, document: Any, limit: int) -> Append:
    """One ``appendLog``.

    Args:
        vo: The VO whose log this is, after authorization; the one in the document has been heeded or refused before.
        document: The batch as it came.
        limit: Largest text in bytes.

    Raises:
        Rejected: A field is missing, unknown or of another form; the sentence names it.
    """
    batch = read_document(_Batch, document)
    return Append(
        key=LogKey(vo, batch.stamp),
        data=text.encode(batch.text, limit),
        session=batch.session,
        seq=batch.seq,
        context=batch.context,
        final=batch.final,
    )


def _accept_context(value: Any) -> dict[str, str]:
    """What is known of the sender, by column. Unknown names are left out: a newer sender may say more."""
    if value is None:
        return {}
    known = accept_object(value, "is not an object with site, ce, host and the like")
    context = {}
    for fact in FACTS:
        entry = known.get(fact.name)
        if entry is None or entry == "":
            continue
        said = read_argument(f"The context's {fact.name}", accept_string, entry)
        context[fact.column] = text.one_line(said, fact.size)
    return context


def _accept_final(value: Any) -> Final | None:
    return None if value is None else parse_final(accept_object(value, 'is not an object such as {"retCode": "0"}'))


class _Batch(Document):
    subject = "The batch"
    form = "is not an object with stamp, session, seq and text"

    stamp: Annotated[str, PlainValidator(names.check_stamp)] = Field(None, validate_default=True)
    session: Annotated[str, PlainValidator(names.check_session)] = Field(None, validate_default=True)
    seq: Annotated[int, PlainValidator(partial(accept_number, most=EXACT + 1))] = Field(None, validate_default=True)
    text: Annotated[str, PlainValidator(accept_string)] = ""
    vo: Any = None
    context: Annotated[dict[str, str], PlainValidator(_accept_context)] = Field({})
    final: Annotated[Final | None, PlainValidator(_accept_final)] = None
