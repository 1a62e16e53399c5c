# SPDX-License-Identifier: GPL-3.0-only
"""Logs that are passed over without a look into their lines: only such as have none that fits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import update
from support.archives import Archives
from support.store import KEY, Store

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.lines.parser import LineParser
from PilotLoggingDIRAC.model import LogKey, Rules
from PilotLoggingDIRAC.read import parts, screening
from PilotLoggingDIRAC.read.look_time import LookTime
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.read.screening import Screening
from PilotLoggingDIRAC.read.search import Search
from PilotLoggingDIRAC.store.schema import chunks

QUERIES: tuple[Any, ...] = (
    *("failed to", "f", "ab", "00", "200B", "AD", "é", "⟨", "␍", "\x1b[", "d\r", "\t"),
    *({"text": text, "ignoreCase": True} for text in ("FAILED To", "ad", "É")),
    *({"regex": regex} for regex in ("^f.*d$", "d$", "^$", r"(?i)FAIL\w+ to", r"\Aab\z", "(?-m)^ab", "[^f]b$", r"␍$")),
    {"text": "ab", "regex": "^failed"},
    {"text": "f", "levels": ["ERROR"]},
)
SNIPPETS = (
    *("failed", " to", "fai", "led", "a", "b", "ab", "AD", "00", "é", "\n", "\r\n", "\r", "\t", "\0", "\u200b", "\xad"),
    *("\x1b[31m", "\x1b[", "0m", "\x1b]8;;x\x07", "\x1b", "\ud800", "2026-06-10T11:02:02.823512Z ERROR [A] "),
)
PIECES = st.lists(
    st.one_of(
        st.lists(st.sampled_from(SNIPPETS), max_size=6).map(
            lambda some: "".join(some).encode("utf-8", "surrogatepass")
        ),
        st.sampled_from([b"\xc3", b"\xa9", b"\x9b", b"\xff", b"\xe2\x80"]),  # characters that were cut
    ),
    max_size=5,
)
ASKED = [(query, Query.parse(query)) for query in QUERIES]


@given(PIECES)
@example([b"failed\x1b[0", b"m to"])
@example([b"failed", b" ", b"", b"to"])
@example([b"fa\r", b"\nd\r"])
def test_no_log_with_a_line_that_fits_is_passed_over(pieces: Sequence[bytes]) -> None:
    parser = LineParser()
    lines = [*parser.feed(b"".join(pieces)), *parser.finish()]
    for query, asked in ASKED:
        if asked.may_be_in_log is not None and any(map(asked.fits, lines)):
            assert asked.may_be_in_log(pieces, LookTime(60.0)), query


@pytest.mark.parametrize("query", ["failed to", {"text": "FAILED to", "ignoreCase": True}, {"regex": "(?:fail.*) to$"}])
@pytest.mark.parametrize("other", ["faile", "\x1b[31mfai\x1b[0m\r\n", "50 %\r51 %\u200b\0"])
def test_others_are_passed_over(query: Any, other: str) -> None:
    asked = Query.parse(query)
    pieces = [b"failed\n to\n", *itertools.repeat(f"{other}\n".encode(), 9)]
    assert asked.may_be_in_log is not None
    assert not asked.may_be_in_log(pieces, LookTime(60.0))


@pytest.mark.parametrize("regex", ["needle", "^a.*needle$"])
def test_a_match_is_found_however_the_text_is_parted(regex: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A match of 3 kB, in a line anywhere between parts of 4 kB; what is longer than a part is not passed over."""
    monkeypatch.setattr(parts, "LARGEST_PART", 4096)
    asked = Query.parse({"regex": regex})
    assert asked.may_be_in_log is not None
    for before in range(0, 9000, 500):
        line = b"a" + b"x" * 3000 + b"needle\n"
        assert asked.may_be_in_log([b"hay\n" * (before // 4), line, b"hay\n" * 2000], LookTime(60.0))
    assert not asked.may_be_in_log([b"hay\n" * 5000], LookTime(60.0))
    assert asked.may_be_in_log([b"x" * 9000], LookTime(60.0))


@pytest.fixture
def reader(archives: Archives) -> Reader:
    return archives.reader


def search(reader: Reader, query: Any = "needle", seconds: float = 60.0, **more: Any) -> dict[str, list[int]]:
    """All that is found, in as many calls as it takes: stamps and the numbers of lines."""
    found: dict[str, list[int]] = {}
    progress, done = None, False
    while not done:
        one = Search(reader, Query.parse(query), 1000, seconds, **more)
        progress, done = one.run({}, None, progress)
        for hit in one.hits:
            found.setdefault(hit.row["Stamp"], []).extend(shown.line.number for shown in hit.lines)
    return found


def test_the_same_is_found_with_and_without(
    reader: Reader, store: Store, archives: Archives, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In logs of all kinds: with late messages, split texts, colours, shortened, large, away."""
    archives.add()
    monkeypatch.setattr(screening, "_MOST_BYTES", 10_000)
    keys = [store.new_key() for _ in range(8)]
    for seq, text in ((1, "raw\nnee"), (3, "hay\n"), (2, "dle\n")):
        store.send_numbered(seq, text, keys[0])
    store.send("n\x1b[1mee\x1b[0mdle\n", keys[1])
    store.send_numbered(1, "hay\n", keys[2])
    for part in range(6):
        store.send_numbered(part + 1, "hay" * 1000 + "\n" + "needle\n" * (part == 4), keys[3])
    for key in keys[4:6]:
        store.send("needle\n", key)
    store.finalise(keys[5])
    archives.deliver(store.record(keys[5]).log_id)
    assert store.expire(keys[5])
    short = Rules(max_log_size=600)
    for seq in range(1, 20):
        store.send_numbered(seq, f"{seq}\n" + "needle\n" * (seq in (1, 10)) + "x" * 100 + "\n", keys[6], rules=short)
    ignoring = {"text": "NEEDLE", "ignoreCase": True}
    for query in ("needle", ignoring, {"regex": "^needle$"}, {"regex": r"^\d$"}, "left out here", "nothing"):
        with monkeypatch.context() as patch:
            patch.setattr(Screening, "excludes", lambda *_: False)
            expected = search(reader, query)
        assert search(reader, query) == expected
        assert search(reader, query, seconds=-1.0) == expected
        assert search(reader, query, most_bytes=10) == expected
    assert list(search(reader)) == [keys[number].stamp for number in (6, 4, 3, 1, 0)]


def test_only_logs_that_may_have_it_are_opened(reader: Reader, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [store.new_key() for _ in range(30)]
    for number, key in enumerate(keys):
        store.send("hay\n" * 100 + "needle\n" * (number == 17), key)
    opened: list[LogKey] = []
    open_log = Reader.opened_in_database
    monkeypatch.setattr(Reader, "opened_in_database", lambda self, key: (opened.append(key), open_log(self, key))[1])
    assert search(reader) == {keys[17].stamp: [101]}
    assert opened == [keys[17]]


def test_a_damaged_log_is_not_passed_over(reader: Reader, store: Store) -> None:
    store.send("hay\n")
    with store.database.writing() as connection:
        connection.execute(update(chunks).values(Data=b"no frame"))
    with pytest.raises(Unavailable, match="damaged"):
        search(reader)


def test_an_expression_that_is_slow_is_left_to_the_look_into_lines(reader: Reader, store: Store) -> None:
    """The clock goes on by so much at each look that nothing is screened in time."""
    store.send("hay\nneedle\n")
    ticks = itertools.count()
    assert search(reader, {"regex": "needle"}, 1e6, clock=lambda: next(ticks) * 5.0) == {KEY.stamp: [2]}
