# SPDX-License-Identifier: GPL-3.0-only
"""The worker node's redaction is the first line of defence: what it takes out, and that it harms nothing else.

The collector's own, which runs behind it, is the oracle. What both do with the corpus:
tests/unit/test_redaction_corpus.py.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from demonstration.content import PilotText
from hypothesis import given, settings
from hypothesis import strategies as st
from pilot.worker_node_module import redaction
from unit import redaction_corpus as corpus
from unit.redaction_corpus import marked, plain, secrets_of

from PilotLoggingDIRAC.redaction import NOTHING
from PilotLoggingDIRAC.redaction import Redactor as Collector

_COLLECTOR = Collector()
_KNOWN_TO_THE_COLLECTOR = 6
TAKEN, CASES = corpus.CASES, corpus.CASES + corpus.COLLECTOR_ONLY_CASES
HARMLESS, AMBIGUOUS = corpus.HARMLESS, corpus.AMBIGUOUS


def _redacted(*pieces: str) -> list[str]:
    """What is sent of a log that comes in these pieces."""
    redactor = redaction().Redactor()
    sent = [redactor.redact(piece) for piece in pieces]
    assert [text.count("\n") for text in sent] == [text.count("\n") for text in pieces]
    return sent


def _stored(*pieces: str) -> list[bytes]:
    """What a collector stores of them."""
    stored, carry = [], NOTHING
    for piece in pieces:
        data, carry = _COLLECTOR.redacted(_utf8(piece), carry)
        stored.append(data)
    return stored


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cut(text: str, places: list[int]) -> list[str]:
    borders = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[first:last] for first, last in itertools.pairwise(borders)]


class TestWhatIsASecret:
    def test_the_collector_has_nothing_more_to_take_out(self) -> None:
        for case in CASES:
            assert b"".join(_stored(*_redacted(plain(case)))) == marked(case).encode()

    def test_a_whole_log_of_a_pilot_comes_out_as_the_collector_would_have_it(self) -> None:
        pilot = PilotText("0" * 32, "alpha", seed=7)
        pieces = [pilot.wrapper(), *pilot.commands(), pilot.farewell(0)]
        assert [_utf8(text) for text in _redacted(*pieces)] == _stored(*pieces)

    def test_of_a_long_value_as_much_counts_as_for_the_collector(self) -> None:
        for length in range(1, 120):
            text = f"token = {'f' * length}(user) secret = {'s' * length}1\n"
            assert list(map(_utf8, _redacted(text))) == _stored(text)

    def test_of_very_many_names_as_many_are_judged_as_by_the_collector(self) -> None:
        text = "token=/tmp/x\n" * 50_000 + "a=1 token=/tmp/x y\nb=2\n"
        sent = _redacted(text)
        assert list(map(_utf8, sent)) == _stored(text)
        assert sent[0].endswith("/tmp/x\na=1 [redacted]\nb=2\n")

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
    def test_whatever_ends_a_line_stays(self, end: str) -> None:
        assert _redacted(f"A=1{end}X_TOKEN=fake fake{end}B=2{end}") == [f"A=1{end}X_TOKEN=[redacted]{end}B=2{end}"]

    def test_what_is_no_valid_unicode_stays(self) -> None:
        text = "\ud800\udc00 é\udcff TOKEN="
        assert _redacted(text + "fakefake1\udcff x\n") == [text + "[redacted] x\n"]


class TestPrivateKeys:
    BEGIN, BODY, END = "-----BEGIN PRIVATE KEY-----\n", "MIIEfakefake\n", "-----END PRIVATE KEY-----\n"

    def test_line_by_line(self) -> None:
        sent = _redacted(self.BEGIN, self.BODY, self.BODY, self.END, "word\n")
        assert sent == [self.BEGIN, "[redacted]\n", "[redacted]\n", self.END, "word\n"]

    def test_ends_at_a_line_that_can_be_none_of_it(self) -> None:
        text = "killed by signal 9\nword\n"
        assert _redacted(self.BEGIN, self.BODY + text, "word\n") == [self.BEGIN, "[redacted]\n" + text, "word\n"]

    def test_ends_after_200_lines(self) -> None:
        sent = _redacted(self.BEGIN, *["word\n"] * 203)
        assert sent == [self.BEGIN, *["[redacted]\n"] * 200, *["word\n"] * 3]

    def test_one_behind_the_other(self) -> None:
        key, marked = self.BEGIN + self.BODY + self.END, self.BEGIN + "[redacted]\n" + self.END
        assert _redacted(key * 3 + "word\n") == [marked * 3 + "word\n"]
        assert _redacted(self.BEGIN + self.BODY + "no key any more\n" + key) == [
            self.BEGIN + "[redacted]\nno key any more\n" + marked
        ]


class TestCuts:
    """A secret in two pieces: most of it stays here, and nothing of it comes through the collector behind."""

    @pytest.mark.parametrize("case", TAKEN)
    def test_no_secret_gets_out_whole(self, case: str) -> None:
        text = plain(case)
        for place in range(len(text)):
            sent = "".join(_redacted(text[:place], text[place:]))
            for secret in secrets_of(case):
                assert secret not in sent, (text[:place], text[place:])

    @pytest.mark.parametrize("case", TAKEN)
    def test_the_collector_finds_the_beginning(self, case: str) -> None:
        text = plain(case)
        for place in range(len(text)):
            stored = b"".join(_stored(*_redacted(text[:place], text[place:])))
            for secret in map(_utf8, secrets_of(case)):
                for begin in range(len(secret) - _KNOWN_TO_THE_COLLECTOR):
                    known = secret[begin : begin + _KNOWN_TO_THE_COLLECTOR + 1]
                    assert known not in stored, (text[:place], text[place:])

    @pytest.mark.parametrize("case", TAKEN)
    def test_character_by_character(self, case: str) -> None:
        sent = "".join(_redacted(*plain(case)))
        assert not any(secret in sent for secret in secrets_of(case))

    @pytest.mark.parametrize("quote", ["'", '"'])
    def test_between_a_backslash_and_what_it_quotes(self, quote: str) -> None:
        begin, end = f"password={quote}fake\\", f"{quote}fakefake{quote} x\n"
        assert _redacted(begin, end) == [f"password={quote}[redacted]", f"{quote} x\n"]
        pieces = [begin, "", f"{quote}fake\\", end]
        assert _redacted(*pieces) == [f"password={quote}[redacted]", "", "", f"{quote} x\n"]

    def test_a_long_secret_in_many_pieces(self) -> None:
        assert _redacted("DB_PASSWORD=fakefake", *["fake fake"] * 50, "fake\nA=1\n") == [
            "DB_PASSWORD=[redacted]",
            *[""] * 50,
            "\nA=1\n",
        ]


# What a pattern could choke on, or take for something else.
_ODD = [
    "A", "=", "eyJ", "eyJhbGc", ".eyJ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n",
    "-----END", "://user:", "@", "token=", "token: ", "TOKEN=$", "token=a,", "TOKEN=/", "PASSWORD=", 'PASSWORD="', '"',
    "'", "\\", "\\n", "\n", "\r", "\0", " ", "\ud800", "\xff", "K", "Bearer ", "bearer+", "Authorization: ",
    "MDAx00xvY2F0aW9u", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE=" + "A" * 40 + ".", "?sig=", "ghp_", "xoxb-a",
    "[redacted]", "/", "{", ",", "--secret ", "'--token', '", "2026-06-10T11:02:02.823512Z INFO [X] ", "fakefake123",
    "abc", "12", "none", "$X", "[", "(", "api_", "key", "pass", "%3D", "basic ", "/tmp/x", "export ",
]  # fmt: skip
_TEXT = st.lists(
    st.sampled_from(_ODD) | st.sampled_from(CASES).map(plain) | st.sampled_from(HARMLESS) | st.text(max_size=5),
    max_size=8,
).map("".join)
_PLACES = st.lists(st.integers(0, 500), max_size=3)


class TestWhateverTheText:
    @given(_TEXT, _PLACES)
    @settings(max_examples=400)
    def test_what_the_collector_leaves_alone_stays(self, text: str, places: list[int]) -> None:
        pieces = _cut(text, places)
        sent = _redacted(*pieces)
        if _stored(*pieces) == [_utf8(piece) for piece in pieces]:
            assert sent == pieces

    @given(_TEXT.filter(lambda text: "PRIVATE KEY" not in text))  # of a key without an end, the mark is a line
    @settings(max_examples=200)
    def test_the_second_time_changes_nothing(self, text: str) -> None:
        sent = _redacted(text + "\n")
        assert _redacted(*sent) == sent

    @given(st.sampled_from(TAKEN), st.lists(st.sampled_from(HARMLESS + AMBIGUOUS), max_size=2), st.booleans())
    @settings(max_examples=200)
    def test_what_stands_before_it_hides_no_secret(self, case: str, before: list[str], together: bool) -> None:
        pieces = [*before, plain(case)]
        sent = _redacted("".join(pieces)) if together else _redacted(*pieces)
        assert "".join(sent).endswith(marked(case))


class TestHostileText:
    """A job may print anything. Text twice as long may take twice as long, and no more."""

    @pytest.mark.parametrize("odd", _ODD)
    def test_takes_no_longer_than_its_length(self, odd: str) -> None:
        # What is quadratic takes 3 to 20 s for these.
        many = odd * (100_000 // len(odd))
        assert _seconds(many + "\n") < 1.5
        assert _seconds("-----BEGIN PRIVATE KEY-----\n! " + many + "!\n") < 1.5
        assert _seconds(*(many[place : place + 1000] for place in range(0, len(many), 1000))) < 1.5

    @pytest.mark.parametrize("odd", ["A", "=", "token=a,", "TOKEN=$", "\0TOKEN=/", "?sig=", "://user:"])
    def test_a_line_of_a_megabyte(self, odd: str) -> None:
        assert _seconds(odd * (1_000_000 // len(odd)) + "\n") < 3


def _seconds(*pieces: Any) -> float:
    redactor = redaction().Redactor()
    begun = time.thread_time()
    for piece in pieces:
        redactor.redact(piece)
    return time.thread_time() - begun
