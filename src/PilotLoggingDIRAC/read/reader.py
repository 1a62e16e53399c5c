# SPDX-License-Identifier: GPL-3.0-only
"""Pages of a log, and whole logs, wherever their text is by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from ..errors import NotFound, NotKept, Unavailable
from ..gap_lines import insert_gap_lines
from ..model import Delivery, Gap, LogKey, LogRecord
from ..store import chunks, deliveries, erasure, logs
from ..store.engine import Database
from ..text import cut_at_character, decode
from .cursor import Cursor
from .log_text import LogText

_CHARACTER = 4
"""Bytes of a character at most: a page is never smaller, or it could not give any."""
_PIECE_BYTES = 2**20

_Read = TypeVar("_Read")

OpenArchived = Callable[[str, Delivery], AbstractContextManager[BinaryIO]]
"""Opens what a plugin of a VO has stored: (vo, delivery) -> file. Raises NotFound or Unavailable."""
OpenForgotten = Callable[[LogKey], AbstractContextManager[BinaryIO]]
"""Opens the archived copy of a log that the database does not know. Raises NotFound or Unavailable."""


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a log.

    Attributes:
        record: What is known of the log; None where only its archive knows it.
        text: The piece.
        cursor: Where the next piece begins.
        gaps: What is missing in this piece; their offsets count from its beginning, in characters of ``text``.
        more: Whether there is more to read now.
    """

    record: LogRecord | None
    text: str
    cursor: Cursor
    gaps: tuple[Gap, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class _Log:
    """What the database has of a log at one moment."""

    record: LogRecord
    index: chunks.Index

    def in_archive(self, cursor: Cursor) -> bool:
        """Whether the text behind a cursor stands in the archive only."""
        return cursor.chunk <= self.record.expired_chunk_id and cursor.total < self.record.expired_bytes


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads logs: from the database what it has, the rest from the archive.

    ``open_archived`` and ``open_forgotten`` stand for the plugins, which may need a proxy and a process of their own.
    All methods raise NotFound when there is no such log, NotKept when nobody can give its text back, and Unavailable
    when the database or the archive fails.
    """

    database: Database
    open_archived: OpenArchived
    open_forgotten: OpenForgotten

    def page(self, key: LogKey, cursor: Cursor, size: int) -> Page:
        """The next piece of a log, of at most ``size`` bytes (and at least one character)."""
        page = self._read(key, lambda log: self._page(log, cursor, size))
        if page is not None:
            return page
        with self.open_forgotten(key) as archived:
            data, more = _piece(archived, cursor.total, size, None)
        return Page(None, decode(data), Cursor(0, 0, cursor.total + len(data)), (), more)

    def pieces(self, key: LogKey, size: int) -> Iterator[Page]:
        """A log from its beginning to its present end, page by page; at least one page."""
        log = self._find(key)
        page = self.page(key, Cursor(), size) if log is None else self._page(log, Cursor(), size)
        yield page
        while page.more:
            page = self.page(key, page.cursor, size) if log is None else self._page(log, page.cursor, size)
            yield page

    def whole(self, key: LogKey, limit: int) -> str:
        """A log from its beginning to its present end; of one larger than ``limit`` bytes the beginning and the end,
        with one line between them that says how much was left out. Gaps are shown as lines in their place."""
        text = self._read(key, lambda log: self._whole(log, limit))
        if text is not None:
            return text
        with self.open_forgotten(key) as archived:
            return _shortened(archived, limit)

    @contextmanager
    def opened(self, key: LogKey) -> Iterator[LogText]:
        """The text of a log, as it is now, by its place."""
        log = self._find(key)
        if log is not None:
            with LogText(self, log.record, log.index) as text:
                yield text
            return
        with self.open_forgotten(key) as archived, LogText(self, None, chunks.Index((), ()), archived) as text:
            yield text

    @contextmanager
    def opened_in_database(self, key: LogKey) -> Iterator[LogText]:
        """The same for a log that the database has whole.

        Raises:
            Moved: It does not, or not any more.
        """
        log = self._find(key)
        if log is None or log.record.expired_chunk_id:
            raise chunks.Moved("The text of the log has left the database.")
        with LogText(self, log.record, log.index) as text:
            yield text

    def record(self, key: LogKey) -> LogRecord | None:
        """What the database knows of a log."""
        with self.database.reading() as connection:
            return logs.find(connection, key)

    def _read(self, key: LogKey, read: Callable[[_Log], _Read]) -> _Read | None:
        """What a function reads of a log; None if the database does not know it. A log that was changed meanwhile is
        read once more."""
        for second_try in (False, True):
            log = self._find(key)
            if log is None:
                return None
            try:
                return read(log)
            except chunks.Moved:
                if second_try:
                    raise
        raise AssertionError("the second try has returned or raised")

    def _whole(self, log: _Log, limit: int) -> str:
        size = log.record.bytes
        if size <= limit:
            beginning, _ = self._text(log, Cursor(), size)
            return beginning
        beginning, end = self._text(log, Cursor(), limit // 2)
        resumed = self._cursor_at(log, size - limit // 2)
        ending, _ = self._text(log, resumed, limit // 2)
        return f"{beginning}\n[... {resumed.total - end.total} bytes left out ...]\n{ending}"

    def _find(self, key: LogKey) -> _Log | None:
        with self.database.reading() as connection:
            record = logs.find(connection, key)
            if record is None:
                return None
            index = chunks.index_of(connection, record)
            return _Log(record, index)

    def _page(self, log: _Log, cursor: Cursor, size: int) -> Page:
        return self._archived_page(log, cursor, size) if log.in_archive(cursor) else self._own_page(log, cursor, size)

    def _archived_page(self, log: _Log, cursor: Cursor, size: int) -> Page:
        record = log.record
        with self.open_expired(record) as archived:
            data, more = _piece(archived, cursor.total, size, record.expired_bytes)
        data = erasure.mask(data, erasure.ranges_of_chunk(log.index.erasures, 0), cursor.total)
        if not data:
            raise Unavailable("The archived copy of the log is shorter than the log was.")
        end = cursor.total + len(data)
        # At the end of the archived part the reader goes on with the first chunk that the database has.
        chunk = 0 if more else record.expired_chunk_id
        gaps = tuple(
            replace(gap, offset=len(decode(data[: gap.offset - cursor.total])))
            for gap in chunks.in_order((*record.expired_part.gaps, *log.index.erased_before))
            if cursor.total <= gap.offset < end or (gap.offset == end and not more)
        )
        return Page(record, decode(data), Cursor(chunk, 0, end), gaps, more or bool(log.index.entries))

    def _own_page(self, log: _Log, cursor: Cursor, size: int) -> Page:
        entries = log.index.entries
        start, within = _place(entries, cursor)
        end, available = start, -within
        while end < len(entries) and available < max(size, _CHARACTER):
            available += entries[end].size
            end += 1
        with self.database.reading() as connection:
            texts = chunks.load_text(connection, log.record.log_id, entries[start:end])
        data = b"".join(texts)[within:]
        piece = cut_at_character(data, max(size, _CHARACTER))
        before = log.record.expired_bytes + sum(entry.size for entry in entries[:start]) + within
        if len(piece) == len(data):
            last, read_of_last = end - 1, entries[end - 1].size if end > 0 else 0
        else:
            last, read_of_last = _reached(entries, start, within + len(piece))
        chunk = entries[last].chunk_id if last >= 0 else log.record.expired_chunk_id
        return Page(
            log.record,
            decode(piece),
            Cursor(chunk, read_of_last, before + len(piece)),
            _gaps(log, cursor, start, within, last + 1, piece),
            last + 1 < len(entries) or len(piece) < len(data),
        )

    def _text(self, log: _Log, cursor: Cursor, size: int) -> tuple[str, Cursor]:
        """So many bytes from a cursor on, gaps shown; and where they end."""
        pieces, until = [], cursor.total + size
        while True:
            page = self._page(log, cursor, min(until - cursor.total, _PIECE_BYTES))
            pieces.append(insert_gap_lines(page.text, page.gaps))
            cursor = page.cursor
            if not page.more or (until < log.record.bytes and until - cursor.total < _CHARACTER):
                return "".join(pieces), cursor

    def _cursor_at(self, log: _Log, offset: int) -> Cursor:
        """The cursor at a byte of the log, or at the next character's beginning."""
        if offset < log.record.expired_bytes:
            with self.open_expired(log.record) as archived:
                _skip(archived, offset)
                return Cursor(0, 0, offset + _rest_of_character(archived.read(_CHARACTER)))
        start = log.record.expired_bytes
        for entry in log.index.entries:
            if offset < start + entry.size:
                with self.database.reading() as connection:
                    text = b"".join(chunks.load_text(connection, log.record.log_id, [entry]))
                within = offset - start
                within += _rest_of_character(text[within : within + _CHARACTER])
                return Cursor(entry.chunk_id, within, start + within)
            start += entry.size
        return Cursor(log.record.last_chunk_id, 0, start)

    @contextmanager
    def open_expired(self, record: LogRecord) -> Iterator[BinaryIO]:
        """A copy of the log's expired text, from the first plugin that gives it."""
        with self.database.reading() as connection:
            copies = deliveries.with_expired_text(connection, record)
        problem: Exception = NotFound("no plugin has confirmed that it has it")
        not_kept: NotKept | None = None
        somebody_keeps_it = False
        for delivery in copies:
            with ExitStack() as stack:
                try:
                    file = stack.enter_context(self.open_archived(record.key.vo, delivery))
                except NotKept as error:
                    not_kept = error
                    continue
                except (NotFound, Unavailable) as error:
                    problem, somebody_keeps_it = error, True
                    continue
                yield file
                return
        if not_kept and not somebody_keeps_it:
            raise not_kept
        raise Unavailable(f"The log's archived text cannot be had now: {problem}")


def _place(entries: Sequence[chunks.ChunkEntry], cursor: Cursor) -> tuple[int, int]:
    """The entry where a reader goes on, and the bytes of it that it has."""
    mark = 0
    for place, entry in enumerate(entries):
        if entry.chunk_id == cursor.chunk:
            # What a reader has of a chunk that has become the mark is no part of the mark.
            return (place, cursor.within) if cursor.within < entry.size and not entry.is_mark else (place + 1, 0)
        if entry.is_mark and cursor.chunk < entry.chunk_id:
            mark = place
    # What it read last has been left out since, and what came next too: the mark says so.
    return (mark, 0) if cursor.chunk else (0, 0)


def _reached(entries: Sequence[chunks.ChunkEntry], start: int, read: int) -> tuple[int, int]:
    """The last entry that was begun, and the bytes read of it, after ``read`` bytes from the beginning of ``start``."""
    place = start
    while read > entries[place].size:
        read -= entries[place].size
        place += 1
    return place, read


def _gaps(log: _Log, cursor: Cursor, start: int, within: int, end: int, piece: bytes) -> tuple[Gap, ...]:
    """The gaps before those entries that a page begins, with their offsets in characters of it."""
    entries, record = log.index.entries, log.record
    # An expired part of empty messages has no page of its own to show its gaps.
    unseen = record.expired_part.gaps if cursor.chunk < record.expired_chunk_id and not record.expired_bytes else ()
    first = start + 1 if within else start
    due = chunks.due_after(entries[:first], record.expired_part.due)
    skipped = entries[start].size - within if within else 0
    missing = (
        replace(gap, offset=gap.offset + skipped) for gap in chunks.find_gaps(entries[first:end], due, record.missing)
    )
    erased = (
        replace(gap, offset=gap.offset - within)
        for gap in chunks.erased_gaps(entries[start:end], log.index.erasures)
        if 0 <= gap.offset - within < len(piece)
    )
    return unseen + tuple(
        replace(gap, offset=len(decode(piece[: gap.offset]))) for gap in chunks.in_order((*missing, *erased))
    )


def _piece(file: BinaryIO, start: int, size: int, end: int | None) -> tuple[bytes, bool]:
    """So many bytes of an archived log from ``start``, cut at a character; and whether there is more before ``end``."""
    _skip(file, start)
    wanted = max(size, _CHARACTER)
    if end is not None and start + wanted >= end:
        data = _read_exactly(file, end - start)
        return data, start + len(data) < end
    data = _read_exactly(file, wanted + 1)
    piece = cut_at_character(data, wanted)
    try:
        piece.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        # A file from elsewhere: each byte that is no text is shown as a character of three bytes.
        piece = piece[: max(wanted // 3, 1)]
    return piece, len(data) > len(piece)


def _rest_of_character(data: bytes) -> int:
    """How many bytes at the beginning belong to a character that began before."""
    return next((place for place, byte in enumerate(data) if byte & 0xC0 != 0x80), len(data))


def _skip(file: BinaryIO, size: int) -> None:
    if file.seekable():
        file.seek(min(size, file.seek(0, 2)))
        return
    while size > 0 and (skipped := file.read(min(size, _PIECE_BYTES))):
        size -= len(skipped)


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _shortened(file: BinaryIO, limit: int) -> str:
    """A file as text; of one larger than ``limit`` bytes the beginning and the end."""
    beginning = _read_exactly(file, limit + 1)
    if len(beginning) <= limit:
        return decode(beginning)
    half = max(limit // 2, 1)
    kept = cut_at_character(beginning, half)
    rest, size = beginning[-half:], len(beginning)
    while piece := file.read(_PIECE_BYTES):
        size += len(piece)
        rest = (rest + piece)[-half:]
    rest = rest[_rest_of_character(rest[:_CHARACTER]) :]
    return f"{decode(kept)}\n[... {size - len(kept) - len(rest)} bytes left out ...]\n{decode(rest)}"
