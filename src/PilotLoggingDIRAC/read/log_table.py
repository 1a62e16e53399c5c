"""A list of logs for people: on a terminal, or as text in a pipe. What strangers wrote is never an escape."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from ..ingest.text import one_line

COLUMNS = ("Stamp", "State", "Exit", "Last line", "Lines", "Warn", "Err", "Site", "CE", "Host", "Reference")
_LONGEST = 255
_NARROW = 140
"""Columns of a terminal; on a narrower one the last two columns of the table are left out."""
_STYLES = {"Open": "green", "Silent": "bold red", "Complete": "", "Archived": "dim"}


def cells(row: Mapping[str, Any], vo: bool = False) -> list[str]:
    """What is shown of a row of ``listLogs``."""
    last = str(row["LastArrival"])[:16].replace("T", " ")
    shown = [
        row["Stamp"],
        _state(row),
        "" if row["ExitCode"] is None else row["ExitCode"],
        last,
        row["Lines"],
        row["Warnings"] or "",
        row["Errors"] or "",
        row["Site"],
        row["CE"],
        row["Host"],
        row["PilotReference"],
    ]
    return [one_line(str(cell), _LONGEST) for cell in ([row["VO"]] if vo else []) + shown]


def columns(vo: bool = False) -> list[str]:
    """The heads of the columns."""
    return [*(["VO"] if vo else []), *COLUMNS]


def as_text(rows: Sequence[Mapping[str, Any]], vo: bool = False, heads: bool = True) -> str:
    """One line each, columns apart by two blanks."""
    lines = [*([columns(vo)] if heads else []), *(cells(row, vo) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns(vo)))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def for_terminal(rows: Sequence[Mapping[str, Any]], vo: bool = False) -> str:
    """As wide as the terminal, with colours."""
    import io

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    width = shutil.get_terminal_size().columns
    console = Console(file=stream, force_terminal=True, width=width)
    heads = columns(vo) if width >= _NARROW else columns(vo)[:-2]
    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head in heads:
        numeric = head in ("Exit", "Lines", "Warn", "Err")
        # The stamp is what one copies from here.
        shown.add_column(head, overflow="fold", no_wrap=head == "Stamp", justify="right" if numeric else "left")
    for row in rows:
        texts = [Text(cell) for cell in cells(row, vo)[: len(heads)]]
        first = int(vo)
        texts[first + 1].stylize(_STYLES.get(_state(row), ""))
        if row["ExitCode"]:
            texts[first + 2].stylize("red")
        texts[first + 5].stylize("yellow")
        texts[first + 6].stylize("bold red")
        shown.add_row(*texts)
    console.print(shown)
    return stream.getvalue()


def _state(row: Mapping[str, Any]) -> str:
    """Also of an archived log it is said that its pilot never said goodbye."""
    if row["Finalised"] is None and row["State"] != "Open":
        return "Silent"
    return str(row["State"])
