"""A list of logs for people: on a terminal, or as text in a pipe. What strangers wrote is never an escape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .appearance import Look, print_with_rich
from .collector_status import span
from .table import Cell, Column, Table, as_text, for_rich

_COLUMNS = (
    Column("Stamp"),  # whole: it is what one copies from here
    Column("State"),
    Column("Exit", numeric=True, goes=8),
    Column("Last line", goes=9),
    Column("Lines", numeric=True, goes=4),
    Column("Warn", numeric=True, goes=5),
    Column("Err", numeric=True, goes=7),
    Column("Site", least=12, goes=6),
    Column("CE", least=12, goes=3),
    Column("Host", least=12, goes=2),
    Column("Reference", least=16, goes=1),
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
    last = str(row["LastArrival"])[5 * short : 16].replace("T", " ")
    shown = [
        Cell(row["Stamp"]),
        Cell(state, _STYLES.get(state.partition(" ")[0], "")),
        Cell("" if row["ExitCode"] is None else str(row["ExitCode"]), "red" if row["ExitCode"] else ""),
        Cell(last),
        Cell(str(row["Lines"])),
        Cell(str(row["Warnings"] or ""), "yellow"),
        Cell(str(row["Errors"] or ""), "bold red"),
        *(Cell(str(row[column])) for column in ("Site", "CE", "Host", "PilotReference")),
    ]
    return [Cell(str(row["VO"])), *shown] if vo else shown


def _state(row: Mapping[str, Any]) -> str:
    """Also of an archived log it is said that its pilot never said goodbye, and of an open one how long it is quiet."""
    if row.get("QuietSince"):
        return f"quiet {span(row['QuietSeconds'])}"
    if row["Finalised"] is None and row["State"] != "Open":
        return "Silent"
    return str(row["State"])
