# SPDX-License-Identifier: GPL-3.0-only
"""Quarantine of a damaged SQLite file: moved away whole and bit for bit, whatever dies in between.

Committed text is in ``-wal`` until SQLite carries it over into the file, so the file and its ``-wal`` and ``-shm``
stay together: as ``<file>.corrupt-<UTC time>`` and the same with ``-wal`` and ``-shm``, where ``sqlite3`` looks for
them.

1. Each piece gets its new name as a second, hard link, and the folder is synchronised. From here on nothing can be
   lost: what removes an old name leaves the new one.
2. The file's old name goes first. Without it no process finds the damaged file any more, so nobody writes into it or
   empties its ``-wal`` into it: SQLite leaves the ``-wal`` alone when a connection is closed whose file has moved. With
   the ``-wal`` gone first, SQLite could open the file without its latest commits, take it for sound, and write into it.
3. ``-shm`` and ``-wal`` go next. A crash before that leaves a ``-wal`` without its file. SQLite removes such a one by
   its name, or (some versions) writes over it in place, which would be in the set-aside copy: so :func:`finish` removes
   it before anybody opens the file, all under the lock.

The main file is only linked, looked at and unlinked here, never opened: closing a descriptor of a file drops all locks
that this process has on it, and SQLite's with them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

_MARK = ".corrupt-"
_REMOVAL = ("", "-shm", "-wal")
"""The pieces of a database, in the order in which their names go."""


class Identity(NamedTuple):
    """Tells a file from another one of the same name."""

    device: int
    inode: int


def identity_of(path: Path) -> Identity | None:
    """Which file has that name now; None for no file at all."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Identity(status.st_dev, status.st_ino)


def companion_of(file: Path, ending: str) -> Path:
    """The file itself, or its ``-wal`` or ``-shm``."""
    return file.with_name(file.name + ending)


@contextmanager
def locked(file: Path, exclusive: bool) -> Iterator[None]:
    """Keep other processes of this package from setting the file aside, or (exclusive) from opening it.

    Raises:
        OSError: There can be no lock file beside it.
    """
    with companion_of(file, ".lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield


def isolate(file: Path, first: str = "") -> Path:
    """Give the file and what belongs to it new names. The caller has the exclusive lock.

    Args:
        file: The file.
        first: ``"-shm"`` leaves the file itself alone, where it is another one than the rest belongs to.

    Returns:
        The file's new name.

    Raises:
        OSError: That is not possible; every piece still has its old name, or :func:`finish` can go on with it.
    """
    target = file.with_name(f"{file.name}{_MARK}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    _complete(file, target, first)
    return target


def finish(file: Path) -> Path | None:
    """Go on where a process died in the middle of :func:`isolate`. The caller has the exclusive lock.

    Returns:
        The new name of the file that is now out of the way; None when nothing was left to do.
    """
    present = {ending: identity_of(companion_of(file, ending)) for ending in _REMOVAL}
    if not any(present.values()):
        return None
    for target in list_quarantined(file):
        ending = next(
            (end for end in _REMOVAL if present[end] and identity_of(companion_of(target, end)) == present[end]), None
        )
        if ending is not None:
            _complete(file, target, ending)
            return target
    return None


def list_quarantined(file: Path) -> list[Path]:
    """The files that were set aside beside this one and that nobody has taken away yet, oldest first."""
    try:
        names = [each.name for each in file.parent.iterdir() if each.name.startswith(file.name + _MARK)]
    except OSError:
        return []
    stems = {name.removesuffix("-wal").removesuffix("-shm") for name in names}
    return [file.with_name(name) for name in sorted(stems)]


def _complete(file: Path, target: Path, first: str) -> None:
    """Steps 1 to 3, for those pieces that have not gone through them yet.

    Args:
        file: The old name.
        target: The new one.
        first: The piece at which to begin: all before it are out of the way.
    """
    pieces = _REMOVAL[_REMOVAL.index(first) :]
    for ending in pieces:
        with suppress(FileNotFoundError, FileExistsError):
            os.link(companion_of(file, ending), companion_of(target, ending))
    _synchronise(file.parent)
    for ending in pieces:
        companion_of(file, ending).unlink(missing_ok=True)
    _synchronise(file.parent)


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
