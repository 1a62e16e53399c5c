# SPDX-License-Identifier: GPL-3.0-only
"""One layout for all tables: what is cut, left out or folded on a terminal, and what a pipe gets."""

from __future__ import annotations

import re
from typing import Any

import pytest

from PilotLoggingDIRAC.terminal import count_table
from PilotLoggingDIRAC.terminal.appearance import Look, print_with_rich
from PilotLoggingDIRAC.terminal.table import Cell, Column, Table, as_text, columns, for_rich

COUNTS: list[dict[str, Any]] = [
    {
        "Value": value,
        "Logs": 5,
        "Open": 0,
        "Failed": 2,
        "Silent": 1,
        "WithErrors": 100_000,
        "LastArrival": "2026-11-24T23:09:00+00:00",
    }
    for value in ("LCG.a-site-with-a-long-name.example.org", None)
]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]


@pytest.mark.parametrize("width", [30, 40, 50, 60, 80, 120])
def test_counts_are_left_out_before_they_are_cut(width: int) -> None:
    shown = lines(count_table.render(COUNTS, "Site", Look.COLOURED, width))
    assert len(shown) == len(COUNTS) + 2
    assert max(map(len, shown)) <= width
    heads = re.split(r"\s{2,}", shown[0].strip())
    assert set(heads) <= {"Site", "Logs", "Open", "Failed", "Silent", "With errors", "Last line"}
    assert heads[:2] == ["Site", "Logs"]
    assert shown[2].split()[0].startswith("LCG.a-site-")


def test_what_strangers_wrote_ends_no_line_and_steers_no_terminal() -> None:
    table = Table(
        "Logs", columns(("VO", "sentence"), ("sentence",)), [("alpha", Cell("a\n\x1b[2J[bold]b[/]" * 9, "red"))]
    )
    assert as_text(table).splitlines()[:3] == ["", "Logs", "VO     sentence"]
    assert as_text(table).splitlines()[3] == "alpha  " + "a??[2J[bold]b[/]" * 9
    shown = print_with_rich([for_rich(table, 60)], 60, coloured=True)
    assert "\x1b[2J" not in shown
    folded = "".join(line.strip().removeprefix("alpha").strip() for line in lines(shown)[3:])
    assert folded == "a??[2J[bold]b[/]" * 9, "folded, and nothing of it is lost"


def test_a_column_is_cut_only_as_far_as_it_has_to_be() -> None:
    table = Table("", (Column("Stamp"), Column("Site", least=4)), [("0123456789", "abcdefghijklmnop")])
    assert [lines(print_with_rich([for_rich(table, width)], width, False))[2].split()[1] for width in (80, 24, 20)] == [
        "abcdefghijklmnop",
        "abcdefg…",
        "abc…",
    ]
