# SPDX-License-Identifier: GPL-3.0-only
"""A list of logs for people: on a terminal, or as text in a pipe. What strangers wrote is never an escape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import FACTS
from .appearance import Look, print_with_rich, show_minute
from .collector_status import span
from .table import Cell, Column, Table, as_text, for_rich

_FACTS = tuple(fact for fact in FACTS if fact.least_width)
_LAST = len(_FACTS)
"""Of what is said of the pilot, the first column goes after the others, and after some of these."""
_COLUMNS = (
    Column("Stamp"),  # whole: it is what one copies from here
    Column("State"),
    Column("Exit", numeric=True, goes=_LAST + 4),
    Column("Last line", goes=_LAST + 5),
    Column("Lines", numeric=True, goes=_LAST),
    Column("Warn", numeric=True, goes=_LAST + 1),
    Column("Err", numeric=True, goes=_LAST + 3),
    *(
        Column(fact.head, least=fact.least_width, goes=_LAST - place if place else _LAST + 2)
        for place, fact in enumerate(_FACTS)
    ),
)
_NARROW = 140
"""Columns of a terminal; on a narrower one all is closer together, and times have no year."""
_STYLES = {"Open": "green", "quiet": "yellow", "Silent": "bold red", "Complete": "", "Archived": "dim"}


def render(rows: Sequence[Mapping[str, Any]], vo: bool, look: Look, width: int, heads: bool = True) -> str:
    """One line for each log.

    Args:
        rows: As ``listLogs`` gives them.
        vo: Whether their VO is shown.
        width: Of the terminal.
        heads: Whether the heads of the columns are shown in a pipe.
    """
    short = look.harmless and width < _NARROW
    columns = (Column("VO"), *_COLUMNS) if vo else _COLUMNS
    table = Table("", columns, [_cells(row, vo, short) for row in rows], narrow=_NARROW)
    if not look.harmless:
        return as_text(table, heads)
    return print_with_rich([for_rich(table, width)], width, look.coloured)


def _cells(row: Mapping[str, Any], vo: bool, short: bool) -> list[Cell]:
    """What is shown of a row.

    Args:
        short: Whether times have no year.
    """
    state = _state(row)
    shown = [
        Cell(row["Stamp"]),
        Cell(state, _STYLES.get(state.partition(" ")[0], "")),
        Cell("" if row["ExitCode"] is None else str(row["ExitCode"]), "red" if row["ExitCode"] else ""),
        Cell(show_minute(row["LastArrival"], year=not short)),
        Cell(str(row["Lines"])),
        Cell(str(row["Warnings"] or ""), "yellow"),
        Cell(str(row["Errors"] or ""), "bold red"),
        *(Cell(str(row[fact.column])) for fact in _FACTS),
    ]
    return [Cell(str(row["VO"])), *shown] if vo else shown


def _state(row: Mapping[str, Any]) -> str:
    """Also of an archived log it is said that its pilot never said goodbye, and of an open one how long it is quiet."""
    if row.get("QuietSince"):
        return f"quiet {span(row['QuietSeconds'])}"
    if row["Finalised"] is None and row["State"] != "Open":
        return "Silent"
    return str(row["State"])
