"""Which logs somebody wants: conditions on what is known of them, as they come from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_

from ..errors import Rejected
from ..model import LogState
from .quiet import Quietness
from .schema import LISTED_BY, logs

_LONGEST_PART = 255
"""Characters; no column has more."""
_MOST_PARTS = 20
"""For one column: each is looked for in each row."""
_SEARCHED: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("VO", "Stamp", "Site", "CE", "Queue", "Host", "PilotReference")},
    "Pilot": ("Stamp", "PilotReference"),
}
"""In which columns a part is looked for."""


def _equals(column: Any, fits: Callable[[Any], bool], what: str) -> Any:
    def condition(value: Any) -> ColumnElement[bool]:
        values = value if isinstance(value, (list, tuple)) else [value]
        if not all(fits(each) for each in values):
            raise Rejected(f"The selection's {column.name} is neither {what} nor a list of such.")
        condition: ColumnElement[bool] = column.in_(values)
        return condition

    return condition


def _is_text(value: Any) -> bool:
    # Lone surrogates can be in no column.
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_exit_code(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**31


def _time(value: Any, name: str) -> datetime:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise Rejected(f"The selection's {name} is not a time such as 2026-06-10T11:02:02Z.") from None


def _flag(value: Any, condition: ColumnElement[bool], name: str) -> ColumnElement[bool]:
    if not isinstance(value, bool):
        raise Rejected(f"The selection's {name} is neither true nor false.")
    return condition if value else ~condition


def _contains(parts: Any) -> ColumnElement[bool]:
    if not isinstance(parts, dict) or not all(name in _SEARCHED for name in parts):
        raise Rejected(f"The selection's Contains is not an object with some of {', '.join(_SEARCHED)}.")
    return and_(True, *(_has_one_of(name, value) for name, value in parts.items()))


def _has_one_of(name: str, value: Any) -> ColumnElement[bool]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    if not 0 < len(parts) <= _MOST_PARTS:
        raise Rejected(f"The selection's Contains has {len(parts)} parts for {name}; it takes 1 to {_MOST_PARTS}.")
    if not all(_is_text(part) and 0 < len(part) <= _LONGEST_PART for part in parts):
        raise Rejected(f"A part in the selection's Contains is not a text of 1 to {_LONGEST_PART} characters.")
    return or_(*(logs.c[column].icontains(part, autoescape=True) for column in _SEARCHED[name] for part in parts))


_SELECTIONS: Mapping[str, Any] = {
    **{
        name: _equals(logs.c[name], _is_text, "a text")
        for name in ("VO", "Stamp", "State", "Site", "CE", "Queue", "Host", "PilotReference", "PilotVersion")
    },
    "ExitCode": _equals(logs.c.ExitCode, _is_exit_code, "a whole number"),
    "Since": lambda value: logs.c.LastArrival >= _time(value, "Since"),
    "Until": lambda value: logs.c.FirstArrival < _time(value, "Until"),
    "HasErrors": lambda value: _flag(value, logs.c.Errors > 0, "HasErrors"),
    "HasWarnings": lambda value: _flag(value, logs.c.Warnings > 0, "HasWarnings"),
    "Finalised": lambda value: _flag(value, logs.c.Finalised.is_not(None), "Finalised"),
    # Of the state in this way, so that nobody takes the index of states, which has nothing of the goodbye.
    "Silent": lambda value: _flag(
        value, and_(logs.c.Finalised.is_(None), func.lower(logs.c.State) != LogState.OPEN.lower()), "Silent"
    ),
    "Failed": lambda value: _flag(value, and_(logs.c.ExitCode.is_not(None), logs.c.ExitCode != 0), "Failed"),
    "Contains": _contains,
}
_QUIET = "Quiet"


def where(
    selection: Mapping[str, Any], vo: str | None = None, quietness: Quietness | None = None
) -> ColumnElement[bool]:
    """The condition for logs that are selected.

    Args:
        selection: Conditions that all hold: column names to a value or a list of values (VO, Stamp, State, Site, CE,
            Queue, Host, PilotReference, PilotVersion, ExitCode); ``Contains``, some of these columns to a part of
            their value or a list of parts, one of which is in it (``Pilot``: in the stamp or the reference); ``Since``
            and ``Until``, times; HasErrors, HasWarnings, Finalised, Silent, Failed, Quiet: true or false.
        vo: Only logs of this VO, whatever the selection says; None for all.
        quietness: What counts as quiet; without it nobody can ask for that.

    Raises:
        Rejected: A condition is unknown or ill-typed.
    """
    conditions = [] if vo is None else [logs.c.VO == vo]
    for name, value in selection.items():
        if name == _QUIET and quietness is not None:
            conditions.append(_flag(value, quietness.condition(vo), _QUIET))
            continue
        if name not in _SELECTIONS:
            known = [*_SELECTIONS, *([_QUIET] if quietness else [])]
            raise Rejected(f"Logs cannot be selected by {ascii(name)[:80]}; by these they can: {', '.join(known)}.")
        conditions.append(_SELECTIONS[name](value))
    return and_(True, *conditions)


def must_read_rows(selection: Mapping[str, Any], sorted_by: Collection[str] = ()) -> bool:
    """Whether logs are asked for by what is in no index, and by nothing with which an index would narrow them."""
    asked = {*selection, *(selection.get("Contains") or ()), *sorted_by}
    return not asked.isdisjoint(_IN_NO_INDEX) and _NARROWING.isdisjoint(selection)


_IN_NO_INDEX = {"Pilot", *(column.name for column in logs.c)} - {"VO", "Stamp", "LastArrival", *LISTED_BY}
_NARROWING = frozenset(("Stamp", "State", "Since"))
