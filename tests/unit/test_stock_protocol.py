# SPDX-License-Identifier: GPL-3.0-only
"""What unmodified pilots send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.ingest import stock_protocol
from PilotLoggingDIRAC.model import Append, Final, LogKey
from PilotLoggingDIRAC.text import decode

STAMP = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
KEY = LogKey("alpha", STAMP)
LIMIT = 1000


def message(content: Any) -> Append:
    return stock_protocol.parse_message("alpha", STAMP, content, LIMIT)


def test_a_string() -> None:
    assert message('"line1\\nline2\\n"') == Append(KEY, b"line1\nline2\n")


def test_a_list_is_a_line_each() -> None:
    """As DIRAC's FileCacheLoggingPlugin writes it."""
    assert message('["line1", "line2"]') == Append(KEY, b"line1\nline2\n")


@pytest.mark.parametrize("content", ['""', "[]"])
def test_an_empty_message_is_one(content: str) -> None:
    assert message(content) == Append(KEY)


@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_arrives_as_it_was(text: str) -> None:
    assert decode(message(json.dumps(text)).data) == text
    assert decode(message(json.dumps(text, ensure_ascii=False)).data) == text


@pytest.mark.parametrize(
    "content",
    ["5", "null", "true", "NaN", '{"a": "b"}', '["a", 5]', '["a", ["b"]]', "[null]"],
)
def test_json_of_another_type_is_rejected(content: str) -> None:
    with pytest.raises(Rejected, match=r"^The message is neither a string nor a list of strings\.$"):
        message(content)


@pytest.mark.parametrize("content", ["", "line1", "{", '"a', "\0", "\x1b[31m", "\ud800", "[" * 100_000, "1" * 5000])
def test_what_is_not_json_is_rejected(content: str) -> None:
    with pytest.raises(Rejected, match=r"^The message is not a JSON document: "):
        message(content)


@pytest.mark.parametrize("content", [None, 5, ["line"], {"a": 1}, b'"a"'])
def test_what_is_not_a_string_is_rejected(content: Any) -> None:
    with pytest.raises(Rejected, match=r"^The message is not a string with a JSON document in it\.$"):
        message(content)


def test_a_message_has_a_limit() -> None:
    assert len(message(json.dumps("x" * LIMIT)).data) == LIMIT
    with pytest.raises(Rejected, match="the limit"):
        message(json.dumps("x" * (LIMIT + 1)))
    with pytest.raises(Rejected, match="the limit"):
        message(json.dumps(["x"] * LIMIT))


@pytest.mark.parametrize("stamp", ["", "../x", "A" * 32, None, 5])
def test_another_stamp_is_rejected(stamp: Any) -> None:
    with pytest.raises(Rejected, match=r"^Pilot UUID is invalid"):
        stock_protocol.parse_message("alpha", stamp, '"a"', LIMIT)
    with pytest.raises(Rejected, match=r"^Pilot UUID is invalid"):
        stock_protocol.parse_goodbye("alpha", stamp, "{}")


@pytest.mark.parametrize(
    ("payload", "exit_code"),
    [
        ('{"retCode": "0"}', 0),
        ('{"retCode": 1}', 1),
        ('{"retCode": "-15"}', -15),
        ("{}", 0),
        ('{"retCode": "0", "more": []}', 0),
        ('{"retCode": null}', None),
        ('{"retCode": "None"}', None),
        ('{"retCode": []}', None),
        ('{"retCode": 1e400}', None),
        ('{"retCode": NaN}', None),
        ('{"retCode": 2147483647}', 2147483647),
        ('{"retCode": 2147483648}', None),
        ('{"retCode": "99999999999999999999"}', None),
    ],
)
def test_a_goodbye_and_its_exit_code(payload: str, exit_code: int | None) -> None:
    assert stock_protocol.parse_goodbye("alpha", STAMP, payload) == Append(KEY, final=Final(exit_code))


@pytest.mark.parametrize("payload", ["[]", "0", '"0"', "null"])
def test_a_goodbye_of_another_type_is_rejected(payload: str) -> None:
    with pytest.raises(Rejected, match=r"^The payload is not a JSON object such as \{\"retCode\": \"0\"\}\.$"):
        stock_protocol.parse_goodbye("alpha", STAMP, payload)


def test_a_goodbye_that_is_not_json_is_rejected() -> None:
    with pytest.raises(Rejected, match=r"^The payload is not a JSON document: "):
        stock_protocol.parse_goodbye("alpha", STAMP, "retCode=0")
    with pytest.raises(Rejected, match=r"^The payload is not a string"):
        stock_protocol.parse_goodbye("alpha", STAMP, {"retCode": "0"})


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda children: st.one_of(st.lists(children), st.dictionaries(st.text(), children)),
    max_leaves=5,
)


@given(st.one_of(_JSON, _JSON.map(json.dumps), st.dictionaries(st.just("retCode"), _JSON).map(json.dumps), st.text()))
def test_whatever_comes_is_taken_or_rejected(content: Any) -> None:
    for read in (message, lambda payload: stock_protocol.parse_goodbye("alpha", STAMP, payload)):
        try:
            assert isinstance(read(content), Append)
        except Rejected as refusal:
            assert str(refusal)
