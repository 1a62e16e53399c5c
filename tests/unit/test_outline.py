# SPDX-License-Identifier: GPL-3.0-only
"""A log from afar, its lines by number, and what is found in it: against the plain way of reading all of it."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import NotFound
from PilotLoggingDIRAC.lines.header import Level
from PilotLoggingDIRAC.lines.parser import Line, LineParser
from PilotLoggingDIRAC.model import LogKey, Rules
from PilotLoggingDIRAC.read import find, outline, sliced_parsing
from PilotLoggingDIRAC.read.find import Found, find_lines
from PilotLoggingDIRAC.read.line_window import ShownLine, read_lines
from PilotLoggingDIRAC.read.log_text import LogText
from PilotLoggingDIRAC.read.outline import Outline, OutlineBuilder
from PilotLoggingDIRAC.read.outline_cache import OutlineCache
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.store import chunks

STAMP = "2026-06-10T11:02:02.823512Z"
SECONDS = 600.0


def message(level: str, said: str, command: str = "Install", second: int = 2) -> str:
    return f"2026-06-10T11:02:{second:02d}.000000Z {level} [{command}] {said}\n"


def lines_of(text: bytes) -> list[Line]:
    parser = LineParser()
    return parser.feed(text) + parser.finish()


def outline_of(text: bytes, cuts: list[int] | None = None, block_lines: int = 500) -> Outline:
    builder = OutlineBuilder(block_lines)
    for begin, end in zip([0, *sorted(cuts or [])], [*sorted(cuts or []), len(text)], strict=True):
        builder.feed(text[begin:end])
    return builder.outline("1", "1")


@contextmanager
def log_text(text: bytes) -> Iterator[LogText]:
    """A text that is in the archive only."""
    nowhere: Any = None
    with LogText(nowhere, None, chunks.Index((), ()), io.BytesIO(text)) as opened:
        yield opened


PARTS = [message(level, "x") for level in ("DEBUG", "INFO", "WARN", "ERROR")]
BITS = st.lists(
    st.sampled_from([part.encode() for part in PARTS])
    | st.binary(max_size=10)
    | st.sampled_from(
        [b"\n", b"raw\n", b"y" * 700, f"{STAMP} ERROR [B] {'long' * 400}\n".encode(), b"needle\n", b"\r\n"]
    ),
    max_size=30,
).map(b"".join)
CUTS = st.lists(st.integers(0, 3000), max_size=6)


@given(BITS, CUTS, st.integers(1, 4))
def test_an_outline_says_what_reading_all_of_it_says(text: bytes, cuts: list[int], block_lines: int) -> None:
    cuts = [min(cut, len(text)) for cut in cuts]
    found, lines = outline_of(text, cuts, block_lines), lines_of(text)
    assert found.lines == len(lines)
    assert found.size == len(text)
    assert found.ended == (not text or text.endswith(b"\n"))
    for level, numbers in ((Level.WARN, found.warnings), (Level.ERROR, found.errors)):
        expected = tuple(line.number for line in lines if line.header and line.header.level == level)
        assert (numbers.total, numbers.first) == (len(expected), expected)
    assert dict(found.commands) == Counter(line.command for line in lines if line.own)
    starts = [block.line for block in found.blocks] + [len(lines) + 1]
    for place, block in enumerate(found.blocks):
        of_block = lines[block.line - 1 : starts[place + 1] - 1]
        assert 1 <= len(of_block) <= block_lines
        before = lines[block.line - 2] if block.line > 1 else None
        assert block.message == (before.message if before else None)
        assert block.offset == sum(len(line.data) for line in lines[: block.line - 1])
        levels = Counter(line.header.level if line.header else "raw" for line in of_block)
        assert block.counts == [*(levels[level] for level in Level), levels["raw"]]
    assert outline_of(text, cuts, block_lines) == outline_of(text, [], block_lines)


@settings(max_examples=50)
@given(BITS, st.integers(1, 4), st.sets(st.integers(-3, 40), max_size=10))
def test_lines_by_their_numbers(text: bytes, block_lines: int, numbers: set[int]) -> None:
    """With tiny limits: a line is cut at 16 bytes... of what LineParser makes of so few, 1 kB."""
    whole = {line.number: line for line in lines_of(text)}
    with log_text(text) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sliced_parsing, "SLICE", 100)
        outlined = outline_of(text, [], block_lines)
        shown, more = read_lines(opened, outlined, sorted(numbers), 10**6, 10**9, SECONDS, longest=1024)
    assert not more
    assert [each.line.number for each in shown] == sorted(numbers & set(whole))
    for each in shown:
        line = whole[each.line.number]
        assert line.data.startswith(each.line.data)
        assert each.size == len(line.data)
        assert each.cut == (len(line.data) > 1024)
        assert (each.line.message, each.line.own) == (line.message, line.own)


QUERIES: dict[str, tuple[dict[str, Any], Callable[[Line], bool]]] = {
    "text": ({"text": "eedl"}, lambda line: b"eedl" in line.data),
    "case": ({"text": "NEEDLE", "ignoreCase": True}, lambda line: b"needle" in line.data.lower()),
    "regex": ({"regex": "^n.*e$"}, lambda line: bool(re.search(r"^n.*e$", line.text))),
    "anchors": ({"regex": r"\An.*\z"}, lambda line: line.text.startswith("n")),
    "levels": ({"levels": ["ERROR", "WARN"]}, lambda line: line.level in (Level.ERROR, Level.WARN)),
    "own": ({"levels": ["ERROR"], "own": True}, lambda line: line.own and line.level == Level.ERROR),
    "command": ({"commands": ["B"]}, lambda line: line.command == "B"),
    "no command": ({"commands": [""]}, lambda line: line.message is not None and line.command == ""),
    "since": ({"since": "2026-06-10T11:02:02.5Z"}, lambda line: line.command == "B"),
    "until": ({"until": "2026-06-10T13:02:02.5+02:00"}, lambda line: line.message is not None and line.command != "B"),
    "both": (
        {"text": "needle", "regex": "^n", "levels": ["INFO"]},
        lambda line: line.data == b"needle\n" and line.level == Level.INFO,
    ),
    "all": ({}, lambda line: True),
}


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=25)
@given(text=BITS, first=st.integers(1, 20), block_lines=st.integers(1, 4))
def test_what_is_found_is_what_looking_at_each_line_finds(name: str, text: bytes, first: int, block_lines: int) -> None:
    document, fits = QUERIES[name]
    expected = [line.number for line in lines_of(text) if line.number >= first and fits(line)]
    query, outlined = Query.parse(document), outline_of(text, [], block_lines)
    with log_text(text) as opened:
        found = find_lines(opened, outlined, query, first, 3, SECONDS)
        assert found == Found(expected[:3], len(expected), None)
        # In as small steps as there are.
        numbers, place = [], first
        while place is not None:
            found = find_lines(opened, outlined, query, place, 100, -1.0)
            numbers += found.numbers
            place = found.next
    assert numbers == expected


def test_a_huge_line_is_looked_at_in_pieces_and_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "PIECE", 2000)
    text = b"first\n" + b"needle " * 3000 + b"\nlast needle\n"
    with log_text(text) as opened:
        found = find_lines(opened, outline_of(text), Query.parse("needle"), 1, 10, SECONDS)
    assert found == Found([2, 3], 2, None)


def test_blocks_become_larger_where_there_are_very_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "MOST_BLOCKS", 20)
    text = "".join(
        message("ERROR" if number % 7 == 0 else "INFO", str(number), second=number % 60) for number in range(3000)
    )
    data = text.encode()
    large, small = outline_of(data, block_lines=2), outline_of(data, block_lines=3000)
    assert len(large.blocks) <= 21
    counts = [sum(block.counts[level] for block in large.blocks) for level in range(5)]
    assert counts == small.blocks[0].counts
    with log_text(data) as opened:
        numbers = [1, 2, 777, 1500, 2999, 3000, 3001]
        shown, _ = read_lines(opened, large, numbers, 10**6, 10**9, SECONDS)
    assert [each.line.said for each in shown] == [str(number - 1) for number in numbers[:-1]]


@pytest.mark.parametrize(
    "unit",
    [b"\n", b"x", message("WARN", "").encode(), b"[... 5 bytes left out here: the log had grown past its limit\n"],
)
def test_the_outline_of_a_hostile_log_is_small(unit: bytes) -> None:
    builder = OutlineBuilder()
    text = unit * (3_000_000 // len(unit))
    for place in range(0, len(text), 2**16):
        builder.feed(text[place : place + 2**16])
    found = builder.outline("1", "1")
    assert builder.weight < 4 * outline.MOST_BLOCKS
    assert len(found.blocks) <= outline.MOST_BLOCKS + 20
    assert len(found.warnings.first) <= outline.MOST_NUMBERS
    assert len(found.marks) <= outline.MOST_NUMBERS
    assert found.lines == text.count(b"\n") or unit == b"x"


def test_a_reply_is_bounded() -> None:
    text = b"0123456789\n" * 1000
    with log_text(text) as opened:
        shown, more = read_lines(opened, outline_of(text), range(1, 1001), 10**6, 110, SECONDS)
        assert ([each.line.number for each in shown], more) == ([*range(1, 11)], True)
        shown, more = read_lines(opened, outline_of(text), range(1, 1001), 10**6, 5, SECONDS)
        assert (len(shown), more) == (1, True)
        shown, more = read_lines(opened, outline_of(text), range(1, 1001), 10**6, 10**9, -1.0)
        assert (len(shown), more) == (500, True)


# With the database


@pytest.fixture
def reader(archives: Archives) -> Reader:
    return archives.reader  # type: ignore[no-any-return]


def seen(outlines: OutlineCache, key: LogKey) -> Outline:
    """The outline of a log; it fits the text line by line."""

    def look(text: LogText, found: Outline) -> Outline:
        whole = text.read(0, text.size)
        assert find_lines(text, found, Query.parse({}), 1, 10**6, SECONDS).total == len(lines_of(whole))
        shown, _ = read_lines(text, found, range(1, found.lines + 1), 10**6, 10**9, SECONDS)
        assert b"".join(each.line.data for each in shown) == whole
        return found

    found = outlines.look(key, look)
    fresh = OutlineCache(outlines._reader).look(key, lambda _, other: other)
    assert found == fresh
    return found


def test_a_log_that_grows(store: Store, reader: Reader, key: LogKey) -> None:
    outlines = OutlineCache(reader)
    store.send_numbered(1, message("INFO", "one") + "unfin")
    first = seen(outlines, key)
    assert (first.lines, first.ended) == (2, False)
    assert outlines.unchanged(key, first.version) is first
    store.send_numbered(2, "ished\n" + message("ERROR", "two"))
    assert outlines.unchanged(key, first.version) is None
    second = seen(outlines, key)
    assert (second.lines, second.ended, second.errors.first) == (3, True, (3,))
    assert second.edition == first.edition
    assert second.version != first.version
    store.finalise()
    assert seen(outlines, key) is second


def test_gaps_and_a_late_message(store: Store, reader: Reader, key: LogKey) -> None:
    outlines = OutlineCache(reader)
    store.send_numbered(1, "one\n")
    store.send_numbered(3, "three\n")
    store.send_numbered(6, "six, with")
    store.send_numbered(8, "out its middle\n")
    before = seen(outlines, key)
    assert [(mark.line, mark.missing) for mark in before.marks] == [(2, True), (3, True), (4, True)]
    assert before.marks[1].sentence == "Messages 4 to 5 are missing here (session pilot)."
    store.send_numbered(2, "two\n")
    after = seen(outlines, key)
    assert [mark.line for mark in after.marks] == [4, 5]
    assert after.edition != before.edition
    store.send_numbered(9, "nine\n")
    assert seen(outlines, key).edition == after.edition


def test_a_log_whose_middle_is_left_out(store: Store, reader: Reader, key: LogKey) -> None:
    outlines = OutlineCache(reader)
    rules = Rules(max_log_size=1000)
    for number in range(1, 20):
        store.send_numbered(number, message("INFO", str(number)), rules=rules)
    before = seen(outlines, key)
    for number in range(20, 60):
        store.send_numbered(number, message("WARN", str(number)), rules=rules)
    after = seen(outlines, key)
    assert after.edition != before.edition
    (mark,) = after.marks
    assert not mark.missing
    assert re.fullmatch(
        r"[0-9]+ bytes were left out here: the log had grown past its limit \(MaxLogSize\)\.", mark.sentence
    )
    text = store.text()
    assert text.splitlines()[mark.line - 1].startswith("[... ")


def test_a_log_on_its_way_to_the_archive_and_after(
    store: Store, archives: Archives, reader: Reader, key: LogKey
) -> None:
    outlines = OutlineCache(reader)
    archive = archives.add()
    store.send_numbered(1, message("INFO", "one"))
    store.send_numbered(3, message("ERROR", "three"))
    store.finalise()
    before = seen(outlines, key)
    archives.deliver(store.record().log_id)
    assert store.expire()
    after = seen(OutlineCache(reader), key)
    assert seen(outlines, key) is before  # it has not changed
    assert (after.version, after.lines, after.marks, after.errors) == (before.version, 2, before.marks, before.errors)
    store.send_numbered(4, "late\n")
    late = seen(outlines, key)
    assert (late.lines, late.marks) == (3, before.marks)
    archives.deliver(store.record().log_id)
    store.close_silent()
    archives.deliver(store.record().log_id)
    store.make_older(timedelta(days=2))
    assert archive.content() == message("INFO", "one") + message("ERROR", "three") + "late\n"
    assert store.expire()
    assert store.forget() == 1
    forgotten = seen(outlines, key)
    assert (forgotten.lines, forgotten.errors.first) == (3, (2,))
    assert forgotten.version == f"archive.{len(archive.content())}"


def test_text_that_leaves_the_database_under_the_hands(
    store: Store, archives: Archives, reader: Reader, key: LogKey
) -> None:
    archives.add()
    store.send(message("INFO", "x") * 100)
    store.finalise()
    archives.deliver(store.record().log_id)
    outlines, calls = OutlineCache(reader), []

    def look(text: LogText, found: Outline) -> list[ShownLine]:
        if not calls:
            assert store.expire()
        calls.append(found)
        text._buffer = b""
        return read_lines(text, found, [50], 10**6, 10**6, SECONDS)[0]

    (shown,) = outlines.look(key, look)
    assert shown.line.number == 50
    assert len(calls) == 2


def test_an_archive_that_cannot_be_read_from_its_middle(key: LogKey) -> None:
    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

    nowhere: Any = None
    with LogText(nowhere, None, chunks.Index((), ()), Stream(b"0123456789")) as text:
        assert (text.size, text.read(3, 6), text.read(0, 99)) == (10, b"345", b"0123456789")


def test_a_log_that_was_forgotten_and_begins_again(
    store: Store, archives: Archives, reader: Reader, key: LogKey
) -> None:
    """Its messages have the same numbers and sizes as those of the old one."""
    outlines = OutlineCache(reader)
    archives.add()
    for level in ("ERROR", "DEBUG"):
        store.send_numbered(1, message(level, "x"))
        assert seen(outlines, key).errors.total == (level == "ERROR")
        store.finalise()
        archives.deliver(store.record().log_id)
        assert store.expire()
        assert store.forget() == 1


def test_unknown_logs(reader: Reader) -> None:
    with pytest.raises(NotFound):
        OutlineCache(reader).look(LogKey("alpha", "9" * 32), lambda _, found: found)


def test_outlines_are_forgotten_when_there_are_many(store: Store, reader: Reader) -> None:
    outlines = OutlineCache(reader, most_weight=5)
    keys = [store.new_key() for _ in range(10)]
    for key in keys:
        store.send("x\n", key)
        seen(outlines, key)
    assert list(outlines._kept) == keys[-2:]
    assert seen(outlines, keys[0]).lines == 1


def test_chunks_in_any_order_and_cut_anywhere(store: Store, reader: Reader) -> None:
    """Kept and extended, it stays what one that is made anew says."""

    @settings(max_examples=15)
    @given(st.lists(st.tuples(st.integers(1, 12), BITS), min_size=1, max_size=8, unique_by=lambda pair: pair[0]))
    def check(messages: list[tuple[int, bytes]]) -> None:
        outlines, key = OutlineCache(reader), store.new_key()
        for seq, data in messages:
            store.send_numbered(seq, data.decode("utf-8", "replace"), key)
            seen(outlines, key)

    check()
