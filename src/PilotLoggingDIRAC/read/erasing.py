# SPDX-License-Identifier: GPL-3.0-only
"""Erasing text that should never have come, such as a secret: what is meant, where it stands, and that it goes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from ..documents import accept_string, read_argument
from ..errors import NotFound, Rejected, Unavailable
from ..model import LogKey, LogRecord
from ..store import deliveries, erasure
from ..store.chunks import Moved
from ..store.erasure import Notice, Range
from .arguments import check_number
from .log_text import LogText
from .reader import Reader

LEAST_TEXT = 4
"""Bytes. A shorter text stands in many places that have nothing to do with it."""
LONGEST_TEXT = 2**16
MOST_PLACES = 10_000
_MOST_NOTICES = 200
_PIECE = 2**20
_ROUNDS = 5
_TRIES = 20
_PAUSE = 0.1
"""Seconds at most, before it is tried again because somebody else has changed the log meanwhile."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to go: a text wherever it stands, whole lines, or all of a log."""

    text: bytes = b""
    lines: tuple[int, int] | None = None

    @classmethod
    def parse(cls, document: Any) -> Wanted:
        """As readers of ``eraseLog`` send it; the text never stands in a refusal.

        Raises:
            Rejected: It is not one of ``{"text": ...}``, ``{"lines": [first, last]}`` and ``{"all": true}``.
        """
        if not isinstance(document, dict) or len(document) != 1:
            raise Rejected("What is to be erased is not one of text, lines and all.")
        ((name, value),) = document.items()
        if name == "all" and value is True:
            return cls()
        if name == "lines" and isinstance(value, list) and len(value) == 2:
            first = check_number("lines", value[0], 1)
            return cls(lines=(first, check_number("lines", value[1], first)))
        if name == "text":
            text = read_argument("The text", accept_string, value).encode("utf-8", "surrogatepass")
            if not LEAST_TEXT <= len(text) <= LONGEST_TEXT or erasure.is_masked(text):
                raise Rejected(f"The text has to have {LEAST_TEXT} to {LONGEST_TEXT} bytes, and not stars only.")
            return cls(text)
        raise Rejected("What is to be erased is not one of text, lines and all.")


@dataclass(slots=True)
class _Found:
    """Where it stands, in bytes of the log; the notices are the beginnings of lines. ``unseen``: the archive was away,
    so that what was erased there before cannot be told from what was not."""

    ranges: list[Range] = field(default_factory=list)
    notices: list[tuple[int, int]] = field(default_factory=list)
    lines: int = 0
    unseen: bool = False
    _last_line: int = -1

    def note(self, start: int, end: int, line: int, line_begin: int, lines: int, masked: int = 0) -> None:
        """One place.

        Args:
            line: The number of its first line, from 0.
            line_begin: Where that begins.
            lines: How many lines it touches.
            masked: In how many of them there was nothing to erase any more.
        """
        if len(self.ranges) >= MOST_PLACES:
            raise Rejected(f"It stands in more than {MOST_PLACES} places of the log: erase the lines, or all of it.")
        self.ranges.append((start, end))
        last = line + lines - 1
        new = last - max(line, self._last_line + 1) + 1 - masked
        if self.notices and (line <= self._last_line + 1 or len(self.notices) >= _MOST_NOTICES):
            begin, before = self.notices[-1]
            self.notices[-1] = (begin, before + max(new, 0))
        else:
            self.notices.append((line_begin, new))
        self.lines += max(new, 0)
        self._last_line = max(last, self._last_line)


def find(text: LogText, wanted: Wanted) -> _Found:
    """Where it stands in a log; nothing of what was erased before."""
    if wanted.text:
        return _find_text(text, wanted.text)
    try:
        return _find_lines(text, wanted.lines)
    except Moved:
        raise
    except Unavailable:
        if wanted.lines or not text.expired:
            raise
        # All of it goes, whatever it is: the archive need not be there for that.
        found = _Found(unseen=True)
        found.note(0, text.size, 0, 0, max(text.record.lines if text.record else 1, 1))
        return found


def _find_text(text: LogText, needle: bytes) -> _Found:
    found = _Found()
    data, place = b"", _Position()
    for piece in text.pieces(0, _PIECE):
        data += piece
        seen = 0
        while (at := data.find(needle, seen)) >= 0:
            place.pass_over(data[seen:at])
            found.note(
                place.offset, place.offset + len(needle), place.line, place.line_begin, 1 + needle[:-1].count(b"\n")
            )
            place.pass_over(needle)
            seen = at + len(needle)
        # The beginning of another one may stand at the end.
        kept = max(seen, len(data) - len(needle) + 1)
        place.pass_over(data[seen:kept])
        data = data[kept:]
    return found


