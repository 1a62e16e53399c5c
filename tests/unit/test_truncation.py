# SPDX-License-Identifier: GPL-3.0-only
"""A log that grows past its limit keeps its beginning and its end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.model import Append, LogKey, LogState, Rules
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.store import truncation

LIMIT = 2000
LINE = "2026-06-10T11:02:02.%06dZ INFO [A] line\n"


def marker(size: int) -> str:
    return f"[... {size} bytes left out here: the log had grown past its limit (MaxLogSize) ...]\n"


def lines(count: int, first: int = 1) -> list[str]:
    return [LINE % number for number in range(first, first + count)]


def send(store: Store, key: LogKey, texts: list[str], numbered: bool = False, limit: int = LIMIT) -> None:
    for number, text in enumerate(texts, 1):
        name = {"session": "s", "seq": number} if numbered else {}
        store.append(Append(key, text.encode(), rules=Rules(max_log_size=limit), **name))


@pytest.mark.parametrize("numbered", [False, True], ids=["stock", "numbered"])
def test_beginning_and_end_are_kept(store: Store, numbered: bool) -> None:
    key, sent = store.new_key(), lines(200)
    send(store, key, sent, numbered)
    text, record = store.text(key), store.record(key)
    assert len(text.encode()) == record.bytes <= LIMIT
    assert text.startswith("".join(sent[: LIMIT // 2 // len(sent[0])]))
    assert text.endswith("".join(sent[-LIMIT // 4 // len(sent[0]) :]))
    assert marker(record.truncated) in text
    assert record.truncated == len("".join(sent)) - len(text.replace(marker(record.truncated), ""))
    assert record.lines == 200, "of all that the pilot sent"
    assert store.index(key).gaps == ()


def test_a_log_at_its_limit_is_whole(store: Store) -> None:
    key = store.new_key()
    send(store, key, ["x" * 999 + "\n", "y" * 999 + "\n"])
    assert store.record(key).truncated == 0
    assert len(store.text(key)) == LIMIT


def test_without_a_limit_nothing_is_left_out(store: Store) -> None:
    key = store.new_key()
    send(store, key, lines(100), limit=0)
    assert store.text(key) == "".join(lines(100))


def test_the_marker_begins_a_line(store: Store) -> None:
    key = store.new_key()
    send(store, key, ["no line end", *lines(100)])
    assert "no line end" in store.text(key)
    assert f"\n{marker(store.record(key).truncated)}" in store.text(key)
    key = store.new_key()
    send(store, key, ["x" * 900, *["y" * 300] * 10], numbered=True)
    assert f"x\n{marker(store.record(key).truncated)}y" in store.text(key)


def test_one_huge_message_stays(store: Store) -> None:
    key = store.new_key()
    send(store, key, ["a\n", "b\n", "x" * 5000])
    assert store.text(key) == "a\nb\n" + "x" * 5000
    send(store, key, ["c\n"])
    assert store.text(key) == "a\nb\n" + marker(5000) + "c\n"


def test_a_gap_is_still_shown(store: Store) -> None:
    """The number that never came is told apart from those that were left out."""
    key = store.new_key()
    for seq in [*range(1, 100), *range(101, 200)]:
        store.append(Append(key, (LINE % seq).encode(), session="s", seq=seq, rules=Rules(max_log_size=LIMIT)))
    (gap,) = store.index(key).gaps
    assert (gap.first, gap.last) == (100, 100)
    mark = store.text(key).index("[...")
    assert gap.offset == mark + len(marker(store.record(key).truncated))


def test_a_resend_is_still_recognised(store: Store) -> None:
    key, sent = store.new_key(), lines(200)
    send(store, key, sent)
    before = store.text(key)
    (answer,) = store.append(Append(key, sent[-1].encode(), rules=Rules(max_log_size=LIMIT)))
    assert answer.repeated
    assert store.text(key) == before


def test_many_tiny_messages_make_no_endless_index(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truncation, "MOST_CHUNKS", 100)
    monkeypatch.setattr(truncation, "_LOOK_EVERY", 10)
    key = store.new_key()
    for number in range(1, 401):
        store.append(Append(key, b"%d\n" % number, session="s", seq=number))
    assert len(store.index(key).entries) < 110
    assert store.text(key).startswith("1\n2\n")
    assert store.text(key).endswith("\n399\n400\n")


def test_a_reader_meets_the_marker_once(store: Store, archives: Archives) -> None:
    """One who follows the log while it is shortened under him goes on behind what he has, and never from the start."""
    key, sent = store.new_key(), lines(200)
    send(store, key, sent[:30])
    page = archives.reader.page(key, Cursor(), 10 * len(sent[0]))
    assert page.text == "".join(sent[:10])
    send(store, key, sent[30:])
    behind = archives.reader.page(key, page.cursor, 10**6)
    assert behind.text == store.text(key)[len(page.text) :]

    late = store.new_key()
    send(store, late, sent[:30])
    page = archives.reader.page(late, Cursor(), 10**6)
    send(store, late, sent[30:])
    behind = archives.reader.page(late, page.cursor, 10**6)
    assert behind.text.startswith("[... "), "line 30 has been left out since, and so have others behind it"
    assert behind.text.endswith("".join(sent[-5:]))
    nothing = archives.reader.page(late, behind.cursor, 10**6)
    assert (nothing.text, nothing.more) == ("", False)


def test_a_shortened_log_is_archived_and_goes_on(store: Store, archives: Archives) -> None:
    key, sent = store.new_key(), lines(100)
    send(store, key, sent)
    store.finalise(key)
    folder = archives.add()
    archives.deliver(store.record(key).log_id)
    assert folder.content(key) == store.text(key)
    store.expire(key)
    assert store.record(key).expired_bytes == store.record(key).bytes == len(folder.content(key).encode())
    more = lines(100, first=1000)
    send(store, key, more)
    assert store.record(key).state == LogState.COMPLETE
    whole = archives.reader.whole(key, 10**6)
    archives.deliver(store.record(key).log_id)
    assert folder.content(key) == whole
    assert whole.count("[... ") == 2
    assert whole.endswith(more[-1])
    assert store.record(key).truncated == len("".join(sent + more)) - len(
        "".join(line for line in whole.splitlines(keepends=True) if not line.startswith("[..."))
    )


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(0, 700), max_size=60), limit=st.integers(50, 3000))
def test_figures_and_text_agree(store: Store, sizes: list[int], limit: int) -> None:
    key = store.new_key()
    send(store, key, ["q" * size for size in sizes], numbered=True, limit=limit)
    if not sizes:
        return
    record, text = store.record(key), store.text(key)
    assert record.bytes == len(text)
    assert record.truncated == sum(sizes) - text.count("q")
    assert text.count("[... ") == (record.truncated > 0)
    assert text.count("q") <= max(limit, sizes[-1] + limit // 2)
