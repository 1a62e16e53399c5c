# SPDX-License-Identifier: GPL-3.0-only
"""Sentences with tables below them, such as the status of the collectors: on a terminal, as plain text, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from ..text import dump_json, one_line
from .appearance import Look, print_with_rich
from .collector_status import Answer
from .table import Cell, Table, as_text, for_rich


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
    return dump_json(document, 2) + "\n"


def render_status(tables: Sequence[Table], problems: Sequence[str], look: Look, width: int) -> str:
    """The status of the collectors: what needs a person, and then all that is known."""
    heading = Cell(summary(problems), "bold red" if problems else "bold green")
    return render([heading, *(Cell(f"- {problem}", "red") for problem in problems)], tables, look, width)


def render(lines: Sequence[Cell], tables: Sequence[Table], look: Look, width: int) -> str:
    """Lines, then tables: as wide as a terminal, or each line and row as it is for a pipe or a file."""
    lines = [Cell(one_line(text, len(text)), style) for text, style in lines]
    if not look.harmless:
        return "".join(f"{text}\n" for text, _ in lines) + "".join(map(as_text, tables))
    from rich.text import Text

    shown = [*(Text(*line) for line in lines), *(for_rich(table, width) for table in tables)]
    return print_with_rich(shown, width, look.coloured)
