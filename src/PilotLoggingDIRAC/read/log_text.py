# SPDX-License-Identifier: GPL-3.0-only
"""The bytes of a log by their place, wherever they are by now."""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from itertools import accumulate
from typing import Any, BinaryIO, Protocol

from ..errors import Unavailable
from ..model import LogRecord
from ..store import chunks, erasure
from ..store.engine import Database

_AHEAD = 2**20
"""Bytes that are read at once from the database: neighbours are asked for next."""
_ENTRIES_AT_ONCE = 400
"""Chunks that one statement names: SQLite of old takes 999 variables."""
_COPY_BYTES = 2**20
_IN_MEMORY = 2**23
"""Of a file that cannot be read from its middle; what is longer waits in a temporary file."""


class Source(Protocol):
    """Where text comes from."""

    @property
    def database(self) -> Database:
        """With the text that has not."""

    def open_expired(self, record: LogRecord) -> AbstractContextManager[BinaryIO]:
        """A copy of the text that has left the database."""


class LogText:
    """The text of a log as it was at one moment.

    To be used as a context manager, by one thread. :meth:`read` raises :class:`~..store.chunks.Moved` when text has
    left the database since, or was shortened; then a new one is to be made.

    Attributes:
        record: None where only the archive knows the log.
        size: In bytes.
        gaps: What is missing; offsets are bytes of the log.
    """

    def __init__(self, source: Source, record: LogRecord | None, index: chunks.Index, archived: BinaryIO | None = None):
        """Args:
        source: Where the text is.
        record: What the database knows of the log.
        index: The log's chunks in the database.
        archived: The whole log as a file, where there is no record; closed by who opened it.
        """
        self.record = record
        self._source = source
        self._stack = ExitStack()
        self._entries = index.entries
        self._expired = record.expired_bytes if record else 0
        self._starts = [*accumulate((entry.size for entry in self._entries), initial=self._expired)]
        self._archived = None if archived is None else self._seekable(archived)
        self._buffer, self._buffered = b"", 0
        if self._archived is not None and record is None:
            self._expired = self.size = self._archived.seek(0, 2)
        else:
            self.size = self._starts[-1]
        of_expired = record.expired_part.gaps if record else ()
        own = (replace(gap, offset=gap.offset + self._expired) for gap in index.gaps)
        self.gaps = chunks.in_order((*of_expired, *index.erased_before, *own))
        self._erased = len(index.erasures)
        self._erased_in_archive = erasure.ranges_of_chunk(index.erasures, 0)

    def __enter__(self) -> LogText:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def version(self) -> str:
        """Changes when the text does."""
        record = self.record
        if record is None:
            return f"archive.{self.size}"
        return version_of(record)

    @property
    def edition(self) -> str:
        """Changes when what was there before has another place now.

        When text with a late message in it leaves the database, it changes too, for no reason.
        """
        record = self.record
        if record is None:
            return self.version
        # How many chunks stand before one that came earlier.
        least, moved = record.last_chunk_id + 1, 0
        for entry in reversed(self._entries):
            moved += entry.chunk_id > least
            least = min(least, entry.chunk_id)
        # What was erased looks otherwise, too.
        return f"{record.log_id}.{record.truncated}.{moved}.{self._erased}"

    def fingerprint(self, end: int) -> int | None:
        """Of the chunks before byte ``end``; None if no chunk ends there. The same text has the same one, within a
        process and as long as nothing leaves the database."""
        place = bisect_right(self._starts, end) - 1
        if place < 0 or self._starts[place] != end:
            return None
        log_id = self.record.log_id if self.record else -self.size
        return hash((log_id, self._expired, self._erased, self._entries[:place]))

    @property
    def expired(self) -> int:
        """How many bytes, the first ones, stand in the archive only."""
        return self._expired

    def places(self, start: int, end: int) -> list[erasure.Place]:
        """Where bytes ``start`` to ``end`` are by now; the line that stands for what was left out is passed over."""
        found = []
        if start < self._expired:
            found.append(erasure.Place(0, start, min(end, self._expired)))
        place = max(bisect_right(self._starts, max(start, self._expired)) - 1, 0)
        while place < len(self._entries) and self._starts[place] < end:
            entry, begin = self._entries[place], self._starts[place]
            first, last = max(start - begin, 0), min(end - begin, entry.size)
            if first < last and not entry.is_mark:
                found.append(erasure.Place(entry.chunk_id, first, last))
            place += 1
        return found

    def pieces(self, start: int, size: int) -> Iterator[bytes]:
        """The text from ``start`` to the end, in pieces of at most ``size`` bytes."""
        while start < self.size:
            piece = self.read(start, start + size)
            yield piece
            start += len(piece)

    def read(self, start: int, end: int) -> bytes:
        """Bytes ``start`` to ``end`` of the log, fewer at its end.

        Raises:
            Moved: Make a new one and try again.
            Unavailable: The database or the archive fails.
        """
        end = min(end, self.size)
        parts = []
        while start < end:
            part = self._archived_part(start, end) if start < self._expired else self._own_part(start, end)
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def _archived_part(self, start: int, end: int) -> bytes:
        if self._archived is None:
            assert self.record is not None
            self._archived = self._seekable(self._stack.enter_context(self._source.open_expired(self.record)))
        self._archived.seek(start)
        data = self._archived.read(min(end, self._expired) - start)
        if not data:
            raise Unavailable("The archived copy of the log is shorter than the log was.")
        return erasure.mask(data, self._erased_in_archive, start)

    def _own_part(self, start: int, end: int) -> bytes:
        within = start - self._buffered
        if not 0 <= within < len(self._buffer):
            self._fill(start, max(end, start + _AHEAD))
            within = start - self._buffered
        return self._buffer[within : within + end - start]

    def _fill(self, start: int, end: int) -> None:
        first = bisect_right(self._starts, start) - 1
        last = first
        while last < len(self._entries) and self._starts[last] < end and last - first < _ENTRIES_AT_ONCE:
            last += 1
        assert self.record is not None
        with self._source.database.reading() as connection:
            texts = chunks.load_text(connection, self.record.log_id, self._entries[first:last])
        self._buffer, self._buffered = b"".join(texts), self._starts[first]

    def _seekable(self, file: BinaryIO) -> BinaryIO:
        if file.seekable():
            return file
        copy: Any = self._stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the stack closes it
        while piece := file.read(_COPY_BYTES):
            copy.write(piece)
        file = copy
        return file


def version_of(record: LogRecord) -> str:
    """As :attr:`LogText.version`."""
    return f"{record.log_id}.{record.last_chunk_id}.{record.bytes}.{record.truncated}"
