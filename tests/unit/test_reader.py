# SPDX-License-Identifier: GPL-3.0-only
"""Pages of a log, and whole logs, wherever their text is by now."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import NotFound, Unavailable
from PilotLoggingDIRAC.gap_lines import format_gap, insert_gap_lines
from PilotLoggingDIRAC.model import Gap, LogKey, LogState
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.read.reader import Page

CHARACTERS = "ab\n\0é€😀\ud800"
"""Characters of one to four bytes."""


def size_of(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def pages_of(archives: Archives, key: LogKey, size: int, cursor: Cursor | None = None) -> list[Page]:
    """All pages from a cursor on, each of which must be as its contract says."""
    pages = []
    cursor = cursor or Cursor()
    while True:
        page = archives.reader.page(key, cursor, size)
        pages.append(page)
        assert size_of(page.text) <= max(size, 4)
        assert page.text or not page.more, "a reader gets on"
        assert Cursor.parse(str(page.cursor)) == page.cursor
        if not page.more:
            return pages
        cursor = page.cursor


def text_of(pages: list[Page]) -> str:
    return "".join(page.text for page in pages)


def gaps_of(pages: list[Page]) -> list[Gap]:
    """All gaps, with their offsets in the characters of the whole text."""
    gaps, before = [], 0
    for page in pages:
        assert all(0 <= gap.offset <= len(page.text) for gap in page.gaps)
        gaps += [replace(gap, offset=gap.offset + before) for gap in page.gaps]
        before += len(page.text)
    return gaps


def archive(store: Store, archives: Archives, key: LogKey, expire: bool = True) -> None:
    """Take a log to the archive, and out of the database."""
    if not archives.plugins:
        archives.add()
    if store.record(key).state is LogState.OPEN:
        store.finalise(key)
    archives.deliver(store.record(key).log_id)
    if expire:
        assert store.expire(key)


# Pages


def test_a_page(store: Store, archives: Archives, key: LogKey) -> None:
    store.send("one\ntwo\n")
    page = archives.reader.page(key, Cursor(), 1000)
    assert (page.text, page.more, page.gaps) == ("one\ntwo\n", False, ())
    assert page.record == store.record()
    assert archives.reader.page(key, page.cursor, 1000) == replace(page, text="")


def test_a_log_that_nobody_knows(archives: Archives, key: LogKey) -> None:
    archives.add()
    with pytest.raises(NotFound):
        archives.reader.page(key, Cursor(), 1000)
    with pytest.raises(NotFound):
        archives.reader.whole(key, 1000)


def test_a_log_of_another_vo_is_not_shown(store: Store, archives: Archives, key: LogKey) -> None:
    store.send("secret\n")
    archives.add()
    with pytest.raises(NotFound):
        archives.reader.page(LogKey("beta", key.stamp), Cursor(), 1000)


@pytest.mark.parametrize("place", ["database", "archive", "archive alone"])
def test_a_log_without_text(store: Store, archives: Archives, key: LogKey, place: str) -> None:
    store.send_numbered(1, "")
    if place != "database":
        archive(store, archives, key)
    if place == "archive alone":
        store.forget()
        with pytest.raises(NotFound):
            archives.reader.page(key, Cursor(), 1000)
        return
    page = archives.reader.page(key, Cursor(), 1000)
    assert (page.text, page.more) == ("", False)
    assert archives.reader.whole(key, 1000) == ""


@settings(max_examples=15)
@given(
    st.lists(st.text(CHARACTERS, max_size=12), min_size=1, max_size=6),
    st.integers(1, 20),
    st.sampled_from(["database", "archive", "half", "archive alone"]),
)
def test_pages_of_every_size(store: Store, archives: Archives, texts: list[str], size: int, place: str) -> None:
    """Together they are the log, also where a character has more bytes than a page."""
    key = store.new_key()
    half = len(texts) // 2
    for seq, text in enumerate(texts, 1):
        store.send_numbered(seq, text, key=key)
        if place == "half" and seq == half:
            archive(store, archives, key)
    whole = "".join(texts)
    if place.startswith("archive"):
        archive(store, archives, key)
    if place == "archive alone" and whole:
        store.forget()
    pages = pages_of(archives, key, size)
    assert text_of(pages) == whole
    assert gaps_of(pages) == []
    assert "".join(page.text for page in archives.reader.pieces(key, size)) == whole


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.text(CHARACTERS, max_size=5)), unique_by=lambda m: m[0], max_size=7),
    st.integers(1, 12),
    st.integers(0, 7),
)
def test_gaps_are_shown_in_their_place(
    store: Store, archives: Archives, messages: list[tuple[int, str]], size: int, archived: int
) -> None:
    """Also when a part of the log has expired."""
    key = store.new_key()
    expected, place, due = [], 0, 1
    store.send("", key=key)
    for number, (seq, text) in enumerate(sorted(messages)):
        if number and number == archived:
            archive(store, archives, key)
        store.send_numbered(seq, text, key=key, session="s")
        if seq > due:
            expected.append(Gap(place, "s", due, seq - 1))
        place, due = place + len(text), seq + 1
    pages = pages_of(archives, key, size)
    assert text_of(pages) == "".join(text for _, text in sorted(messages))
    assert gaps_of(pages) == expected


@pytest.mark.parametrize("expired", [False, True])
def test_a_gap_before_a_goodbye_without_text_is_shown(
    store: Store, archives: Archives, key: LogKey, expired: bool
) -> None:
    """The last text that a pilot sent was lost, and then came its goodbye."""
    store.send_numbered(1, "one\n")
    store.send_numbered(3, "")
    if expired:
        archive(store, archives, key)
    assert gaps_of(pages_of(archives, key, 1000)) == [Gap(4, "pilot", 2, 2)]
    assert archives.reader.whole(key, 1000) == "one\n" + format_gap(Gap(0, "pilot", 2, 2))


def test_a_gap_between_the_archived_part_and_the_rest(store: Store, archives: Archives, key: LogKey) -> None:
    store.send_numbered(1, "one\n")
    archive(store, archives, key)
    store.send_numbered(3, "three\n")
    pages = pages_of(archives, key, 1000)
    assert text_of(pages) == "one\nthree\n"
    assert gaps_of(pages) == [Gap(4, "pilot", 2, 2)]


def test_a_gap_that_is_filled_after_it_expired_stays_where_it_was(
    store: Store, archives: Archives, key: LogKey
) -> None:
    """The archived part does not change any more: what comes late stands behind it."""
    store.send_numbered(1, "one\n")
    store.send_numbered(3, "three\n")
    archive(store, archives, key)
    store.send_numbered(2, "two\n")
    assert text_of(pages_of(archives, key, 1000)) == "one\nthree\ntwo\n"


# Following a log


@settings(max_examples=15)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.text(CHARACTERS, min_size=1, max_size=8)),
            st.tuples(st.just("read"), st.integers(1, 12)),
            st.tuples(st.sampled_from(["archive", "archive and expire", "nothing sent"]), st.none()),
        ),
        max_size=14,
    )
)
def test_a_cursor_survives_whatever_becomes_of_the_log(store: Store, archives: Archives, events: list[Any]) -> None:
    """A reader that comes back between arrivals, archiving and expiry sees each character once."""
    key = store.new_key()
    sent, seen, cursor, seq = "", "", Cursor(), 1
    store.send_numbered(seq, "", key=key)
    for event, value in [*events, ("read", 1000), ("read", 1000)]:
        if event == "send":
            seq, sent = seq + 1, sent + value
            store.send_numbered(seq, value, key=key)
        elif event == "nothing sent":
            seq += 1
            store.send_numbered(seq, "", key=key)
        elif event == "read":
            page = archives.reader.page(key, Cursor.parse(str(cursor)), value)
            seen, cursor = seen + page.text, page.cursor
            assert sent.startswith(seen)
        else:
            archive(store, archives, key, expire=False)
            if event == "archive and expire" and store.record(key).state is LogState.ARCHIVED:
                store.expire(key)
    assert seen == sent


def test_following_a_log_to_its_end(store: Store, archives: Archives, key: LogKey) -> None:
    cursor, seen = Cursor(), []
    for seq in range(1, 6):
        store.send_numbered(seq, f"line {seq}\n")
        page = archives.reader.page(key, cursor, 1000)
        assert page.record is not None
        assert page.record.state is LogState.OPEN
        cursor = page.cursor
        seen.append(page.text)
    assert seen == [f"line {seq}\n" for seq in range(1, 6)]
    store.finalise()
    page = archives.reader.page(key, cursor, 1000)
    assert (page.text, page.more, page.record and page.record.state) == ("", False, LogState.COMPLETE)


def test_following_a_log_while_it_is_written(store: Store, archives: Archives, key: LogKey) -> None:
    """By two readers at once, one of them with small pages."""
    lines = [f"line {seq} é\n" for seq in range(1, 61)]
    store.send("")

    def write() -> None:
        for seq, line in enumerate(lines, 1):
            store.send_numbered(seq, line)
        store.finalise()

    def follow(size: int) -> str:
        seen, cursor = "", Cursor()
        while True:
            page = archives.reader.page(key, cursor, size)
            seen, cursor = seen + page.text, page.cursor
            assert page.record is not None
            if not page.more and page.record.state is LogState.COMPLETE:
                return seen

    with ThreadPoolExecutor(3) as threads:
        writing = threads.submit(write)
        readers = [threads.submit(follow, size) for size in (10, 1000)]
        assert [reader.result(120) for reader in readers] == ["".join(lines)] * 2
        writing.result()


def test_a_cursor_goes_on_after_the_log_was_forgotten(store: Store, archives: Archives, key: LogKey) -> None:
    store.send("one\ntwo\n")
    page = archives.reader.page(key, Cursor(), 4)
    archive(store, archives, key)
    store.forget()
    page = archives.reader.page(key, page.cursor, 1000)
    assert (page.record, page.text, page.more, page.gaps) == (None, "two\n", False, ())
    assert archives.reader.page(key, page.cursor, 1000).text == ""


def test_a_late_message_does_not_show_a_reader_anything_twice(store: Store, archives: Archives, key: LogKey) -> None:
    """It goes to its place, which the reader has passed; then the log goes to the archive."""
    store.send_numbered(1, "one\n")
    store.send_numbered(3, "three\n")
    page = archives.reader.page(key, Cursor(), 1000)
    assert page.text == "one\nthree\n"
    store.send_numbered(2, "two\n")
    page = archives.reader.page(key, page.cursor, 1000)
    seen = page.text
    archive(store, archives, key)
    seen += text_of(pages_of(archives, key, 1000, page.cursor))
    assert seen == ""


def test_text_that_expires_while_it_is_read(store: Store, archives: Archives, key: LogKey) -> None:
    """What has been begun is read to its end, or the reader is told to come again; nothing is left out."""
    for seq in range(1, 6):
        store.send_numbered(seq, f"line {seq}\n")
    seen, last = "", Cursor()
    with contextlib.suppress(Unavailable):
        for page in archives.reader.pieces(key, 7):
            if not seen:
                archive(store, archives, key)
            seen, last = seen + page.text, page.cursor
    seen += text_of(pages_of(archives, key, 7, last))
    assert seen == "".join(f"line {seq}\n" for seq in range(1, 6))


def test_a_foreign_cursor_harms_nobody(store: Store, archives: Archives, key: LogKey) -> None:
    store.send("one\n")
    for cursor in (Cursor(99, 0, 0), Cursor(1, 99, 0), Cursor(0, 0, 10**17), Cursor(10**17, 10**17, 10**17)):
        archives.reader.page(key, cursor, 1000)
    archive(store, archives, key)
    for cursor in (Cursor(1, 99, 0), Cursor(0, 0, 10**17), Cursor(10**17, 10**17, 10**17)):
        archives.reader.page(key, cursor, 1000)
    store.forget()
    assert archives.reader.page(key, Cursor(0, 0, 10**17), 1000).text == ""


# The archive


def test_an_archive_that_is_down(store: Store, archives: Archives, key: LogKey) -> None:
    store.send("one\n")
    archive(store, archives, key)
    store.send("late\n")
    archives.plugins["Folder"].problem = Unavailable("The storage element does not answer.")
    with pytest.raises(Unavailable, match=r"^The log's archived text cannot be had now: The storage element does not"):
        archives.reader.page(key, Cursor(), 1000)
    page = archives.reader.page(key, Cursor(1, 0, 4), 1000)
    assert page.text == "late\n", "who has read the archived part goes on"


def test_another_plugin_has_a_copy(store: Store, archives: Archives, key: LogKey) -> None:
    first = archives.add("First")
    archives.add("Second")
    store.send("one\n")
    archive(store, archives, key)
    first.problem = NotFound("It is gone.")
    assert text_of(pages_of(archives, key, 1000)) == "one\n"
    first.problem = None
    archives.plugins["Second"].problem = Unavailable("It is down.")
    assert text_of(pages_of(archives, key, 1000)) == "one\n"


def test_no_plugin_of_today_has_it(store: Store, archives: Archives, key: LogKey) -> None:
    store.send("one\n")
    archive(store, archives, key)
    archives.plugins.clear()
    with pytest.raises(Unavailable, match=r"^The log's archived text cannot be had now: "):
        archives.reader.page(key, Cursor(), 1000)


@pytest.mark.parametrize("left", [0, 3])
def test_an_archived_copy_that_is_too_short(store: Store, archives: Archives, key: LogKey, left: int) -> None:
    """It is said, and not taken for the whole log."""
    store.send("one\ntwo\n")
    archive(store, archives, key)
    os.truncate(store.delivery("Folder").reference, left)
    with pytest.raises(Unavailable, match=r"^The archived copy of the log is shorter than the log was\."):
        pages_of(archives, key, 1000)
    with pytest.raises(Unavailable):
        archives.reader.whole(key, 1000)


def test_an_archive_that_gives_a_stream(
    store: Store, archives: Archives, key: LogKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in which nobody can seek, such as a pipe."""
    store.send("one\ntwo\nthree\n")
    archive(store, archives, key)

    @contextlib.contextmanager
    def piped(reference: str) -> Iterator[BinaryIO]:
        source, sink = os.pipe()
        os.write(sink, Path(reference).read_bytes())
        os.close(sink)
        with os.fdopen(source, "rb") as stream:
            yield stream

    monkeypatch.setattr(archives.plugins["Folder"], "fetch", piped)
    for _ in range(2):
        assert text_of(pages_of(archives, key, 4)) == "one\ntwo\nthree\n"
        assert archives.reader.whole(key, 1000) == "one\ntwo\nthree\n"
        check_shortened(archives.reader.whole(key, 10), "one\ntwo\nthree\n", 10)
        store.forget()


