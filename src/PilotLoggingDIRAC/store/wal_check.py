# SPDX-License-Identifier: GPL-3.0-only
"""Whether a ``-wal`` that SQLite is about to read back has lost something in its middle.

After a crash SQLite takes the frames of the ``-wal`` up to the first whose checksum is wrong and silently drops the
rest. That is right for a transaction that was cut off, and it is always the last one. A frame damaged further up would
take all later commits with it, acknowledged ones among them, and nobody would be told: hence this check, before SQLite
opens it.

How many frames it would take SQLite says itself: a second name of the ``-wal``, beside an empty database in a folder of
its own, is read back as the real one will be, a GB in a second or two. Only the heads of the frames behind that are
looked at here. Nothing is written into the ``-wal``: that database is opened for reading alone.

The formats are SQLite's: https://www.sqlite.org/fileformat2.html#walformat and
https://www.sqlite.org/walformat.html#the_wal_index_file_format
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682
"""Its lowest bit says that the checksums are of big-endian numbers."""
_INDEX_HEADER = struct.Struct("=3I2BH2I")
"""In the machine's own order: version, unused, changes, whether it is made, order of checksums, page size, frames that
count, pages."""
_FOLDER = ".walcheck"


class _Frame(NamedTuple):
    current: bool
    """It has the marks of this header, so it was not left over from an earlier round through the same file."""
    commit: bool


def lost_commits(wal: Path) -> bool:
    """Whether frames that SQLite would drop belong to a transaction that was committed.

    A transaction is written only after the one before it has reached the disk. So a damaged frame that is followed by
    a commit and by one more frame of the same round stands in a transaction that was committed. In the last
    transaction, damage cannot be told from a power failure in mid-write.

    Raises:
        OSError: A folder beside it cannot be made, or it cannot be read.
        sqlite3.Error: SQLite can read no such ``-wal``.
    """
    try:
        with wal.open("rb") as stream:
            header = stream.read(_HEADER)
            # Without a head it is empty for SQLite; what is not empty is seen by the look behind it.
            taken = _taken(wal) if len(header) == _HEADER else 0
            commits = 0
            for frame in _frames(stream, header, taken):
                if frame.current and commits:
                    return True
                commits += frame.current and frame.commit
    except FileNotFoundError:
        return False
    return False


def _taken(wal: Path) -> int:
    """How many frames SQLite takes."""
    folder = wal.with_name(wal.name + _FOLDER)
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed here
    folder.mkdir(mode=0o700)
    try:
        database = folder / "database"
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("PRAGMA application_id = 1")  # without any page SQLite would remove the -wal
        try:
            os.link(wal, folder / "database-wal")
        except OSError:
            shutil.copyfile(wal, folder / "database-wal")  # there are file systems without hard links
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
            with suppress(sqlite3.DatabaseError):
                # Its pages are not those of this database; but it was read back before that is noticed.
                connection.execute("SELECT 1 FROM sqlite_master").fetchall()
            made, frames = _read_index(folder / "database-shm")
            if not made:
                connection.execute("SELECT 1 FROM sqlite_master").fetchall()
                raise sqlite3.OperationalError("SQLite has not read its -wal back")
            return frames
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read_index(shm: Path) -> tuple[bool, int]:
    with suppress(FileNotFoundError), shm.open("rb") as stream:
        header = stream.read(_INDEX_HEADER.size)
        if len(header) == _INDEX_HEADER.size:
            _, _, _, made, _, _, frames, _ = _INDEX_HEADER.unpack(header)
            return bool(made), frames
    return False, 0


def _frames(stream: BinaryIO, header: bytes, taken: int) -> Iterator[_Frame]:
    """The frames behind those that SQLite takes."""
    if len(header) < _HEADER:
        return
    magic, _, page_size, _, *salts = struct.unpack(">6I", header[:24])
    if magic & ~1 != _MAGIC or not _is_whole(header, ">" if magic & 1 else "<"):
        # Frames cannot be told from each other then; but where there are some, they are all dropped.
        if stream.read(_FRAME).strip(b"\0"):
            yield from (_Frame(current=True, commit=True),) * 2
        return
    size = os.fstat(stream.fileno()).st_size
    for place in range(_HEADER + taken * (_FRAME + page_size), size - _FRAME - page_size + 1, _FRAME + page_size):
        stream.seek(place)
        _, pages_after_commit, *marks = struct.unpack(">4I", stream.read(16))
        yield _Frame(marks == salts, pages_after_commit > 0)


def _is_whole(header: bytes, order: str) -> bool:
    first = second = 0
    for low, high in struct.iter_unpack(f"{order}2I", header[:24]):
        first = (first + low + second) & 0xFFFFFFFF
        second = (second + high + first) & 0xFFFFFFFF
    return (first, second) == struct.unpack(">2I", header[24:])
