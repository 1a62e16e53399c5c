# SPDX-License-Identifier: GPL-3.0-only
"""Which logs somebody wants: conditions on what is known of them, as they come from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any

from pydantic import PlainValidator, create_model
from sqlalchemy import ColumnElement, and_, func, or_

from ..documents import Document, Flag, Time, read_document
from ..model import FACTS, LogState
from .quiet import Quietness
from .schema import LISTED_BY, logs

_LONGEST_PART = 255
"""Characters; no column has more."""
_MOST_PARTS = 20
"""For one column: each is looked for in each row."""
_MOST_VALUES = 1000
"""That one column may have: as many as a page of a list has rows."""
_LONGEST_VALUE = 255
_SEARCHED: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("VO", "Stamp", *(fact.column for fact in FACTS if fact.searched))},
    "Pilot": ("Stamp", "PilotReference"),
}
"""In which columns a part is looked for."""


def _one_or_more(fits: Callable[[Any], bool], what: str) -> PlainValidator:
    def accept(value: Any) -> Sequence[Any]:
        values = value if isinstance(value, (list, tuple)) else [value]
        if len(values) > _MOST_VALUES:
            raise ValueError(f"has {len(values)} values; it takes {_MOST_VALUES} at most")
        if not all(fits(each) for each in values):
            raise ValueError(f"is neither {what} nor a list of such")
        return values

    return PlainValidator(accept)


def _is_text(value: Any) -> bool:
    # Lone surrogates can be in no column.
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_value(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_VALUE and _is_text(value)


def _accept_value(value: Any) -> str | None:
    if value is not None and not _is_value(value):
        raise ValueError(f"is not a text of at most {_LONGEST_VALUE} characters")
    return value  # type: ignore[no-any-return]


def _is_exit_code(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**31


def _accept_contains(parts: Any) -> Mapping[str, Sequence[str]]:
    if not isinstance(parts, dict) or not all(name in _SEARCHED for name in parts):
        raise ValueError(f"is not an object with some of {', '.join(_SEARCHED)}")
    return {name: _accept_parts(name, value) for name, value in parts.items()}


def _accept_parts(name: str, value: Any) -> Sequence[str]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    if not 0 < len(parts) <= _MOST_PARTS:
        raise ValueError(f"has {len(parts)} parts for {name}; it takes 1 to {_MOST_PARTS}")
    if not all(isinstance(part, str) and 0 < len(part) <= _LONGEST_PART and _is_text(part) for part in parts):
        raise ValueError(f"has a part for {name} that is not a text of 1 to {_LONGEST_PART} characters")
    return parts


class _Selection(Document):
    """What can be asked of logs, but for the columns with texts. None: it was not asked."""

    subject = "The selection"
    unknown = "Logs cannot be selected by {name}; by these they can: {known}."

    StampFrom: Annotated[str | None, PlainValidator(_accept_value)] = None
    ExitCode: Annotated[Sequence[int] | None, _one_or_more(_is_exit_code, "a whole number")] = None
    Since: Time = None
    Until: Time = None
    HasErrors: Flag = None
    HasWarnings: Flag = None
    Finalised: Flag = None
    Silent: Flag = None
    Failed: Flag = None
    Contains: Annotated[Mapping[str, Sequence[str]] | None, PlainValidator(_accept_contains)] = None


_TEXTS = ("VO", "Stamp", "State", *(fact.column for fact in FACTS))
_Texts = Annotated[Sequence[str] | None, _one_or_more(_is_value, f"a text of at most {_LONGEST_VALUE} characters")]
_fields: dict[str, Any] = dict.fromkeys(_TEXTS, (_Texts, None))
_WithoutQuiet = create_model("_WithoutQuiet", __base__=_Selection, **_fields)
_WithQuiet = create_model("_WithQuiet", __base__=_WithoutQuiet, Quiet=(Flag, None))

_FLAGS: Mapping[str, ColumnElement[bool]] = {
    "HasErrors": logs.c.Errors > 0,
    "HasWarnings": logs.c.Warnings > 0,
    "Finalised": logs.c.Finalised.is_not(None),
    # Of the state in this way, so that nobody takes the index of states, which has nothing of the goodbye.
    "Silent": and_(logs.c.Finalised.is_(None), func.lower(logs.c.State) != LogState.OPEN.lower()),
    "Failed": and_(logs.c.ExitCode.is_not(None), logs.c.ExitCode != 0),
}


def _contains(parts: Mapping[str, Sequence[str]]) -> ColumnElement[bool]:
    return and_(True, *(_has_one_of(name, parts[name]) for name in _SEARCHED if name in parts))


def _has_one_of(name: str, parts: Sequence[str]) -> ColumnElement[bool]:
    # So many that there are few statements of different form: each is kept, compiled.
    looked_for = [*parts, *[parts[-1]] * (_next_power_of_two(len(parts)) - len(parts))]
    return or_(*(logs.c[column].icontains(part, autoescape=True) for column in _SEARCHED[name] for part in looked_for))


def _next_power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _flagged(condition: ColumnElement[bool]) -> Callable[[bool], ColumnElement[bool]]:
    return lambda wanted: condition if wanted else ~condition


_CONDITIONS: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    **{name: logs.c[name].in_ for name in (*_TEXTS, "ExitCode")},
    **{name: _flagged(condition) for name, condition in _FLAGS.items()},
    "StampFrom": lambda stamp: logs.c.Stamp >= stamp,
    "Since": lambda moment: logs.c.LastArrival >= moment,
    "Until": lambda moment: logs.c.FirstArrival < moment,
    "Contains": _contains,
}
"""What each field of a selection means for a row."""


def where(
    selection: Mapping[str, Any], vo: str | None = None, quietness: Quietness | None = None
) -> ColumnElement[bool]:
    """The condition for logs that are selected.

    Args:
        selection: Conditions that all hold: column names to a value or a list of values (VO, Stamp, State, ExitCode,
            those of :data:`..model.FACTS`); ``Contains``, some of these columns to a part of their value or a list of
            parts, one of which is in it (``Pilot``: in the stamp or the reference); ``StampFrom``, the first stamp that
            is wanted, in the order of stamps; ``Since`` and ``Until``, times;
            HasErrors, HasWarnings, Finalised, Silent, Failed, Quiet: true or false.
        vo: Only logs of this VO, whatever the selection says; None for all.
        quietness: What counts as quiet; without it nobody can ask for that.

    Raises:
        Rejected: A condition is unknown or ill-typed.
    """
    asked = read_document(_WithQuiet if quietness else _WithoutQuiet, selection)
    means = {**_CONDITIONS, "Quiet": _flagged(quietness.condition(vo))} if quietness else _CONDITIONS
    conditions = [] if vo is None else [logs.c.VO == vo]
    # In one order, whatever that of the selection: a statement of another form is compiled and kept anew.
    conditions += [condition(getattr(asked, name)) for name, condition in means.items() if name in selection]
    return and_(True, *conditions)


def must_read_rows(selection: Mapping[str, Any], sorted_by: Collection[str] = ()) -> bool:
    """Whether logs are asked for by what is in no index, and by nothing with which an index would narrow them."""
    asked = {*selection, *(selection.get("Contains") or ()), *sorted_by}
    return not asked.isdisjoint(_IN_NO_INDEX) and _NARROWING.isdisjoint(selection)


_IN_NO_INDEX = {"Pilot", *(column.name for column in logs.c)} - {"VO", "Stamp", "LastArrival", *LISTED_BY}
_NARROWING = frozenset(("Stamp", "State", "Since"))
