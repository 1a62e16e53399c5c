"""The status of the collectors as tables on a terminal, as plain text, or as JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

from ..text import one_line
from .appearance import Look, choose_look, print_with_rich
from .collector_status import Answer, Table

_CELL = 200
_LONG = ("collector", "last error", "sentence", "value", "decided by")
"""Columns that are broken into several lines where the terminal is too narrow."""


def summary(problems: Sequence[str]) -> str:
    """The first line, for those who read no further."""
    if not problems:
        return "OK: all collectors are well."
    return f"PROBLEM: {len(problems)} thing{'s' if len(problems) > 1 else ''} for a person to look at."


def as_json(answers: Sequence[Answer], problems: Sequence[str]) -> str:
    """All that is known, for programs."""
    document = {
        "ok": not problems,
        "problems": list(problems),
        "collectors": [
            {"url": answer.url, "problem": answer.problem, "figures": dict(answer.figures) or None}
            for answer in answers
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def as_text(tables: Sequence[Table], problems: Sequence[str]) -> str:
    """One line each, columns apart by two blanks, for a pipe or a file."""
    lines = [summary(problems), *(f"- {_cell(problem, len(problem))}" for problem in problems)]
    for table in tables:
        lines += lines_of(table)
    return "\n".join(lines) + "\n"


def lines_of(table: Table) -> list[str]:
    """A table as plain text: an empty line, its title, its columns and rows."""
    rows = [list(table.columns), *([_cell(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return ["", table.title, *padded]


def for_terminal(
    tables: Sequence[Table], problems: Sequence[str], look: Look | None = None, width: int | None = None
) -> str:
    """As wide as the terminal, with colours."""
    heading = [(summary(problems), "bold red" if problems else "bold green")]
    return coloured([*heading, *((f"- {problem}", "red") for problem in problems)], tables, look, width)


def coloured(
    lines: Sequence[tuple[str, str]], tables: Sequence[Table], look: Look | None = None, width: int | None = None
) -> str:
    """Lines with their styles, then tables, as wide as the terminal.

    Args:
        look: By default as the environment wants it, see :func:`.look.choose_look`.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Shown
    from rich.text import Text

    everything: list[Any] = [Text(_cell(line, len(line)), style=style) for line, style in lines]
    for table in tables:
        shown = Shown(title=table.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for column in table.columns:
            shown.add_column(column, overflow="fold", no_wrap=column not in _LONG)
        for row in table.rows:
            # As Text: what strangers wrote is no markup.
            shown.add_row(*(Text(_cell(cell)) for cell in row))
        everything.append(shown)
    width = width or shutil.get_terminal_size().columns
    return print_with_rich(everything, width, (look or choose_look(True)).coloured)


def _cell(text: str, length: int = _CELL) -> str:
    return one_line(text, length)
