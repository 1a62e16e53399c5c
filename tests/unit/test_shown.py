# SPDX-License-Identifier: GPL-3.0-only
"""What the page shows is what is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import PilotLoggingDIRAC
from PilotLoggingDIRAC.lines.parser import LineParser
from PilotLoggingDIRAC.read import shown
from PilotLoggingDIRAC.read.look_time import LookTime
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.shown import as_shown, is_shown_otherwise
from PilotLoggingDIRAC.text import decode

PAGE = Path(PilotLoggingDIRAC.__file__).parent / "WebApp/static/PilotLoggingDIRAC/PilotLogs/page/escape-controls.js"
RED = "2026-06-10T11:02:02.823512Z ERROR [A] \x1b[31mfailed\x1b[0m to open"


@pytest.mark.parametrize(
    "line, query",
    [
        (RED, "failed to open"),
        (RED, {"text": "FAILED to", "ignoreCase": True}),
        (RED, {"regex": r"\] failed to open$"}),
        (RED, "\x1b[31m"),  # as it was sent, it is found as ever
        ("\x1b]8;;https://a.ch\x07link\x1b]8;;\x1b\\ed", "linked"),
        ("50 %\r51 %", {"regex": "^51 %$"}),
        ("50 %\r51 %", "50 %"),
        ("a\u200bb", "a⟨200B⟩b"),
        ("nul\0", {"regex": "^nul␀$"}),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_it_is_found_as_it_is_shown(line: str, query: object, end: str) -> None:
    asked = Query.parse(query)
    data = (line + end).encode()
    (parsed,) = LineParser().feed(data)
    assert asked.fits(parsed)
    assert asked.in_block(b"other\n" + data + b"line\r\n", LookTime(60.0))


@pytest.mark.parametrize("line", ["failed\x1b[0", "failed\n", "fai\x1bled"])
def test_what_is_not_shown_so_is_not_found(line: str) -> None:
    assert not Query.parse("failed to").fits(LineParser().feed(f"{line}\nto\n".encode())[0])


def of_the_page(name: str) -> re.Pattern[str]:
    """An expression that the page has; both languages write these alike."""
    found = re.search(rf"^const {name} = /(.*)/gu?;$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return re.compile(found[1])


def test_the_same_characters_are_shown_otherwise_as_on_the_page() -> None:
    acting = of_the_page("ACTING")
    for code in range(0x11000):
        if chr(code) not in "\n\r":
            data = chr(code).encode("utf-8", "surrogatepass")
            assert bool(acting.match(chr(code))) == (as_shown(data) != data) == is_shown_otherwise(data), hex(code)


@given(st.text(st.sampled_from("\x1b[]\\\x07;0m?- aé\u200b\b\ud800")))
def test_lines_are_cleaned_as_on_the_page(line: str) -> None:
    cleaned = of_the_page("ACTING").sub(shown._picture, of_the_page("TERMINAL").sub("", line))
    assert decode(as_shown(line.encode("utf-8", "surrogatepass"))) == cleaned