def test_an_archived_copy_that_is_longer_gives_nothing_twice(store: Store, archives: Archives, key: LogKey) -> None:
    """A late line was delivered, and the database has it still."""
    store.send("one\n")
    archive(store, archives, key)
    store.send("late\n")
    archive(store, archives, key, expire=False)
    assert text_of(pages_of(archives, key, 1000)) == "one\nlate\n"
    assert text_of(pages_of(archives, key, 4)) == "one\nlate\n"


def test_a_file_from_elsewhere_is_shown_as_far_as_it_can_be(archives: Archives, key: LogKey) -> None:
    """A log of before this package, in latin-1."""
    folder = archives.add()
    Path(folder.folder / f"{key.stamp}.log").write_bytes("Grüße\n".encode("latin-1") * 10)
    shown = "Gr\ufffd\ufffde\n" * 10
    assert "".join(page.text for page in archives.reader.pieces(key, 7)) == shown
    assert archives.reader.whole(key, 1000) == shown


# Whole logs


@pytest.mark.parametrize("place", ["database", "archive", "half", "archive alone"])
def test_a_whole_log(store: Store, archives: Archives, key: LogKey, place: str) -> None:
    store.send("one é\n")
    if place != "database":
        archive(store, archives, key)
    if place == "half":
        store.send("two\n")
    if place == "archive alone":
        store.forget()
    expected = "one é\ntwo\n" if place == "half" else "one é\n"
    assert archives.reader.whole(key, 1000) == expected
    assert archives.reader.whole(key, size_of(expected)) == expected


