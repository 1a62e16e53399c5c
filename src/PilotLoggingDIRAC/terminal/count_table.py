"""How many logs have which value of a column, for people: on a terminal, or as text in a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import FACTS
from ..text import one_line
from .appearance import Look, print_with_rich

BY = {
    **{fact.word: fact.column for fact in FACTS if fact.counted},
    "exit": "ExitCode",
    "state": "State",
    "vo": "VO",
}
"""Words for the columns by which logs are counted."""
COUNTS = ("Logs", "Open", "Failed", "Silent", "WithErrors", "LastArrival")
"""What is counted, as ``countLogs`` names it."""
_HEADS = (*COUNTS[:4], "With errors", "Last line")
_STYLES = {"Open": "green", "Failed": "red", "Silent": "bold red", "With errors": "yellow"}
_NOT_SAID = "-"
_LONGEST = 255


def _cells(row: Mapping[str, Any]) -> list[str]:
    value = _NOT_SAID if row["Value"] in (None, "") else str(row["Value"])
    numbers = [str(row[name] or "") for name in COUNTS[:5]]
    return [one_line(value, _LONGEST), *numbers, one_line(str(row["LastArrival"])[:16].replace("T", " "), _LONGEST)]


def render(rows: Sequence[Mapping[str, Any]], column: str, look: Look, width: int) -> str:
    """A line for each value; numbers that are 0 are left out.

    Args:
        rows: As ``countLogs`` gives them.
        column: What they are counted by.
        width: Of the terminal.
    """
    heads = [column, *_HEADS]
    lines = [_cells(row) for row in rows]
    if not look.harmless:
        table = [heads, *lines]
        widths = [max(len(line[place]) for line in table) for place in range(len(heads))]
        return "".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
            for line in table
        )
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head in heads:
        numeric = head in _HEADS[:5]
        shown.add_column(head, justify="right" if numeric else "left", overflow="ellipsis", no_wrap=True)
    for line in lines:
        shown.add_row(*(Text(cell, _STYLES.get(head, "")) for head, cell in zip(heads, line, strict=True)))
    return print_with_rich([shown], width, look.coloured)
