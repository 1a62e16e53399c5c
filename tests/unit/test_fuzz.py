# SPDX-License-Identifier: GPL-3.0-only
"""Whatever comes from outside is taken or refused in one sentence; nothing else happens."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.store import Store, list_logs

from PilotLoggingDIRAC import bounded_json
from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.https.call_form import CallForm
from PilotLoggingDIRAC.https.urlencoded import unquote, unquote_in_pieces
from PilotLoggingDIRAC.ingest import append_protocol, stock_protocol
from PilotLoggingDIRAC.lines.parser import LineParser
from PilotLoggingDIRAC.model import Append
from PilotLoggingDIRAC.names import check_session, check_stamp, check_vo
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.search import SearchCursor
from PilotLoggingDIRAC.store import logs

STAMP = "0" * 32
TEXT = st.text(st.characters(codec=None))


def _json(whole_numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | whole_numbers | st.floats() | TEXT
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)


JSON = _json(st.integers())
JSON_OF_64_BITS = _json(st.integers(-(2**63), 2**64 - 1))

FIELDS = ("method", "args", "extraCredentials")

GOOD_BATCH: dict[str, Any] = {
    "stamp": STAMP,
    "vo": "alpha",
    "session": "s",
    "seq": 1,
    "text": "line\n",
    "context": {"site": "LCG.CERN.ch"},
    "final": {"retCode": "0"},
}


def taken(call: Any) -> Any:
    """What a call gives, or None where it refuses in a sentence that can be logged."""
    try:
        return call()
    except Rejected as refusal:
        assert 0 < len(str(refusal)) < 2000
        assert str(refusal).isprintable()
        return None


@given(JSON)
def test_any_batch(document: Any) -> None:
    append = taken(lambda: append_protocol.parse_batch("alpha", document, 1000))
    assert append is None or isinstance(append, Append)


@given(st.dictionaries(st.sampled_from([*GOOD_BATCH, "unknown"]), JSON, max_size=3))
def test_a_batch_with_wrong_fields(wrong: dict[str, Any]) -> None:
    append = taken(lambda: append_protocol.parse_batch("alpha", GOOD_BATCH | wrong, 1000))
    if append is not None:
        assert len(append.data) <= 1000
        assert check_stamp(append.key.stamp)
        assert check_session(append.session)
        assert all(len(value) <= 255 and value.isprintable() for value in append.context.values())


@given(JSON | TEXT.map(json.dumps))
def test_any_goodbye(payload: Any) -> None:
    append = taken(lambda: stock_protocol.parse_goodbye("alpha", STAMP, payload))
    assert append is None or append.final is not None
    append = taken(lambda: stock_protocol.parse_goodbye("alpha", STAMP, json.dumps(payload, default=str)))
    assert append is None or append.final is not None


@given(JSON)
def test_any_name(value: Any) -> None:
    for check in (check_stamp, check_vo, check_session):
        name = taken(lambda check=check: check(value))
        assert name is None or (name == value and "/" not in name and len(name) <= 64)


@given(JSON)
def test_any_cursor(value: Any) -> None:
    cursor = taken(lambda: Cursor.parse(value))
    assert cursor is None or min(cursor.chunk, cursor.within, cursor.total) >= 0


@given(st.binary(max_size=200) | st.from_regex(rb"[a&=+%0-9A-Fa-f\r\n]{0,60}", fullmatch=True), st.integers(3, 9))
def test_a_form_is_decoded_as_others_decode_it(value: bytes, piece: int) -> None:
    """Against the standard library's slower way, in one piece and in several."""
    expected = unquote_to_bytes(value.replace(b"+", b" "))
    assert unquote(value) == expected
    try:
        assert unquote_in_pieces(value, piece) == expected
    except ValueError:
        assert re.search(rb"%(?![0-9A-Fa-f]{2})", value)


