# SPDX-License-Identifier: GPL-3.0-only
"""What our own senders send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.ingest.append_protocol import parse_batch
from PilotLoggingDIRAC.model import Append, Final, LogKey

STAMP = "0" * 32
LEAST: dict[str, Any] = {"stamp": STAMP, "session": "host:1", "seq": 1}
LIMIT = 100


def read(**fields: Any) -> Append:
    return parse_batch("alpha", LEAST | fields, LIMIT)


def test_the_least_that_a_batch_needs() -> None:
    assert read() == Append(LogKey("alpha", STAMP), session="host:1", seq=1)


def test_all_that_a_batch_may_have() -> None:
    context = {
        "site": "LCG.CERN.ch",
        "ce": "ce1.cern.ch",
        "queue": "long",
        "host": "node7",
        "pilotReference": "https://ce1/123",
        "pilotVersion": "v3",
    }
    assert read(vo="alpha", text="é\n", seq=0, context=context, final={"retCode": "3"}) == Append(
        LogKey("alpha", STAMP),
        "é\n".encode(),
        session="host:1",
        seq=0,
        context={
            "Site": "LCG.CERN.ch",
            "CE": "ce1.cern.ch",
            "Queue": "long",
            "Host": "node7",
            "PilotReference": "https://ce1/123",
            "PilotVersion": "v3",
        },
        final=Final(3),
    )


@pytest.mark.parametrize("document", [None, [], "text", 5, True])
def test_a_batch_is_an_object(document: Any) -> None:
    with pytest.raises(Rejected, match=r"^The batch is not an object with stamp, session, seq and text\.$"):
        parse_batch("alpha", document, LIMIT)


@pytest.mark.parametrize("missing", list(LEAST))
def test_what_a_batch_needs_must_be_there(missing: str) -> None:
    with pytest.raises(Rejected, match=f"(?i){'Pilot UUID' if missing == 'stamp' else missing}.* is "):
        parse_batch("alpha", {name: value for name, value in LEAST.items() if name != missing}, LIMIT)


@pytest.mark.parametrize("name", ["txet", "", "\x1b[31m", "\ud800", "x" * 10_000])
def test_an_unknown_field_is_rejected_by_its_name(name: str) -> None:
    with pytest.raises(Rejected, match=r"^The batch has a field '[ -~]{0,80} that is not known\.$"):
        read(**{name: "a"})


@pytest.mark.parametrize("seq", [-1, 1.0, "1", True, None, [1], 2**53 + 1, float("nan")])
def test_a_number_is_a_whole_one(seq: Any) -> None:
    with pytest.raises(Rejected, match=r"^The batch's seq is not a whole number of 0 or more\.$"):
        read(seq=seq)


@pytest.mark.parametrize("seq", [0, 1, 2**53])
def test_a_number_is_accepted(seq: int) -> None:
    assert read(seq=seq).seq == seq


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"stamp": "../"}, "Pilot UUID is invalid"),
        ({"session": "a b"}, "session is invalid"),
        ({"session": None}, "session is invalid"),
        ({"text": None}, "The batch's text is not a string."),
        ({"text": ["a"]}, "The batch's text is not a string."),
        ({"text": "x" * (LIMIT + 1)}, "The message has 101 bytes"),
        ({"final": "0"}, "The batch's final is not an object"),
        ({"final": False}, "The batch's final is not an object"),
        ({"context": "CERN"}, "The batch's context is not an object"),
        ({"context": {"site": 5}}, "The context's site is not a string."),
        ({"context": {"pilotReference": ["a"]}}, "The context's pilotReference is not a string."),
    ],
)
def test_a_bad_field_is_rejected_by_its_name(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Rejected) as refusal:
        read(**fields)
    assert str(refusal.value).startswith(sentence)


def test_an_empty_goodbye_is_one() -> None:
    assert read(final={}).final == Final(0)
    assert read(final=None).final is None


def test_a_context_that_says_nothing_overwrites_nothing() -> None:
    assert read(context={"site": "", "ce": None, "tomorrow": {"a": 1}}).context == {}
    assert read(context=None).context == {}


def test_a_context_fits_its_column_and_can_be_shown() -> None:
    context = read(context={"site": "x" * 1000, "host": "a\0b\x1b[31m\ud800\nc\u202eé😀"}).context
    assert context == {"Site": "x" * 255, "Host": "a?b?[31m??c?é😀"}


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.one_of(st.sampled_from(["stamp", "vo", "session", "seq", "text", "context", "final"]), st.text()),
        st.recursive(
            st.one_of(
                st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["0" * 32, "s"])
            ),
            lambda children: st.one_of(st.lists(children), st.dictionaries(st.text(), children)),
            max_leaves=5,
        ),
    )
)
def test_whatever_comes_is_taken_or_rejected(document: dict[str, Any]) -> None:
    for each in (document, LEAST | document):
        try:
            assert isinstance(parse_batch("alpha", each, LIMIT), Append)
        except Rejected as refusal:
            assert str(refusal)
