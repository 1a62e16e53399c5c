# SPDX-License-Identifier: GPL-3.0-only
"""Keeps SQLite's ``-wal`` short, also while readers overlap, and holds up nobody for long when it has become long.

SQLite copies the ``-wal`` into the file by itself, but begins it anew only at a moment without any reader in it. With
readers that overlap there is none, and it grows until the disk is full; after a crash all of it is checked and read
back before the first request is answered. Once a checkpoint has waited for the readers that began before it, those that
come meanwhile read the file alone, and the ``-wal`` can be emptied under them.

A long one, as a crash or a reader that stays leaves it, SQLite would copy in the next commit: seconds for a GB. So it
is copied beside the commits first, which locks no writer out, and emptied when little is left to copy.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from ..errors import PilotLoggingError
from .quarantine import Identity

LIMIT = 64 * 2**20
"""Bytes of ``-wal`` past which it is emptied: that much is read back in no time after a crash."""
_LONG = 4
"""So many limits of it are copied beside the commits."""
_USUAL_PAGES = 1000
"""SQLite's own figure: with so many in it, a commit copies them."""
_INTERRUPT_SECONDS = 0.1
_PAUSE_SECONDS = 5.0
"""Between two tries that readers were in the way of."""
_PATIENCE = ((_LONG, 8000), (0.0, 500))
"""How long a try waits for readers, in ms, from how many limits on: writers wait as long, others' too."""

_log = logging.getLogger(__name__)


class FileConnection(sqlite3.Connection):
    """A connection that knows which file it has open, and whether its commits copy what is in the ``-wal``."""

    identity: Identity | None = None
    copies = True


class WALBound:
    """Empties the ``-wal`` of one file when it is too long."""

    def __init__(self, wal: Path, connect: Callable[[], FileConnection], limit: int = LIMIT) -> None:
        """Nothing is done yet.

        Args:
            wal: Its path.
            connect: Opens the file.
            limit: In bytes.
        """
        self._wal = wal
        self._connect = connect
        self._limit = limit
        self._next = 0.0
        self._lock = threading.Lock()
        self._copying: threading.Thread | None = None
        self._connection: FileConnection | None = None
        self._is_copied = False

    @property
    def is_due(self) -> bool:
        """Whether it is too long, and can be emptied soon; a look at its size, no more."""
        size = self._size()
        if size <= self._limit or self._is_copying or time.monotonic() < self._next:
            return False
        return size <= _LONG * self._limit or self._is_copied

    def shorten(self, connection: sqlite3.Connection) -> None:
        """Empty it, or as much as the readers allow; who stays in the way too long is waited for the next time.

        For one thread, the writer's.

        Args:
            connection: Without a transaction.

        Raises:
            sqlite3.Error: It could not be done for another reason than readers.
        """
        times = self._wal.stat().st_size / self._limit
        patience = next(milliseconds for least, milliseconds in _PATIENCE if times >= least)
        self._is_copied = False
        self._next = 0.0 if empty_wal(connection, patience) else time.monotonic() + _PAUSE_SECONDS

    def before_writing(self, connection: FileConnection) -> None:
        """Let no commit of this connection copy a long one: that begins here, in a thread of its own.

        Args:
            connection: Without a transaction.
        """
        is_long = self._size() > _LONG * self._limit
        if connection.copies == is_long:
            connection.execute(f"PRAGMA wal_autocheckpoint = {0 if is_long else _USUAL_PAGES}")
            connection.copies = not is_long
        if is_long:
            with self._lock:
                if not self._is_copying and not self._is_copied and time.monotonic() >= self._next:
                    self._copying = threading.Thread(target=self._copy, name="PilotLogDB-copy", daemon=True)
                    self._copying.start()

    def close(self) -> None:
        """End the copying; what is missing is copied the next time."""
        while (copying := self._copying) is not None and copying.is_alive():
            if (connection := self._connection) is not None:
                with suppress(sqlite3.ProgrammingError):  # it has ended meanwhile
                    connection.interrupt()
            copying.join(_INTERRUPT_SECONDS)

    @property
    def _is_copying(self) -> bool:
        return self._copying is not None and self._copying.is_alive()

    def _size(self) -> int:
        try:
            return self._wal.stat().st_size
        except OSError:
            return 0

    def _copy(self) -> None:
        """As far as the readers allow. What goes wrong is left to the next transaction, which says it to somebody."""
        try:
            with closing(self._connect()) as connection:
                self._connection = connection
                busy, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                (size,) = connection.execute("PRAGMA page_size").fetchone()
                self._is_copied = not busy and (pages - copied) * size <= self._limit
        except (sqlite3.Error, PilotLoggingError) as error:
            _log.warning("PilotLogDB's -wal could not be copied: %s", error)
        finally:
            self._connection = None
            self._next = 0.0 if self._is_copied else time.monotonic() + _PAUSE_SECONDS


def empty_wal(connection: sqlite3.Connection, patience: int) -> bool:
    """Empty the ``-wal``, or as much as the readers allow; False where one of them was in the way.

    Writers are locked out while the last of it is copied, and not while all is.

    Args:
        connection: Without a transaction.
        patience: How long it waits for readers, in ms; writers wait as long.

    Raises:
        sqlite3.Error: It could not be done for another reason than readers.
    """
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {patience}")
    try:
        (blocked, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}")
    return not blocked
