"""A list of logs for people: on a terminal, or as text in a pipe. What strangers wrote is never an escape."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import FACTS
from ..text import one_line
from .appearance import Look, print_with_rich
from .collector_status import span

_FACTS = tuple(fact for fact in FACTS if fact.least_width)
_FIRST, *_OTHERS = (fact.head for fact in _FACTS)
COLUMNS = ("Stamp", "State", "Exit", "Last line", "Lines", "Warn", "Err", _FIRST, *_OTHERS)
_LONGEST = 255
_NARROW = 140
"""Columns of a terminal; on a narrower one all is closer together, and times have no year."""
_CUT = {fact.head: fact.least_width for fact in _FACTS}
"""Columns that are cut where there is no room, and what is left of them at least."""
_LEFT_OUT_FIRST = (*reversed(_OTHERS), "Lines", "Warn", _FIRST, "Err", "Exit", "Last line")
"""Where there is no room for all columns."""
_STYLES = {"Open": "green", "quiet": "yellow", "Silent": "bold red", "Complete": "", "Archived": "dim"}


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
        *(row[fact.column] for fact in _FACTS),
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


def for_terminal(
    rows: Sequence[Mapping[str, Any]], vo: bool = False, look: Look = Look.COLOURED, width: int | None = None
) -> str:
    """As wide as the terminal, with colours: one line each, without the columns for which there is no room."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    width = width or shutil.get_terminal_size().columns
    narrow = width < _NARROW
    table = [dict(zip(columns(vo), cells(row, vo), strict=True)) for row in rows]
    if narrow:
        for line in table:
            line["Last line"] = line["Last line"][5:]
    widths = _widths(table, columns(vo), width, 1 if narrow else 2)
    shown = Table(box=SIMPLE_HEAD, padding=(0, 0 if narrow else 1, 0, 0))
    for head, of_column in widths.items():
        numeric = head in ("Exit", "Lines", "Warn", "Err")
        shown.add_column(
            head, width=of_column, overflow="ellipsis", no_wrap=True, justify="right" if numeric else "left"
        )
    for row, line in zip(rows, table, strict=True):
        styles = {"State": _STYLES.get(_state(row).partition(" ")[0], ""), "Warn": "yellow", "Err": "bold red"}
        if row["ExitCode"]:
            styles["Exit"] = "red"
        shown.add_row(*(Text(line[head], styles.get(head, "")) for head in widths))
    return print_with_rich([shown], width, look.coloured)


def _widths(table: Sequence[Mapping[str, str]], heads: Sequence[str], width: int, gap: int) -> dict[str, int]:
    """The columns for which a terminal has room, each with its characters. Only some may have fewer than they need: a
    stamp is what one copies from here."""
    longest = {head: max(map(len, [head, *(line[head] for line in table)])) for head in heads}
    widths = {head: min(length, _CUT.get(head, length)) for head, length in longest.items()}

    def left() -> int:
        return width - 2 - sum(each + gap for each in widths.values())

    for head in _LEFT_OUT_FIRST:
        if left() >= 0:
            break
        del widths[head]
    for head in widths:
        widths[head] = min(longest[head], widths[head] + max(0, left()))
    return widths


def _state(row: Mapping[str, Any]) -> str:
    """Also of an archived log it is said that its pilot never said goodbye, and of an open one how long it is quiet."""
    if row.get("QuietSince"):
        return f"quiet {span(row['QuietSeconds'])}"
    if row["Finalised"] is None and row["State"] != "Open":
        return "Silent"
    return str(row["State"])