@dataclass(slots=True)
class _Position:
    """A byte of a log, the number of its line from 0, and where that begins."""

    offset: int = 0
    line: int = 0
    line_begin: int = 0

    def pass_over(self, data: bytes) -> None:
        self.line += data.count(b"\n")
        if end := data.rfind(b"\n") + 1:
            self.line_begin = self.offset + end
        self.offset += len(data)


def _find_lines(text: LogText, lines: tuple[int, int] | None) -> _Found:
    """Whole lines, piece by piece, so that each place is small; what is masked already is left out."""
    first, last = lines or (1, 2**63)
    found, place = _Found(), _Position()
    for piece in text.pieces(0, _PIECE):
        begun: _Position | None = None
        ended, waiting, masked = 0, 0, 0
        for line in _lines(piece):
            if place.line + 1 > last:
                break
            if place.line + 1 >= first:
                if not erasure.is_masked(line):
                    begun = begun or replace(place)
                    ended, ended_line, masked, waiting = place.offset + len(line), place.line, masked + waiting, 0
                elif begun:
                    waiting += 1
            place.pass_over(line)
        if begun:
            lines_touched = ended_line - begun.line + 1
            found.note(begun.offset, ended, begun.line, begun.line_begin, lines_touched, masked)
        if place.line + 1 > last:
            break
    return found


def _lines(data: bytes) -> Iterator[bytes]:
    """With their ends; the last one may have none."""
    place = 0
    while place < len(data):
        end = data.find(b"\n", place) + 1 or len(data)
        yield data[place:end]
        place = end


class Eraser:
    """Serves all threads of a collector.

    Args:
        reader: Where text comes from.
        clean: Called after each erasure, to let what this host keeps elsewhere go: copies, remnants of the database.
    """

    def __init__(self, reader: Reader, clean: Callable[[], None] = lambda: None) -> None:
        self._reader = reader
        self._clean = clean

    def erase(self, key: LogKey, document: Any, by: str, dry_run: bool) -> dict[str, Any]:
        """Erase, or only look: ``eraseLog``.

        What comes in while this runs is looked through as well.

        Raises:
            Rejected: The document is wrong, or it stands in too many places.
            NotFound: There is no such log in the database.
            Unavailable: Not all of its text can be read now; then what was done so far stays done.
        """
        wanted = Wanted.parse(document)
        lines = places = rounds = 0
        tries = _TRIES
        while True:
            try:
                with self._reader.opened(key) as text:
                    record = _known(key, text)
                    found = find(text, wanted)
                    if found.ranges and not dry_run:
                        self._carry_out(text, record, found, by)
            except (Moved, erasure.Changed):
                tries -= 1
                if not tries:
                    raise
                time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 - spreads, guards nothing
                continue
            lines, places = lines + found.lines, places + len(found.ranges)
            rounds, tries = rounds + 1, _TRIES
            # Once more for what was written meanwhile; not for ever, should its pilot go on writing it.
            if dry_run or found.unseen or not found.ranges or rounds == _ROUNDS:
                break
        if places and not dry_run:
            self._clean()
        with self._reader.database.reading() as connection:
            copies = deliveries.of_log(connection, record.log_id)
        return {
            "vo": key.vo,
            "stamp": key.stamp,
            "lines": lines,
            "places": places,
            "erased": bool(places) and not dry_run,
            "plugins": [each.plugin for each in copies if each.reference],
        }

    def _carry_out(self, text: LogText, record: LogRecord, found: _Found, by: str) -> None:
        places = [place for start, end in found.ranges for place in text.places(start, end)]
        notices = [
            Notice(place.chunk, place.start, lines)
            for begin, lines in found.notices
            for place in text.places(begin, begin + 1)[:1]
        ]

        if not places:
            return
        database = self._reader.database
        with database.reading() as connection:
            prepared = erasure.prepare(connection, record, places, notices, found.lines)

        def erase(connection: Connection) -> None:
            erasure.erase(connection, prepared, by, database.now(connection))

        database.transact(erase)


def _known(key: LogKey, text: LogText) -> LogRecord:
    if text.record is None:
        raise NotFound(
            f"PilotLogDB has forgotten log {key.stamp} of VO {key.vo}: only its archive has it, where it is to be "
            "erased by who looks after that."
        )
    return text.record
