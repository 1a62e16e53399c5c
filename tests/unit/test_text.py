# SPDX-License-Identifier: GPL-3.0-only
"""Text from outside as bytes, and what is counted in it."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.lines.tally import Counts, count
from PilotLoggingDIRAC.text import cut_at_character, decode, dump_json, encode, escape_controls, one_line

# All code points: NULs, escapes and the surrogates, alone or in pairs, that JSON may bring.
ANY_TEXT = st.text(st.characters(codec=None))
_CHARACTERS = "a\0\n\x1bé€😀\ud800\udfff"


@given(st.one_of(ANY_TEXT, st.text(_CHARACTERS)))
def test_text_comes_back_as_it_was(text: str) -> None:
    assert decode(encode(text, 10**6)) == text


@given(st.binary())
def test_foreign_bytes_become_some_text(data: bytes) -> None:
    assert isinstance(decode(data), str)


def test_foreign_bytes_are_marked_where_they_are() -> None:
    assert decode("Grüße".encode("latin-1")) == "Gr\ufffd\ufffde"


def test_the_limit_counts_bytes_and_may_be_reached() -> None:
    assert encode("é" * 5, 10) == "é".encode() * 5
    with pytest.raises(Rejected, match=r"^The message has 12 bytes of text and the limit \(MaxMessageSize\) is 11: "):
        encode("é" * 6, 11)


def test_a_limit_of_nothing_lets_the_empty_message_through() -> None:
    assert encode("", 0) == b""


@given(st.text(_CHARACTERS), st.integers(0, 30))
def test_a_cut_is_the_longest_that_ends_between_characters(text: str, size: int) -> None:
    data = encode(text, 10**6)
    cut = cut_at_character(data, size)
    beginnings = [encode(text[:end], 10**6) for end in range(len(text) + 1)]
    assert cut == max((beginning for beginning in beginnings if len(beginning) <= size), key=len)


@given(st.binary(), st.integers(4, 30))
def test_a_cut_of_foreign_bytes_goes_forward(data: bytes, size: int) -> None:
    """Whatever an archive holds: a reader with pages of 4 bytes or more gets on."""
    cut = cut_at_character(data, size)
    assert data.startswith(cut)
    assert bool(cut) == bool(data)


PILOT = "2026-06-10T11:02:02.823512Z"
WRAPPER = "2026-06-10T11:02:02,823512Z"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", Counts(0, 0, 0)),
        ("no end", Counts(0, 0, 0)),
        ("\n\n", Counts(2, 0, 0)),
        (f"{PILOT} INFO [X] a\n{PILOT} WARN [X] b\n{PILOT} ERROR [X] c\n", Counts(3, 1, 1)),
        (f"{WRAPPER} WARNING  [pilotLogger] a\n{WRAPPER} CRITICAL [pilotLogger] b\n", Counts(2, 1, 1)),
        (f"{PILOT} FATAL [X] at the end", Counts(0, 0, 1)),
        ("ERROR without a header\nWARN too\n", Counts(2, 0, 0)),
        (f"  {PILOT} ERROR not at the beginning\n", Counts(1, 0, 0)),
        (f"{PILOT} INFO [X] no ERROR at all\n", Counts(1, 0, 0)),
    ],
)
def test_lines_and_levels_are_counted(text: str, counts: Counts) -> None:
    assert count(text.encode()) == counts


@given(st.lists(st.sampled_from([f"{PILOT} WARN a\n", f"{PILOT} ERROR b\n", "text\n", "half a line "])))
def test_figures_of_parts_add_up_where_they_are_cut_at_lines(parts: list[str]) -> None:
    whole = count("".join(f"{part}\n" for part in parts).encode())
    single = [count(f"{part}\n".encode()) for part in parts]
    assert whole == Counts(
        sum(each.lines for each in single), sum(each.warnings for each in single), sum(each.errors for each in single)
    )


def test_what_may_steer_a_terminal_is_what_unicode_says() -> None:
    steering = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    for character in map(chr, range(sys.maxunicode + 1)):
        # Later versions of Unicode may know more formats than this Python; what it knows must not pass.
        if unicodedata.category(character) in steering and character not in "\t\n":
            assert escape_controls(character) != character, ascii(character)
            assert one_line(character, 1) == "?"
        elif unicodedata.category(character) not in {"Cn", *steering}:
            assert escape_controls(character) == character, ascii(character)


def test_of_our_own_text_colours_pass_and_nothing_else() -> None:
    text = "\x1b[31mred\x1b[0m \x1b[1;32mgreen \x1b[2J\x1b]52;c;AA\x07\x1b[31\x9b1m\u202e"
    shown = escape_controls(text, colours=True)
    assert shown == "\x1b[31mred\x1b[0m \x1b[1;32mgreen \u241b[2J\u241b]52;c;AA\u2407\u241b[31\ufffd1m\ufffd"


@given(ANY_TEXT)
def test_json_is_printable_ascii_and_says_the_same(text: str) -> None:
    document = dump_json({text: text}, 2)
    assert all(character == "\n" or " " <= character <= "~" for character in document)
    assert json.loads(document) == json.loads(json.dumps({text: text}))
