# SPDX-License-Identifier: GPL-3.0-only
"""Lines that were written over (progress bars) are shown in their last state, however long they are.

The page's tests have the same table.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import support

from PilotLoggingDIRAC.lines.last_state import last_state
from PilotLoggingDIRAC.lines.parser import LineParser
from PilotLoggingDIRAC.read import replies
from PilotLoggingDIRAC.read.line_window import LONGEST_LINE, ShownLine, read_lines
from PilotLoggingDIRAC.read.log_text import LogText
from PilotLoggingDIRAC.read.look_time import LookTime
from PilotLoggingDIRAC.read.outline import OutlineBuilder
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.shown import as_shown
from PilotLoggingDIRAC.store import chunks
from PilotLoggingDIRAC.terminal.appearance import Look
from PilotLoggingDIRAC.terminal.line_output import LineColourer, render_line
from PilotLoggingDIRAC.text import decode, escape_controls

CASES: list[dict[str, str]] = json.loads((Path(support.__file__).parent / "last_states.json").read_text())
HEADER = "2026-06-10T11:02:02.823512Z INFO [Install] "
BAR = "".join(f"\r{percent:3}%|{'█' * percent}{' ' * (100 - percent)}|" for percent in range(101))
"""Of 20 kB."""


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def given(text: str, number: int = 1, longest: int = LONGEST_LINE) -> dict[str, Any]:
    """A line as ``readLines`` gives it."""
    data, nowhere = encoded(text), None
    builder = OutlineBuilder()
    builder.feed(data)
    outline = builder.outline("1", "1")
    with LogText(nowhere, None, chunks.Index((), ()), io.BytesIO(data)) as opened:  # type: ignore[arg-type]
        ((shown,), _) = read_lines(opened, outline, [number], 1, 10**9, 600.0, longest)
    return replies.render_line(shown, outline)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_all_who_show_lines_show_the_last_state(case: dict[str, str], end: str) -> None:
    text, header, message = case["line"], case.get("header", ""), case["message"]
    whole = header + message
    if not text:
        end = end or "\n"
    line = given(text + end)
    # For the page, which shows it itself: all states are there.
    assert (line["text"].rstrip("\r"), line["own"], line.get("unfinished", False)) == (
        text.rstrip("\r"),
        bool(header),
        not end,
    )
    assert line["text"][: line["at"]].endswith(header.rpartition("] ")[1])
    assert re.sub(r"\x1b\[[0-9;]*m", "", line["text"][: line["at"]]).endswith(header)
    # What is looked for.
    assert decode(as_shown(encoded(text))) == whole
    after = "\n\n" if end else "\n"
    assert decode(as_shown(encoded(f"before\n{text}{end}\nx\ry\n"))) == f"before\n{whole}{after}y\n"
    # On a terminal, by lines and as text; a pipe gets all of it.
    if "\r" in text:
        shown = escape_controls(decode(last_state(encoded(text), len(encoded(line["text"][: line["at"]])))))
        assert render_line(line, Look.HARMLESS) == f"{shown}\n"
        assert shown.replace("\ufffd", "⟨D800⟩") == whole
        colourer = LineColourer(Look.HARMLESS)
        assert colourer(text[:7]) + colourer(text[7:] + end) + colourer.rest() == shown + end.removeprefix("\r")
    assert render_line(line, Look.PLAIN) == f"{line['text']}\n"
    assert LineColourer(Look.PLAIN)(text + end) == text + end


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "   \r\x1b[K\n"])
@pytest.mark.parametrize("header", ["", HEADER], ids=["raw", "own"])
@pytest.mark.parametrize("states", [1, 2, 40], ids=["20 kB", "40 kB", "800 kB"])
def test_of_a_long_line_the_end_is_shown(states: int, header: str, end: str) -> None:
    bar = BAR * states
    line = given(f"first\n{header}{bar}{end}", 2)
    assert line["text"] == f"{header}100%|{'█' * 100}|"
    assert (line["at"], line["lastState"], line["size"]) == (len(header), True, len(encoded(header + bar + end)))
    assert render_line(line, Look.PLAIN).endswith(f"| [the last state of {line['size']} bytes]\n")


def test_a_long_last_state_has_its_beginning() -> None:
    line = given(f"{HEADER}1%\r{'é' * 20_000}\n", longest=1024)
    assert line["text"] == HEADER + "é" * ((1024 - len(HEADER)) // 2)
    assert line["lastState"]
    far = given(f"{'a' * 20_000}\r{'é' * 100_000}\n")
    assert set(far["text"]) == {"é"}


@pytest.mark.parametrize("line", ["x" * 20_000, "x" * 20_000 + "\r", "\r" * 20_000, f"x{'y' * 500_000}"])
def test_another_long_line_has_its_beginning(line: str) -> None:
    shown = given(f"{line}\n")
    assert "lastState" not in shown
    assert line.startswith(shown["text"])
    assert shown["size"] == len(line) + 1


def test_a_hit_in_a_long_line_has_the_end() -> None:
    (line,) = LineParser().feed(encoded(f"{HEADER}{BAR}\n"))
    row = {"Stamp": "s"}
    hit = replies.Hit(row, [ShownLine(line, len(line.data))])
    reply = replies.render_search([hit], replies.SearchCursor(0, 0, 0, 0, 0), True)
    (found,) = reply["found"][0]["lines"]
    assert found["text"] == f"{HEADER}100%|{'█' * 100}|"
    assert found["size"] == len(line.data)


@pytest.mark.parametrize("query", [{"regex": "^100% done$"}, "100% done", {"regex": "^overwritten"}, "overwritten"])
def test_a_line_is_found_by_its_last_state_and_by_all_that_was_sent(query: Any) -> None:
    data = encoded("overwritten\r  \r\x1b[K\x1b[32m100%\x1b[0m done\x1b[K\r\n")
    (line,) = LineParser().feed(data)
    assert Query.parse(query).fits(line)
    assert Query.parse(query).in_block(b"before\n" + data, LookTime(60.0))


@pytest.mark.parametrize("unit", ["\r", " \r", "\r\x1b[K", "x\r", "\x1b]0;\r"])
def test_a_hostile_line_ends(unit: str) -> None:
    """A quadratic way would take hours."""
    data = encoded(unit * (2**20 // len(unit)))
    assert last_state(data) in (b"", b"x", b"\x1b]0;")
    assert decode(as_shown(data)) in ("", "x", "␛]0;")