@given(st.text(max_size=100), st.lists(JSON_OF_64_BITS, max_size=4), st.permutations(list(FIELDS)))
def test_a_call_comes_back_as_it_was(method: str, arguments: list[Any], order: list[str]) -> None:
    fields = {"method": method, "args": json.dumps(arguments), "extraCredentials": '"hosts"'}
    call = CallForm(urlencode([("method", "an earlier one"), *((name, fields[name]) for name in order)]).encode())
    assert call.method == method
    assert call.extra_credentials == '"hosts"'
    assert json.dumps(call.arguments(method, ())) == json.dumps(arguments)


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_a_call_or_rejected(body: bytes) -> None:
    assert isinstance(taken(lambda: CallForm(b"method=" + body).method), str | None)
    assert isinstance(taken(lambda: CallForm(b"args=" + body).arguments("x", ())), list | None)


@pytest.mark.parametrize("blanks", [0, 140_000])
@given(value=JSON_OF_64_BITS)
def test_json_is_read_as_others_read_it(blanks: int, value: Any) -> None:
    """Behind so many blanks its structure is counted before."""
    text = " " * blanks + json.dumps(value)
    assert json.dumps(bounded_json.loads(text)) == json.dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        "[" + "[]," * 2_000_000 + "[]]",
        "[" + "{}," * 2_000_000 + "{}]",
        "[" + '"",' * 2_000_000 + '""]',
        "[" + "0," * 4_000_000 + "0]",
        "{" + ",".join(f'"{number}":0' for number in range(300_000)) + "}",
        "[" * 33 + "]" * 33,
        "[" * 33 + " " * 140_000 + "]" * 33,
        '{"a":' * 1000 + "0" + "}" * 1000,
        "[" * 5_000_000,
        '["' + '\\"' * 2_000_000,
        '["' + "\\\\" * 2_000_000 + "\\",
        '"\\",' * 1_000_000,
        "[" + "9" * 5_000_000 + "]",
        "]" * 5_000_000,
    ],
    ids=lambda text: ascii(text[-12:]),
)
def test_structures_without_measure_are_refused_before_they_are_built(text: str) -> None:
    """Within the memory of a bounded document; that it takes no minutes shows in the tests' time."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r".{10}"):
            bounded_json.loads(text)
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("fields", [b"&" * 10**6, b"a=b&" * 10**6, b"method=ping&" * 17])
def test_more_fields_than_a_call_has_are_refused_before_they_are_read(fields: bytes) -> None:
    with pytest.raises(Rejected, match="16 fields"):
        CallForm(fields)


def test_only_methods_that_take_text_have_large_arguments() -> None:
    large = CallForm(urlencode({"args": json.dumps(["x" * 3 * 2**20])}).encode())
    assert large.arguments("sendMessage", {"sendMessage"})
    with pytest.raises(Rejected, match="listLogs takes arguments of at most"):
        large.arguments("listLogs", {"sendMessage"})


@given(
    JSON | st.dictionaries(st.sampled_from(["text", "regex", "ignoreCase", "levels", "commands", "since", "own"]), JSON)
)
def test_any_query(value: Any) -> None:
    query = taken(lambda: Query.parse(value))
    if query is not None:
        for line in LineParser().feed(b"2026-06-10T11:02:02.9Z ERROR [A] text\r\n\xff\xed\xa0\x80\n"):
            assert query.fits(line) in (True, False)


@given(TEXT | st.from_regex(r"[\[\](){}|\\?*+.^$a-z0-9:<>P-]{1,20}", fullmatch=True))
def test_any_pattern(pattern: str) -> None:
    taken(lambda: Query.parse({"regex": pattern}))


@given(JSON)
def test_any_cursor_of_a_search(value: Any) -> None:
    progress = taken(lambda: SearchCursor.parse(value))
    assert progress is None or str(SearchCursor.parse(str(progress))) == str(progress)


@settings(max_examples=60)
@pytest.mark.parametrize("part", ["selection", "sort"])
@given(data=st.data())
def test_any_selection_of_logs(store: Store, part: str, data: st.DataObject) -> None:
    names = st.sampled_from([*logs.COLUMNS, "Since", "Until", "HasErrors", "Contains", "Silent", "Failed", "unknown"])
    selection, sort = {}, []
    if part == "selection":
        selection = data.draw(st.dictionaries(names, JSON, max_size=3))
    else:
        sort = data.draw(st.lists(JSON | st.tuples(names, st.sampled_from(["ASC", "DESC", "asc"])), max_size=3))
    with store.database.reading() as connection:
        found = taken(lambda: list_logs(connection, selection, sort, 0, 10))
    assert found is None or found == ([], 0)
