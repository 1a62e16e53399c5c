# SPDX-License-Identifier: GPL-3.0-only
"""A log as a person sees it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import NotFound, Unavailable
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.read import replies
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.terminal.appearance import Look
from PilotLoggingDIRAC.terminal.follow import follow_log
from PilotLoggingDIRAC.terminal.line_output import LineColourer
from PilotLoggingDIRAC.terminal.tail import LogText, Reply
from PilotLoggingDIRAC.text import escape_controls


@pytest.fixture
def read(archives: Archives, key: LogKey) -> Callable[[str | None], Reply]:
    """``readLog`` of a collector with very small pages."""
    return lambda cursor: replies.render_page(key, archives.reader.page(key, Cursor.parse(cursor), 6))


# Embeddings, overrides and isolates change the order in which a line is shown.
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def no_sleep(_seconds: float) -> None:
    raise AssertionError("it waits")


def test_a_log_as_it_is_now(store: Store, read: Any) -> None:
    store.send_numbered(1, "one\ntwo\n")
    store.send_numbered(3, "four\n")
    pieces = list(follow_log(LogText(read), follow=False, sleep=no_sleep))
    assert "".join(pieces) == "one\ntwo\n[... message 2 is missing here (session pilot) ...]\nfour\n"
    assert len(pieces) > 1


def test_following_a_log_until_it_is_closed(store: Store, read: Any) -> None:
    store.send_numbered(1, "line 1\n")
    number = 1

    def meanwhile(_seconds: float) -> None:
        nonlocal number
        number += 1
        store.send_numbered(number, f"line {number}\n")
        if number == 5:
            store.finalise()

    text = "".join(follow_log(LogText(read), follow=True, sleep=meanwhile))
    assert text == "".join(f"line {each}\n" for each in range(1, 6))


@pytest.mark.parametrize("end", ["finalise", "close_silent"])
def test_a_closed_log_is_not_waited_for(store: Store, read: Any, end: str) -> None:
    store.send("one\n")
    getattr(store, end)()
    assert "".join(follow_log(LogText(read), follow=True, sleep=no_sleep)) == "one\n"


def test_a_collector_that_is_away_is_waited_for(store: Store, read: Any) -> None:
    store.send("one\n")
    store.finalise()
    pauses: list[float] = []

    def flaky(cursor: str | None) -> Reply:
        if cursor is not None and len(pauses) < 8:
            raise Unavailable("The collector does not answer.")
        reply = read(cursor)
        return reply if cursor else {**reply, "more": True}

    assert "".join(follow_log(LogText(flaky), follow=True, sleep=pauses.append)) == "one\n"
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize("follow", [False, True])
def test_a_log_that_cannot_be_read_is_said(store: Store, read: Any, archives: Archives, follow: bool) -> None:
    archives.add()
    with pytest.raises(NotFound):
        list(follow_log(LogText(read), follow, sleep=no_sleep))

    def away(_cursor: str | None) -> Reply:
        raise Unavailable("The collector does not answer.")

    with pytest.raises(Unavailable):
        list(follow_log(LogText(away), follow, sleep=no_sleep))


def test_a_terminal_is_safe_and_a_file_is_exact(store: Store, read: Any) -> None:
    store.send("\x1b[31m\b\t\r\n")
    text = "".join(follow_log(LogText(read), follow=False))
    assert text == "\x1b[31m\b\t\r\n"
    assert LineColourer(Look.HARMLESS)(text) == "␛[31m␈\t\n"
    assert LineColourer(Look.PLAIN)(text) == text


@given(st.text(st.characters(codec=None)))
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    safe = escape_controls(text)
    assert len(safe) == len(text)
    controls = {character for character in safe if unicodedata.category(character) in ("Cc", "Cs")}
    assert controls <= {"\t", "\n"}
    assert not {character for character in safe if unicodedata.bidirectional(character) in _TURNING}


def test_ordinary_text_is_left_alone() -> None:
    assert escape_controls("Grüße 😀 из Женевы\tx\n") == "Grüße 😀 из Женевы\tx\n"
