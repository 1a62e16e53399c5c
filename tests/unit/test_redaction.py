# SPDX-License-Identifier: GPL-3.0-only
"""Secrets are replaced, and nothing else is, however the text is cut into messages.

What worker node and collector both do with the corpus: ``test_redaction_corpus.py``.
"""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import redaction_corpus as corpus

from PilotLoggingDIRAC.redaction import (
    NOTHING,
    Carry,
    Redactor,
    assignments,
    broken_keys,
    commands,
    services,
    tokens,
    wrapped,
)
from PilotLoggingDIRAC.redaction.carry import CONTEXT
from PilotLoggingDIRAC.redaction.custom_patterns import TooSlow
from PilotLoggingDIRAC.redaction.prefilter import QuickLook
from PilotLoggingDIRAC.redaction.private_keys import LINES
from PilotLoggingDIRAC.redaction.spans import Text

_MARKED = re.compile("«(.*?)»".encode())
_KNOWN = 6
"""So many characters of a secret may be stored where a cut made it look like something else."""

REDACTOR = Redactor()


def _bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


SECRETS, CASES = _bytes(corpus.SECRETS + corpus.COLLECTOR_ONLY), _bytes(corpus.CASES + corpus.COLLECTOR_ONLY_CASES)
HARMLESS, AMBIGUOUS = _bytes(corpus.HARMLESS), _bytes(corpus.AMBIGUOUS)


def _plain(block: bytes) -> bytes:
    return _MARKED.sub(rb"\1", block)


def _stored(*pieces: bytes, redactor: Redactor = REDACTOR) -> bytes:
    """What is stored of a log that comes in these pieces; the state goes through its string, as in the database."""
    stored, carried = b"", ""
    for piece in pieces:
        data, carry = redactor.redacted(piece, Carry.load(carried))
        carried = carry.dump()
        assert len(carried) <= CONTEXT + 25
        assert data.count(b"\n") == piece.count(b"\n")
        stored += data
    return stored


def _check(block: bytes, *pieces: bytes) -> None:
    stored = _stored(*pieces)
    for secret in _MARKED.findall(block):
        for begin in range(len(secret) - _KNOWN):
            assert secret[begin : begin + _KNOWN + 1] not in stored, (pieces, stored)


@pytest.mark.parametrize("case", CASES)
def test_no_cut_lets_a_secret_through(case: bytes) -> None:
    text = _plain(case)
    for cut in range(len(text)):
        _check(case, text[:cut], text[cut:])


@given(st.sampled_from(CASES), st.data())
@settings(max_examples=120, deadline=None)
def test_three_pieces_and_more_let_no_secret_through(case: bytes, data: st.DataObject) -> None:
    text = _plain(case)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=5)))
    _check(case, *(text[first:last] for first, last in itertools.pairwise([0, *cuts, len(text)])))


@given(st.sampled_from(HARMLESS), st.data())
@settings(max_examples=50, deadline=None)
def test_however_it_is_cut_harmless_text_stays(block: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(block)), max_size=5)))
    assert _stored(*(block[first:last] for first, last in itertools.pairwise([0, *cuts, len(block)]))) == block


@pytest.mark.parametrize("case", CASES)
def test_byte_by_byte_no_secret_gets_through(case: bytes) -> None:
    text = _plain(case)
    _check(case, *(text[place : place + 1] for place in range(len(text))))


def test_crlf_and_the_number_of_lines_stay() -> None:
    text = b"A=1\r\nX_TOKEN=fakefake1\r\nB=2\r\n"
    assert _stored(text) == b"A=1\r\nX_TOKEN=[redacted]\r\nB=2\r\n"
    assert _stored(text[:-12], text[-12:]) == b"A=1\r\nX_TOKEN=[redacted]\r\nB=2\r\n"


def test_variables_between_nul_bytes() -> None:
    assert _stored(b"A=1\0X_TOKEN=fake fake\0B=2\0") == b"A=1\0X_TOKEN=[redacted]\0B=2\0"


def test_the_state_is_small_and_survives_its_string() -> None:
    long_name = b"x" * 5000 + b" MY_TOKEN="
    _, carry = REDACTOR.redacted(long_name + b"fakefake")
    assert carry and carry == Carry.load(carry.dump())
    assert len(carry.dump()) < CONTEXT + 25
    assert REDACTOR.redacted(b"a\n")[1] is NOTHING
    assert not NOTHING and NOTHING.dump() == "" and Carry.load("") is NOTHING


