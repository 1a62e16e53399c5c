# SPDX-License-Identifier: GPL-3.0-only
"""How many logs have which value of a column, for people: on a terminal, or as text in a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import FACTS
from .appearance import Look, print_with_rich, show_minute
from .table import Cell, Column, Table, as_text, for_rich

BY = {
    **{fact.word: fact.column for fact in FACTS if fact.counted},
    "exit": "ExitCode",
    "state": "State",
    "vo": "VO",
}
"""Words for the columns by which logs are counted."""
COUNTS = ("Logs", "Open", "Failed", "Silent", "WithErrors", "LastArrival")
"""What is counted, as ``countLogs`` names it."""
_COLUMNS = (
    Column("Logs", numeric=True),
    Column("Open", numeric=True, goes=2),
    Column("Failed", numeric=True, goes=5),
    Column("Silent", numeric=True, goes=4),
    Column("With errors", numeric=True, goes=3),
    Column("Last line", goes=1),
)
_STYLES = ("", "green", "red", "bold red", "yellow")
_NOT_SAID = "-"
_LEAST = 12
"""Characters of the values, where they are cut."""


def render(rows: Sequence[Mapping[str, Any]], column: str, look: Look, width: int) -> str:
    """A line for each value; numbers that are 0 are left out.

    Args:
        rows: As ``countLogs`` gives them.
        column: What they are counted by.
        width: Of the terminal.
    """
    table = Table("", (Column(column, least=_LEAST), *_COLUMNS), [_cells(row) for row in rows])
    if not look.harmless:
        return as_text(table)
    return print_with_rich([for_rich(table, width)], width, look.coloured)


def _cells(row: Mapping[str, Any]) -> list[Cell]:
    value = _NOT_SAID if row["Value"] in (None, "") else str(row["Value"])
    numbers = (Cell(str(row[name] or ""), style) for name, style in zip(COUNTS[:5], _STYLES, strict=True))
    return [Cell(value), *numbers, Cell(show_minute(row["LastArrival"]))]
