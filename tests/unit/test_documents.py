# SPDX-License-Identifier: GPL-3.0-only
"""Documents from the wire: one way to read them, one sentence for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from PilotLoggingDIRAC.documents import Document, Flag, accept_cursor, accept_list, read_argument, read_document
from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.ingest.append_protocol import parse_batch
from PilotLoggingDIRAC.ingest.stock_protocol import parse_goodbye, parse_message
from PilotLoggingDIRAC.read.arguments import check_number
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.search import SearchCursor
from PilotLoggingDIRAC.store.selection import where

STAMP = "0" * 32
NUMBERED = {"stamp": STAMP, "session": "s", "seq": 1}


class Wish(Document):
    """An invented one."""

    subject = "The wish"

    needed: Flag
    other: Flag = None


READERS: list[tuple[Callable[[], Any], str]] = [
    (lambda: read_document(Wish, []), "The wish is not an object."),
    (lambda: read_document(Wish, {}), "The wish's needed is missing."),
    (lambda: read_document(Wish, {"needed": None}), "The wish's needed is neither true nor false."),
    (lambda: read_document(Wish, {"needed": 1, "other": 1}), "The wish's needed is neither true nor false."),
    (lambda: read_document(Wish, {"\ud800": 1}), "The wish has a field '\\ud800' that is not known."),
    (lambda: read_document(Wish, {5: 1}), "The wish has a field 5 that is not known."),
    (lambda: parse_batch("alpha", NUMBERED | {"text": 5}, 9), "The batch's text is not a string."),
    (lambda: parse_message("alpha", STAMP, "5", 9), "The message is neither a string nor a list of strings."),
    (lambda: parse_goodbye("alpha", STAMP, "[]"), 'The payload is not a JSON object such as {"retCode": "0"}.'),
    (lambda: check_number("limit", True, 1, 9), "limit is not a whole number from 1 to 9."),
    (lambda: check_number("start", -1, 0), "start is not a whole number of 0 or more."),
    (lambda: Cursor.parse("1.2"), "The cursor is not one that readLog gave; leave it out to read from the beginning."),
    (
        lambda: SearchCursor.parse("1.2.3"),
        "The cursor is not one that searchLogs gave; leave it out to search from the beginning.",
    ),
    (lambda: Query.parse(5), "The query is neither a text nor an object of conditions."),
    (lambda: Query.parse({"own": 1}), "own is neither true nor false."),
    (lambda: Query.parse({"levels": ["LOUD"]}), "The levels are not a list of DEBUG, INFO, WARN, ERROR."),
    (lambda: where({"HasErrors": None}), "The selection's HasErrors is neither true nor false."),
    (lambda: where({"Since": "noon"}), "The selection's Since is not a time such as 2026-06-10T11:02:02Z."),
    (lambda: where({"Contains": {"Site": []}}), "The selection's Contains has 0 parts for Site; it takes 1 to 20."),
]


@pytest.mark.parametrize(("read", "sentence"), READERS, ids=[sentence for _, sentence in READERS])
def test_what_is_wrong_is_one_sentence(read: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(Rejected) as refusal:
        read()
    assert str(refusal.value) == sentence
    assert refusal.value.reason == "malformed"


def test_of_a_million_unknown_fields_one_is_named() -> None:
    with pytest.raises(Rejected, match=r"^Lines cannot be found by '0'; by these they can: text, ") as refusal:
        Query.parse({str(number): number for number in range(1_000_000)})
    assert len(str(refusal.value)) < 300


def test_what_was_not_sent_is_told_from_what_was() -> None:
    assert read_document(Wish, {"needed": False}).model_fields_set == {"needed"}


def test_a_cursor_has_as_many_numbers_as_it_was_given() -> None:
    accept = partial(accept_cursor, numbers=2, method="m", doing="go")
    assert [read_argument("The cursor", accept, given) for given in (None, "", "3.07")] == [None, None, (3, 7)]
    for wrong in ("3", "3.7.1", "3.", ".7", "3.-7", "3.7\n", "\u0663.7", "3." + "7" * 19, 3.7, ["3", "7"]):
        with pytest.raises(Rejected, match=r"^The cursor is not one that m gave; "):
            read_argument("The cursor", accept, wrong)


def test_a_list_has_a_limit() -> None:
    assert read_argument("The numbers", partial(accept_list, most=2), [1, 2]) == [1, 2]
    with pytest.raises(Rejected, match=r"^The numbers are too many\.$"):
        read_argument("The numbers", partial(accept_list, form="are too many", most=2), [1, 2, 3])