@pytest.mark.parametrize("damaged", ["x", "1", ":", "1:unknown:", "-1::", "0::\u00e9", "0:line"])
def test_a_damaged_state_harms_nothing(damaged: str) -> None:
    stored, _ = REDACTOR.redacted(b"hello\n", Carry.load(damaged))
    assert stored in (b"hello\n", b"\n")


def _comparable(text: bytes) -> bytes:
    """Without what the state does without: colours, blanks, and anything but ASCII."""
    return re.sub(rb"\x1b\[?[0-9;]*m?|[^!-}]", b"", text)


def test_the_state_has_no_secret() -> None:
    for case in CASES:
        text = _plain(case)
        for cut in range(1, len(text), 7):
            stored, carry = REDACTOR.redacted(text[:cut])
            assert not carry or _comparable(carry.context.lstrip(b"~")) in _comparable(stored)


def test_a_private_key_without_end_ends_at_a_line_that_is_none() -> None:
    text = b"-----BEGIN PRIVATE KEY-----\nMIIEfakefake\nkilled by signal 9\nword\n"
    assert _stored(text) == b"-----BEGIN PRIVATE KEY-----\n[redacted]\nkilled by signal 9\nword\n"


def test_a_private_key_without_end_ends_after_some_lines() -> None:
    begin, lines = b"-----BEGIN PRIVATE KEY-----\n", [b"word\n"] * (LINES + 3)
    assert _stored(begin, *lines) == begin + b"[redacted]\n" * LINES + b"word\n" * 3
    assert _stored(begin + b"".join(lines)) == begin + b"[redacted]\n" * LINES + b"word\n" * 3


# What a pattern could choke on.
_ODD = [
    b"A", b"=", b"eyJ", b".eyJ", b"-----BEGIN ", b"-----BEGIN PRIVATE KEY-----", b"-----END", b"://user:", b"@",
    b"token=", b"token: ", b"PASSWORD=", b'"', b"'", b"\\", b"\\n", b"\n", b"\r", b"\0", b" ", b"\xed\xa0\x80", b"\xff",
    b"Bearer ", b"Authorization: ", b"MDAx", b"AKIAIOSFODNN7EXAMPLE", b"curl -u ", b"[redacted]", b"/", b"{", b",",
    b"\x1b[1m", b"\x1b", b"LS0tLS1CRUdJTi", b"-----END PRIVATE KEY-----", b"npm_", b"sk-", b"--creds a:", b'"pass":\n',
    b"--secret ", b"2026-06-10T11:02:02.823512Z INFO [X] ",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(_ODD) | st.binary(max_size=8), max_size=8).map(b"".join), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_bytes_keep_their_lines(pieces: list[bytes]) -> None:
    _stored(*pieces)


