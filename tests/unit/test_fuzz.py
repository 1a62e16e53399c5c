# SPDX-License-Identifier: GPL-3.0-only
"""Whatever comes from outside is taken or refused in one sentence; nothing else happens."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.store import Store

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.https.urlencoded import parse_fields
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
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)

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


@given(st.binary(max_size=200) | st.from_regex(rb"[a&=+%0-9A-Fa-f\r\n]{0,60}", fullmatch=True))
def test_a_form_is_read_as_others_read_it(body: bytes) -> None:
    """Against the standard library's slower way; of repeated fields the last one counts in both."""
    expected: dict[bytes, bytes] = {}
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        expected[unquote_to_bytes(name.replace(b"+", b" "))] = unquote_to_bytes(value.replace(b"+", b" "))
    assert parse_fields(body) == expected


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=4))
def test_a_form_comes_back_as_it_was(fields: dict[str, str]) -> None:
    from urllib.parse import urlencode

    body = urlencode(fields)
    assert {name.decode(): value.decode() for name, value in parse_fields(body.encode()).items() if name} == dict(
        parse_qsl(body)
    )


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
        found = taken(lambda: logs.list_logs(connection, selection, sort, 0, 10))
    assert found is None or found == ([], 0)
