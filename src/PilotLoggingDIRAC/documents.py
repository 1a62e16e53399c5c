# SPDX-License-Identifier: GPL-3.0-only
"""Documents and arguments from the wire: validated in one way, and refused in one sentence.

What is accepted is said by a *check*: a function that gives the value back with its type, or raises a ValueError with
the end of a sentence, "is not a whole number of 0 or more". A :class:`Document` is a pydantic model whose fields have
checks as their validators; a single argument is read with :func:`read_argument`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError

from .errors import Rejected

EXACT = 2**53 - 1
"""What JSON's numbers hold exactly everywhere."""
_LONGEST_NAME = 80
_CURSOR = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})*")

Value = TypeVar("Value")


class Document(BaseModel):
    """Base of all objects from the wire; a field that is not named in the class is refused.

    What was sent, as opposed to what has its default, stands in pydantic's ``model_fields_set``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: ClassVar[str]
    """What people call it: "The batch"."""
    form: ClassVar[str] = "is not an object"
    """The end of the sentence for what is no object."""
    unknown: ClassVar[str] = "{subject} has a field {name} that is not known."
    """The sentence for a field that is not known; ``{known}`` names those that are."""

    @classmethod
    def call_field(cls, name: str) -> str:
        """With what a sentence about a field begins."""
        return f"{cls.subject}'s {name}"


AnyDocument = TypeVar("AnyDocument", bound=Document)


def read_document(document: type[AnyDocument], value: Any) -> AnyDocument:
    """An object as it came, which others made, of plain JSON.

    Raises:
        Rejected: It is none, or has a field that is unknown or ill-typed.
    """
    if not isinstance(value, dict):
        raise Rejected(sentence(document.subject, document.form))
    known = document.model_fields
    for name in value:
        # Before pydantic looks: it would list all of a million.
        if name not in known:
            shown = ascii(name)[:_LONGEST_NAME]
            raise Rejected(document.unknown.format(subject=document.subject, name=shown, known=", ".join(known)))
    try:
        return document.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        message = "is missing" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise Rejected(sentence(document.call_field(str(first["loc"][0])), message)) from None


def read_argument(subject: str, check: Callable[[Any], Value], value: Any) -> Value:
    """A single argument of a method.

    Args:
        subject: What the sentence begins with: "The cursor", "limit".

    Raises:
        Rejected: The check does not accept it.
    """
    try:
        return check(value)
    except ValueError as error:
        raise Rejected(sentence(subject, str(error))) from None


def sentence(subject: str, problem: str) -> str:
    """What is refused, and what would be accepted."""
    return f"{subject} {problem}."


# Checks


def accept_number(value: Any, least: int = 0, most: int = EXACT) -> int:
    """No text, no float without a fraction, and not true."""
    if type(value) is int and least <= value <= most:
        return value
    raise ValueError(f"is not a whole number {f'of {least} or more' if most >= EXACT else f'from {least} to {most}'}")


def accept_string(value: Any, form: str = "is not a string") -> str:
    """Of any characters, lone surrogates included, which pydantic's own ``str`` refuses."""
    if isinstance(value, str):
        return value
    raise ValueError(form)


def accept_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("is neither true nor false")


def accept_time(value: Any) -> datetime:
    """ISO 8601; without a zone it is UTC."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("is not a time such as 2026-06-10T11:02:02Z") from None


def accept_list(value: Any, form: str = "is not a list", most: int = EXACT) -> list[Any]:
    if isinstance(value, list) and len(value) <= most:
        return value
    raise ValueError(form)


def accept_cursor(value: Any, numbers: int, method: str, doing: str) -> tuple[int, ...] | None:
    """Numbers with dots between them, as a method gave them; None for nothing, which is the beginning."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.count(".") == numbers - 1 and _CURSOR.fullmatch(value):
        return tuple(int(part) for part in value.split("."))
    raise ValueError(f"is not one that {method} gave; leave it out to {doing} from the beginning")


def accept_object(value: Any, form: str = "is not an object") -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError(form)


Flag = Annotated[bool | None, PlainValidator(accept_flag)]
Time = Annotated[datetime | None, PlainValidator(accept_time)]
"""Both are None by default only: null is not accepted."""