@pytest.mark.parametrize("odd", _ODD)
def test_a_long_line_of_it_is_no_problem(odd: bytes) -> None:
    """It would never end if a pattern went back and forth. The times are in dev/benchmark/redaction.py."""
    text = odd * (100_000 // len(odd))
    assert _stored(text, b"\nA=1\n").endswith(b"\nA=1\n")


@pytest.mark.parametrize(
    "odd", [b"?sig=", b"eyJhbGc", b"MDAx00xvY2F0aW9u", b"bearer+", b"AKIAIOSFODNN7EXAMPLE=" + b"A" * 40 + b"."]
)
def test_a_token_that_begins_again_and_again_is_read_once(odd: bytes) -> None:
    assert _seconds(odd * (200_000 // len(odd)) + b"\n") < 4


def test_a_line_behind_a_private_key_is_read_once() -> None:
    assert _seconds(b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 200_000 + b"!\n") < 4


def _seconds(text: bytes) -> float:
    begun = time.thread_time()
    _stored(text)
    return time.thread_time() - begun


@pytest.mark.parametrize("case", [case for case in CASES if "[«".encode() not in case])
def test_what_a_pilot_redacted_stays(case: bytes) -> None:
    stored = _MARKED.sub(b"[redacted]", case)
    assert _stored(stored) == stored


def test_an_empty_signature_is_no_secret() -> None:
    assert _stored(b"GET /f?sig=&x=1\n/f?sig=\n") == b"GET /f?sig=&x=1\n/f?sig=\n"


def test_very_many_names_are_redacted_without_a_look() -> None:
    text = b"token=/tmp/x\n" * assignments.MOST
    assert _stored(text) == text
    assert _stored(text + b"a=1 token=/tmp/x y\nb=2\n") == text + b"a=1 [redacted]\nb=2\n"


@given(st.lists(st.sampled_from(_ODD) | st.sampled_from(CASES).map(_plain), max_size=5).map(b"".join))
@settings(max_examples=120, deadline=None)
def test_the_quick_look_misses_nothing(text: bytes) -> None:
    _compare(QuickLook(), text)


def _compare(quick_look: QuickLook, text: bytes) -> None:
    found = Text.of(text)
    in_commands, of_services = list(commands.find(found)), list(services.find(found))
    of_form = [*tokens.find(found), *wrapped.find(found)]
    everything = [*assignments.find(found), *of_form, *in_commands, *of_services, *broken_keys.find(found)]
    assert quick_look.may_have_secret(text) or not everything, text
    assert quick_look.may_have_token(text) or not of_form, text
    assert quick_look.may_have_service(text) or not of_services, text
    assert quick_look.may_have_command(text) or not in_commands, text


def test_the_quick_look_misses_nothing_at_the_end_of_a_message() -> None:
    quick_look = QuickLook()
    for case in CASES:
        text = _plain(case)
        for end in range(len(text)):
            _compare(quick_look, text[:end])


class TestOwnPatterns:
    def test_the_group_named_secret_or_all_of_it_is_replaced(self) -> None:
        redactor = Redactor({"Ticket": r"ticket (?P<secret>[0-9]+)", "Badge": r"BADGE-\w+"})
        assert _stored(b"ticket 4711, BADGE-x17.\n", redactor=redactor) == b"ticket [redacted], [redacted].\n"

    def test_they_come_on_top_of_the_built_in_ones_or_stand_alone(self) -> None:
        text = b"ticket 4711 X_TOKEN=fakefake1\n"
        assert _stored(text, redactor=Redactor({"T": "[0-9]{4}"})) == b"ticket [redacted] X_TOKEN=[redacted]\n"
        assert _stored(text, redactor=Redactor({"T": "[0-9]{4}"}, builtin=False)) == text.replace(
            b"4711", b"[redacted]"
        )
        assert _stored(text, redactor=Redactor(builtin=False)) == text

    def test_a_match_stays_in_its_line(self) -> None:
        redactor = Redactor({"All": r"begin[\s\S]*end", "Anchored": "^abc$"})
        assert _stored(b"begin\nend\nbegin x end\nabc\nabcd\n", redactor=redactor) == (
            b"begin\nend\n[redacted]\n[redacted]\nabcd\n"
        )

    def test_what_begins_in_one_message_and_ends_in_the_next(self) -> None:
        redactor = Redactor({"Badge": "badge=([a-z0-9]+)"})
        assert _stored(b"my bad", b"ge=abc", b"def9 next\n", redactor=redactor) == b"my bad[redacted] next\n"

    def test_hostile_patterns_take_no_time(self) -> None:
        redactor = Redactor({"Nested": "(a+)+$", "Long": "a.*b|a"}, builtin=False)
        assert _stored(b"a" * 100_000 + b"!\n", redactor=redactor).endswith(b"\n")

    def test_a_pattern_that_takes_too_long_for_a_text_ends(self) -> None:
        """It would take 10 s."""
        patterns = {f"P{number}": "(((a?b?){0,8}){0,8}){0,8}y|a" for number in range(20)}
        with pytest.raises(TooSlow):
            Redactor(patterns).redacted(b"ab" * 16_000)

    def test_there_are_not_too_many(self) -> None:
        Redactor({f"P{number}": "x" for number in range(20)})
        with pytest.raises(ValueError, match=r"^There are 21 patterns, and a VO may have 20: join some with \|\.$"):
            Redactor({f"P{number}": "x" for number in range(21)})

    def test_a_line_end_is_never_part_of_a_match(self) -> None:
        redactor = Redactor({"End": r"x\n", "Blank": r"[^y]+y"}, builtin=False)
        assert _stored(b"x\nx\ny\n", redactor=redactor) == b"x\nx\ny\n"

    @pytest.mark.parametrize(
        ("pattern", "sentence"),
        [
            ("x" * 501, "has 501 characters"),
            ("(", "is not a regular expression"),
            ("(?<=x)y", "is not a regular expression"),
            ("(a{1000}){1000}", "is not a regular expression"),
            ("(((a?b?){0,9}){0,9}){0,9}y|z", "makes a program of [0-9]+ steps in RE2, and may make one of 5000"),
            ("\ud800", "not valid Unicode"),
            ("x*", "matches the empty string"),
            ("", "matches the empty string"),
        ],
    )
    def test_refuses_a_pattern_with_a_sentence(self, pattern: str, sentence: str) -> None:
        with pytest.raises(ValueError, match=f"^Badge .*{sentence}.*\\.$"):
            Redactor({"Badge": pattern})
