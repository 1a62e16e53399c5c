# SPDX-License-Identifier: GPL-3.0-only
"""The level of what is sent, which has nothing to do with what is printed on the worker node."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilot.worker_node_module import sender
from support.header_forms import FORMS, RAW, STAMP

from PilotLoggingDIRAC.lines.header import HEADER, Level

NUMBERS = {"DEBUG": 10, "VERBOSE": 15, "INFO": 20, "NOTICE": 25, "WARN": 30, "WARNING": 30, "ERROR": 40, "FATAL": 50}
LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40}
"""Those that RemoteLogLevel may have."""

_HEADER = re.compile(r"[0-9-]{10}T[0-9:]{8}[.,][0-9]{6}Z ([A-Z]+) *\[")


def message(level: str, text: str, of_wrapper: bool = False) -> str:
    if of_wrapper:
        return f"2026-06-10T11:02:02,823512Z {level:<8} [pilotLogger] {text}\n"
    return f"2026-06-10T11:02:02.823512Z {level} [CheckWorkerNode] {text}\n"


def kept(least: int, *pieces: str) -> list[str]:
    level = sender().LevelFilter(least)
    return [level.keep(piece) for piece in pieces]


def expected(least: int, text: str) -> str:
    """The same, line by line and without any haste."""
    passes, lines = True, []
    for line in text.splitlines(keepends=True):
        if header := _HEADER.match(line):
            passes = NUMBERS.get(header[1], least) >= least
        if passes:
            lines.append(line)
    return "".join(lines)


# A splitlines() of Python's ends lines in more places than a log does.
_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=10)
_MESSAGES = st.builds(message, st.sampled_from([*NUMBERS, "UNKNOWN"]), _WORDS, st.booleans())
_ODD = st.sampled_from(
    ["\n", " ", "INFO [X]\n", "2026-06-10T11:02:02\n", " " + message("DEBUG", "not at the beginning")]
)
_LOGS = st.lists(_MESSAGES | _WORDS.map(lambda text: text + "\n") | _ODD, max_size=15).map("".join)


@pytest.mark.parametrize("least", LEVELS)
@pytest.mark.parametrize("of_wrapper", [False, True])
def test_messages_below_it_stay_here(least: str, of_wrapper: bool) -> None:
    pieces = [message(level, "a", of_wrapper) for level in NUMBERS]
    passing = [piece if NUMBERS[level] >= LEVELS[least] else "" for level, piece in zip(NUMBERS, pieces, strict=True)]
    assert kept(LEVELS[least], *pieces) == passing
    assert kept(LEVELS[least], "".join(pieces)) == ["".join(passing)]


def test_without_a_level_all_is_sent() -> None:
    pieces = [message(level, "a") for level in [*NUMBERS, "SILLY"]]
    assert kept(0, "raw\n", *pieces) == ["raw\n", *pieces]


def test_lines_without_a_header_belong_to_the_message_before_them() -> None:
    low, high = message("DEBUG", "begins\n  goes on\n\nends"), message("ERROR", "begins\n  goes on\n\nends")
    assert kept(20, low + high + low) == [high]
    assert kept(20, low, "more\n", high, "more\n", "and more\n") == ["", "", high, "more\n", "and more\n"]


def test_the_grammar_is_the_collectors() -> None:
    assert sender().HEADER == HEADER.decode().replace(r"\xef\xbb\xbf", r"\ufeff")


@pytest.mark.parametrize("text", [text for text, *_ in FORMS])
def test_forms_of_headers(text: str) -> None:
    """Each has the level that the collector's readers see, and ends the message before it."""
    (level,) = [level for form, level, *_ in FORMS if form == text]
    for least in LEVELS:
        passes = level >= Level[least]
        for before in (message("DEBUG", "a"), message("ERROR", "a")):
            assert kept(LEVELS[least], before, f"{text}\nmore\n")[1] == (f"{text}\nmore\n" if passes else "")


_OF_NO_KNOWN_LEVEL = f"{STAMP} ERRORS [x] another word"


@pytest.mark.parametrize("text", [text for text in RAW if text != _OF_NO_KNOWN_LEVEL])
def test_what_is_no_header(text: str) -> None:
    assert kept(30, message("INFO", "a"), f"{text}\n") == ["", ""]
    assert kept(30, message("ERROR", "a"), f"{text}\n")[1] == f"{text}\n"


def test_raw_text_at_the_beginning_is_sent() -> None:
    assert kept(40, "raw\n", "raw\n", message("INFO", "a"), "its output\n") == ["raw\n", "raw\n", "", ""]


def test_a_level_that_nobody_knows_is_sent() -> None:
    assert kept(40, message("STRANGE", "a")) == [message("STRANGE", "a")]


def test_the_middle_of_a_line_is_no_header() -> None:
    text = message("DEBUG", "a")
    assert kept(20, "printed without an end: ", text) == ["printed without an end: ", text]
    assert kept(20, "printed: " + text) == ["printed: " + text]
    assert kept(20, text, "printed without an end: ", message("INFO", "a")) == ["", "", ""]


def test_what_a_collector_asks_for() -> None:
    level = sender().LevelFilter(20)
    debug, info, error = message("DEBUG", "a"), message("INFO", "a"), message("ERROR", "a")
    for wish, passing in [
        ("", info + error),
        ("ERROR", error),
        ("WARN", error),
        ("DEBUG", info + error),  # what the VO does not want is not for a collector to want
        ("NONSENSE", info + error),
        ("ERROR", error),
        ("", info + error),
    ]:
        level.ask(wish)
        assert level.keep(debug + info + error) == passing


def test_a_wish_holds_for_the_lines_behind_a_message_too() -> None:
    level = sender().LevelFilter(0)
    level.ask("ERROR")
    assert level.keep(message("INFO", "a")) == ""
    level.ask("")
    assert level.keep("more of it\n" + message("DEBUG", "b")) == message("DEBUG", "b")


@given(_LOGS, st.sampled_from([0, *LEVELS.values()]))
def test_is_the_same_as_line_by_line(log: str, least: int) -> None:
    assert kept(least, log) == [expected(least, log) if least else log]


@given(_LOGS, st.sampled_from([0, *LEVELS.values()]), st.lists(st.integers(0, 20), max_size=4))
def test_does_not_depend_on_where_the_log_is_cut_between_lines(log: str, least: int, cuts: list[int]) -> None:
    lines = log.splitlines(keepends=True)
    places = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
    pieces = ["".join(lines[first:last]) for first, last in itertools.pairwise(places)]
    assert kept(least, "".join(pieces)) == ["".join(kept(least, *pieces))]


@given(_LOGS, st.sampled_from([0, *LEVELS.values()]), st.integers(0, 200))
def test_wherever_it_is_cut_nothing_is_added_or_twice(log: str, least: int, cut: int) -> None:
    first, second = kept(least, log[:cut], log[cut:])
    assert is_in_order(first, log[:cut]) and is_in_order(second, log[cut:])


def is_in_order(part: str, whole: str) -> bool:
    """Whether one can be made of the other by leaving lines, or parts of the first and the last one, out."""
    place = 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", part):
        place = whole.find(line, place)
        if place < 0:
            return False
        place += len(line)
    return True
