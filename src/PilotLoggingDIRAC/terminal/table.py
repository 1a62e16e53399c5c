# SPDX-License-Identifier: GPL-3.0-only
"""How each of our tables is laid out: on a terminal by rich, in a pipe as plain columns.

What stands in a cell was written by strangers: here, and nowhere else, it becomes harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..text import one_line

_LONGEST = 255
"""Characters of a cell."""
_GAP = 2


class Cell(NamedTuple):
    """What stands in one place, and its style on a terminal."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a table, and what becomes of it where a terminal has no room.

    Attributes:
        head: Its name.
        numeric: It stands to the right.
        folds: It is broken into several lines.
        least: It is cut, but to no fewer characters than these; None: it is not cut.
        goes: Its place among those that are left out where cutting is not enough, the first one 1; 0: it stays.
    """

    head: str
    numeric: bool = False
    folds: bool = False
    least: int | None = None
    goes: int = 0


@dataclass(frozen=True)
class Table:
    """Something to show.

    Attributes:
        title: Above it; empty for none.
        narrow: On a terminal with fewer characters the columns are closer together; 0: on none.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell | str]]
    narrow: int = 0


def columns(heads: Sequence[str], folded: Sequence[str] = ()) -> tuple[Column, ...]:
    """Columns that stay as they are, but for those that are folded where there is no room."""
    return tuple(Column(head, folds=head in folded) for head in heads)


def as_text(table: Table, heads: bool = True) -> str:
    """For a pipe or a file: one line each, columns apart by two blanks. A title has an empty line above it."""
    lines = [[column.head for column in table.columns]] if heads else []
    lines += [[text for text, _ in row] for row in _cells(table)]
    widths = [max(map(len, of_column)) for of_column in zip(*lines, strict=True)]
    title = f"\n{table.title}\n" if table.title else ""
    return title + "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def for_rich(table: Table, width: int) -> object:
    """For :func:`.appearance.print_with_rich`: on so many characters, without the columns for which there is no
    room."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    gap = 1 if width < table.narrow else _GAP
    rows = [dict(zip(table.columns, row, strict=True)) for row in _cells(table)]
    widths = _fit(table.columns, rows, width, gap)
    shown = RichTable(title=table.title or None, title_justify="left", box=SIMPLE_HEAD, padding=(0, gap - 1, 0, 0))
    for column, of_column in widths.items():
        shown.add_column(
            column.head,
            width=None if column.least is None else of_column,
            overflow="fold" if column.folds else "ellipsis",
            no_wrap=not column.folds,
            justify="right" if column.numeric else "left",
        )
    for row in rows:
        # As Text: what strangers wrote is no markup.
        shown.add_row(*(Text(*row[column]) for column in widths))
    return shown


def _cells(table: Table) -> list[list[Cell]]:
    cells = [[Cell(each) if isinstance(each, str) else each for each in row] for row in table.rows]
    return [[Cell(one_line(text, _LONGEST), style) for text, style in row] for row in cells]


def _fit(columns: Sequence[Column], rows: Sequence[Mapping[Column, Cell]], width: int, gap: int) -> dict[Column, int]:
    """The columns for which there is room, each with its characters."""
    longest = {each: max(map(len, [each.head, *(row[each].text for row in rows)])) for each in columns}
    widths = {each: length if each.least is None else min(length, each.least) for each, length in longest.items()}

    def left() -> int:
        return width - 2 - sum(each + gap for each in widths.values())

    for column in sorted((each for each in columns if each.goes), key=lambda each: each.goes):
        if left() >= 0:
            break
        del widths[column]
    for column in widths:
        widths[column] = min(longest[column], widths[column] + max(0, left()))
    return widths
