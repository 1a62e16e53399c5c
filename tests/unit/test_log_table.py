# SPDX-License-Identifier: GPL-3.0-only
"""The list of logs on terminals of any width: a line each, stamps whole."""

from __future__ import annotations

import re
from typing import Any

import pytest

from PilotLoggingDIRAC.terminal import log_table
from PilotLoggingDIRAC.terminal.appearance import Look

ROWS: list[dict[str, Any]] = [
    {
        "VO": "alpha",
        "Stamp": f"{number:032x}",
        "State": "Archived",
        "Finalised": None if number == 2 else "2026-11-24T23:09:00+00:00",
        "ExitCode": number or None,
        "LastArrival": "2026-11-24T23:09:00+00:00",
        "Lines": 24_600 * number,
        "Warnings": number,
        "Errors": 3 * number,
        "Site": "LCG.Krak\u00f3w.pl",
        "CE": "ce1.some-long-name.example.org",
        "Host": "wn122.t2.example.org\x1b[2J",
        "PilotReference": f"https://ce1.some-long-name.example.org:8443/{number}",
    }
    for number in range(4)
]


def shown(width: int, vo: bool = False) -> list[str]:
    """The lines of the table as a person sees them."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", log_table.render(ROWS, vo, Look.COLOURED, width))
    assert "\x1b" not in text
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("vo", [False, True])
@pytest.mark.parametrize("width", [50, 60, 80, 100, 120, 139, 140, 200, 300])
def test_a_line_for_each_log_that_fits(width: int, vo: bool) -> None:
    lines = shown(width, vo)
    assert len(lines) == len(ROWS) + 2, "heads and a rule"
    assert max(map(len, lines)) <= width
    for row, line in zip(ROWS, lines[2:], strict=True):
        assert row["Stamp"] in line
    assert "Silent" in lines[4]


def test_what_is_left_out_first() -> None:
    heads = {width: shown(width)[0].split() for width in (80, 120, 300)}
    assert heads[80] == ["Stamp", "State", "Exit", "Last", "line", "Err", "Site"]
    assert heads[120] == ["Stamp", "State", "Exit", "Last", "line", "Lines", "Warn", "Err", "Site", "CE", "Host"]
    assert heads[300][-1] == "Reference"
    assert ROWS[3]["PilotReference"] in shown(300)[-1], "nothing is cut where there is room"