def test_a_whole_log_with_gaps(store: Store, archives: Archives, key: LogKey) -> None:
    for seq in (2, 3, 7):
        store.send_numbered(seq, f"{seq}\n")
    assert archives.reader.whole(key, 1000) == (
        "[... message 1 is missing here (session pilot) ...]\n"
        "2\n3\n"
        "[... messages 4 to 6 are missing here (session pilot) ...]\n"
        "7\n"
    )


def check_shortened(shown: str, whole: str, limit: int) -> None:
    """The beginning and the end of the log, and how many bytes are left out between them."""
    matched = re.fullmatch(r"(.*)\n\[\.\.\. (\d+) bytes left out \.\.\.\]\n(.*)", shown, re.DOTALL)
    assert matched is not None, shown[:200]
    beginning, left_out, end = matched[1], int(matched[2]), matched[3]
    assert whole.startswith(beginning)
    assert whole.endswith(end)
    assert size_of(beginning) + left_out + size_of(end) == size_of(whole)
    assert size_of(beginning) + size_of(end) <= limit
    assert min(size_of(beginning), size_of(end)) >= limit // 4, "a good part of both"


@pytest.mark.parametrize("place", ["database", "archive", "half", "archive alone"])
def test_a_whole_log_larger_than_the_limit(store: Store, archives: Archives, place: str) -> None:
    """In a single message or in many, a bit larger or much larger, wherever its text is."""
    limit = 200
    for pieces, lines in ((1, 21), (1, 100), (7, 21), (7, 100)):
        key = store.new_key()
        texts = [f"line {number:04d}\n" for number in range(lines)]
        for piece in range(pieces):
            store.send_numbered(
                piece + 1, "".join(texts[lines * piece // pieces : lines * (piece + 1) // pieces]), key=key
            )
            if place == "half" and piece == pieces // 2:
                archive(store, archives, key)
        if place == "half":
            store.send_numbered(pieces + 1, "the end\n", key=key)
            texts.append("the end\n")
        if place.startswith("archive"):
            archive(store, archives, key)
        if place == "archive alone":
            store.forget()
        check_shortened(archives.reader.whole(key, limit), "".join(texts), limit)


@pytest.mark.parametrize("place", ["database", "archive", "archive alone"])
def test_a_log_is_shortened_between_characters(store: Store, archives: Archives, key: LogKey, place: str) -> None:
    whole = "".join(f"{number}é😀" for number in range(100))
    for seq in range(1, 11):
        store.send_numbered(seq, whole[len(whole) * (seq - 1) // 10 : len(whole) * seq // 10])
    if place != "database":
        archive(store, archives, key)
    if place == "archive alone":
        store.forget()
    for limit in range(100, 108):
        shown = archives.reader.whole(key, limit)
        assert "\ufffd" not in shown
        check_shortened(shown, whole, limit)


def test_lines_for_gaps() -> None:
    gaps = [Gap(0, "a", 1, 1), Gap(2, "a", 3, 5), Gap(2, "b", 1, 1), Gap(4, "a", 7, 7)]
    assert insert_gap_lines("é\n6\n", gaps) == "".join(
        [format_gap(gaps[0]), "é\n", format_gap(gaps[1]), format_gap(gaps[2]), "6\n", format_gap(gaps[3])]
    )
    assert insert_gap_lines("text", []) == "text"
