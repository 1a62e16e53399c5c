"""Pages of a log, and whole logs, wherever their text is by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from sqlalchemy import Connection

from ..errors import NotFound, Unavailable
from ..ingest.text import cut_at_character, decoded
from ..model import Delivery, DeliveryState, Gap, LogKey, LogRecord
from ..store import chunks, deliveries, logs
from ..store.engine import Database
from .cursor import Cursor

_OVERLAP = 4
"""Bytes of a character at most: what a cut at a character may leave over."""

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
class Reader:
    """Reads logs: from the database what it has, the rest from the archive.

    ``open_archived`` and ``open_forgotten`` stand for the plugins, which may need a proxy and a process of their own.
    """

    database: Database
    open_archived: OpenArchived
    open_forgotten: OpenForgotten

    def page(self, key: LogKey, cursor: Cursor, size: int) -> Page:
        """The next piece of a log, of at most ``size`` bytes (and at least one character).

        Raises:
            NotFound: There is no such log.
            Unavailable: The database or the archive does not answer.
        """
        with self.database.reading() as connection:
            record = logs.find(connection, key)
            if record is not None:
                index = chunks.load_index(connection, record.log_id, record.expired_chunk_id, record.expired_part.due)
                expired = cursor.chunk <= record.expired_chunk_id and cursor.total < record.expired_bytes
                if not expired:
                    return _page_of_chunks(connection, record, index, cursor, size)
        if record is None:
            with self.open_forgotten(key) as archived:
                data, more = _piece(archived, cursor.total, size, None)
            return Page(None, decoded(data), Cursor(0, 0, cursor.total + len(data)), (), more)
        with self._expired_text(record) as archived:
            data, more = _piece(archived, cursor.total, size, record.expired_bytes)
        if not data:
            raise Unavailable("The archived copy of the log is shorter than the log was.")
        end = cursor.total + len(data)
        more = more or bool(index.entries)
        gaps = _gaps_within(record.expired_part.gaps, data, cursor.total)
        # At the end of the archived part the reader goes on with the first chunk that the database has.
        chunk = record.expired_chunk_id if end == record.expired_bytes else 0
        return Page(record, decoded(data), Cursor(chunk, 0, end), gaps, more)

    def pieces(self, key: LogKey, size: int) -> Iterator[Page]:
        """A log from its beginning to its present end, page by page; at least one page.

        Raises:
            NotFound: There is no such log.
            Unavailable: The database or the archive does not answer.
        """
        page = self.page(key, Cursor(), size)
        yield page
        while page.more:
            page = self.page(key, page.cursor, size)
            yield page

    def whole(self, key: LogKey, limit: int) -> str:
        """A log from its beginning to its present end; of one larger than ``limit`` bytes the beginning and the end,
        with one line between them that says how much was left out.

        Raises:
            NotFound: There is no such log.
            Unavailable: The database or the archive does not answer.
        """
        with self.database.reading() as connection:
            record = logs.find(connection, key)
        if record is None:
            with self.open_forgotten(key) as archived:
                return _shortened(archived, limit)
        half = limit // 2
        beginning: list[str] = []
        for page in self.pieces(key, min(limit, 2**20)):
            beginning.append(with_gap_lines(page.text, page.gaps))
            if page.cursor.total >= half and record.bytes > limit:
                left_out = record.bytes - half - page.cursor.total
                ending = self.page(key, self._cursor_at(record, record.bytes - half), half)
                return "".join(
                    [*beginning, f"\n[... {left_out} bytes left out ...]\n", with_gap_lines(ending.text, ending.gaps)]
                )
        return "".join(beginning)

    def _cursor_at(self, record: LogRecord, offset: int) -> Cursor:
        """The cursor at a byte of the log, moved to the beginning of its chunk."""
        if offset < record.expired_bytes:
            return Cursor(0, 0, offset)
        with self.database.reading() as connection:
            index = chunks.load_index(connection, record.log_id, record.expired_chunk_id)
        cursor = Cursor(record.expired_chunk_id, 0, record.expired_bytes)
        for entry in index.entries:
            if cursor.total + entry.size > offset:
                break
            cursor = Cursor(entry.chunk_id, entry.size, cursor.total + entry.size)
        return cursor

    @contextmanager
    def _expired_text(self, record: LogRecord) -> Iterator[BinaryIO]:
        with self.database.reading() as connection:
            copies = [
                delivery
                for delivery in deliveries.of_log(connection, record.log_id)
                if delivery.state is DeliveryState.DELIVERED
                and delivery.reference
                and delivery.cursor >= record.expired_chunk_id
            ]
        if not copies:
            raise Unavailable("The log's text has left the database, and no plugin of today's says where it is.")
        problem: Exception | None = None
        for delivery in copies:
            try:
                opened = self.open_archived(record.key.vo, delivery)
                file = opened.__enter__()
            except (NotFound, Unavailable) as error:
                problem = error
                continue
            try:
                yield file
            finally:
                opened.__exit__(None, None, None)
            return
        raise Unavailable(f"The log's archived text cannot be had now: {problem}")


def _page_of_chunks(connection: Connection, record: LogRecord, index: chunks.Index, cursor: Cursor, size: int) -> Page:
    entries = index.entries
    start = next((place for place, entry in enumerate(entries) if entry.chunk_id == cursor.chunk), -1)
    within = cursor.within
    if start < 0:
        start, within = 0, 0
    elif within >= entries[start].size:
        start, within = start + 1, 0
    wanted: list[chunks.ChunkEntry] = []
    available = -within
    for entry in entries[start:]:
        if available >= size:
            break
        wanted.append(entry)
        available += entry.size
    data = b"".join(chunks.load_text(connection, record.log_id, [entry.chunk_id for entry in wanted]))
    piece = cut_at_character(data[within:], max(size, _OVERLAP))
    place = cursor if not wanted else _advanced(wanted, within, len(piece), cursor.total)
    before = record.expired_bytes + sum(entry.size for entry in entries[:start]) + within
    gaps = _gaps_within(
        tuple(replace(gap, offset=gap.offset + record.expired_bytes) for gap in index.gaps), piece, before
    )
    more = start + len(wanted) < len(entries) or len(piece) < len(data) - within
    return Page(record, decoded(piece), place, gaps, more)


def _advanced(wanted: list[chunks.ChunkEntry], within: int, read: int, total: int) -> Cursor:
    left = within + read
    for entry in wanted:
        if left <= entry.size:
            return Cursor(entry.chunk_id, left, total + read)
        left -= entry.size
    last = wanted[-1]
    return Cursor(last.chunk_id, last.size, total + read)


def _gaps_within(gaps: tuple[Gap, ...], data: bytes, start: int) -> tuple[Gap, ...]:
    """Those that lie in this piece, with their offsets in characters from its beginning."""
    return tuple(
        replace(gap, offset=len(decoded(data[: gap.offset - start])))
        for gap in gaps
        if start <= gap.offset < start + len(data)
    )


def _piece(file: BinaryIO, start: int, size: int, end: int | None) -> tuple[bytes, bool]:
    """So many bytes of an archived log from ``start``, cut at a character; and whether there is more before ``end``."""
    _skip(file, start)
    wanted = max(size, _OVERLAP)
    if end is not None and start + wanted >= end:
        return _read_exactly(file, end - start), False
    data = _read_exactly(file, wanted + 1)
    piece = cut_at_character(data, wanted)
    return piece, len(data) > len(piece)


def _skip(file: BinaryIO, size: int) -> None:
    if file.seekable():
        file.seek(size)
        return
    while size > 0:
        skipped = file.read(min(size, 2**20))
        if not skipped:
            return
        size -= len(skipped)


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def with_gap_lines(text: str, gaps: Sequence[Gap]) -> str:
    """A text with a line for each gap, where it is."""
    pieces, end = [], 0
    for gap in gaps:
        pieces += [text[end : gap.offset], gap_line(gap)]
        end = gap.offset
    return "".join([*pieces, text[end:]])


def gap_line(gap: Gap) -> str:
    """The line that a reader is shown in the place of a gap."""
    missing = f"message {gap.first} is" if gap.first == gap.last else f"messages {gap.first} to {gap.last} are"
    return f"[... {missing} missing here (session {gap.session}) ...]\n"


def _shortened(file: BinaryIO, limit: int) -> str:
    beginning = _read_exactly(file, limit)
    rest = b""
    dropped = 0
    while piece := file.read(2**20):
        rest += piece
        if len(rest) > limit // 2:
            dropped += len(rest) - limit // 2
            rest = rest[-(limit // 2) :]
    if not rest:
        return decoded(beginning)
    kept = beginning[: limit // 2]
    dropped += len(beginning) - len(kept)
    return f"{decoded(kept)}\n[... {dropped} bytes left out ...]\n{decoded(rest)}"
