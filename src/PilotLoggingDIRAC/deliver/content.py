# SPDX-License-Identifier: GPL-3.0-only
"""The whole text of one log as a file: what the archive has of it already, then what the database has."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..errors import NotKept, PilotLoggingError, Unavailable
from ..model import Delivery, LogRecord
from ..store import chunks, deliveries, erasure
from ..store.engine import Database
from ..store.erasure import Range

_COPY_BYTES = 2**20

OpenCopy = Callable[[Delivery], AbstractContextManager[BinaryIO]]
"""Opens what a plugin has stored."""


@dataclass(frozen=True, slots=True)
class Content:
    """A log's text on local disk.

    Attributes:
        file: At its beginning, with its path as ``file.name``; it is gone when the block that made it ends.
        size: Its bytes.
        cursor: The last chunk that is in it.
        erased: Where text was erased of which an earlier copy may still have some: bytes of the whole log.
    """

    file: BinaryIO
    size: int
    cursor: int
    erased: tuple[Range, ...] = ()


@contextmanager
def assemble(
    database: Database, log: LogRecord, open_copy: OpenCopy, folder: Path, after: int = 0
) -> Iterator[Content]:
    """Write the whole log into a temporary file below ``folder``, in bounded memory.

    Args:
        database: PilotLogDB.
        log: The log.
        open_copy: For text that has left the database.
        folder: On a disk that has room for the log.
        after: Chunks up to this one are left out, unless some behind it have left the database: then none is.

    Raises:
        Unavailable: The database or the archive does not give all of it.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{log.key.stamp}.", suffix=".log") as file:
        expired_bytes = log.expired_bytes if after < log.expired_chunk_id else 0
        with database.reading() as connection:
            index = chunks.index_of(connection, log)
        if expired_bytes:
            _copy_expired(database, log, open_copy, file, erasure.ranges_of_chunk(index.erasures, 0))
        wanted = chunks.Index(tuple(entry for entry in index.entries if entry.chunk_id > after), ())
        for piece in chunks.stream_text(database, log.log_id, wanted):
            file.write(piece)
        file.flush()
        size = file.tell()
        if size != expired_bytes + wanted.size:
            raise Unavailable(f"Of {expired_bytes + wanted.size} bytes of the log only {size} could be read.")
        file.seek(0)
        cursor = max((entry.chunk_id for entry in index.entries), default=log.expired_chunk_id)
        yield Content(cast(BinaryIO, file), size, cursor, index.erased_ranges(log.expired_bytes))


def _copy_expired(
    database: Database, log: LogRecord, open_copy: OpenCopy, target: IO[bytes], erased: Sequence[Range]
) -> None:
    """The text that stands in the archive only, from the first plugin that gives all of it, without what was erased."""
    with database.reading() as connection:
        copies = deliveries.with_expired_text(connection, log)
    problem: PilotLoggingError = Unavailable("No plugin of the VO has the part of the log that has left the database.")
    for delivery in copies:
        try:
            target.seek(0)
            with open_copy(delivery) as archived:
                _copy(archived, target, log.expired_bytes, erased)
            return
        except NotKept:
            continue
        except PilotLoggingError as error:
            problem = error
    raise problem


def _copy(source: BinaryIO, target: IO[bytes], size: int, erased: Sequence[Range]) -> None:
    """Exactly so many bytes. An archive may hold more: lines that the database still has as well."""
    left = size
    while left > 0:
        piece = source.read(min(_COPY_BYTES, left))
        if not piece:
            raise Unavailable(f"The archived copy of the log has only {size - left} of {size} bytes.")
        target.write(erasure.mask(piece, erased, size - left))
        left -= len(piece)
