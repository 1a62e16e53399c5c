# SPDX-License-Identifier: GPL-3.0-only
"""Keeps SQLite's ``-wal`` short, also while readers overlap.

SQLite copies the ``-wal`` into the file by itself, but begins it anew only at a moment without any reader in it. With
readers that overlap there is none, and it grows until the disk is full; after a crash all of it is checked and read
back before the first request is answered. Once a checkpoint has waited for the readers that began before it, those that
come meanwhile read the file alone, and the ``-wal`` can be emptied under them.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

LIMIT = 64 * 2**20
"""Bytes of ``-wal`` past which it is emptied: that much is read back in no time after a crash."""
_PAUSE_SECONDS = 5.0
"""Between two tries that readers were in the way of."""
_PATIENCE = ((4.0, 8000), (0.0, 500))
"""How long a try waits for readers, in ms, from how many limits on: writers wait as long, others' too."""


class WALBound:
    """Empties the ``-wal`` of one file when it is too long. For one thread, the writer's."""

    def __init__(self, wal: Path, limit: int = LIMIT) -> None:
        """Nothing is done yet.

        Args:
            wal: Its path.
            limit: In bytes.
        """
        self._wal = wal
        self._limit = limit
        self._next = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is too long; a look at its size, no more."""
        try:
            size = self._wal.stat().st_size
        except OSError:
            return False
        return size > self._limit and time.monotonic() >= self._next

    def shorten(self, connection: sqlite3.Connection) -> None:
        """Empty it, or as much as the readers allow; who stays in the way too long is waited for the next time.

        Args:
            connection: Without a transaction.

        Raises:
            sqlite3.Error: It could not be done for another reason than readers.
        """
        times = self._wal.stat().st_size / self._limit
        patience = next(milliseconds for least, milliseconds in _PATIENCE if times >= least)
        self._next = 0.0 if empty_wal(connection, patience) else time.monotonic() + _PAUSE_SECONDS


def empty_wal(connection: sqlite3.Connection, patience: int) -> bool:
    """Empty the ``-wal``, or as much as the readers allow; False where one of them was in the way.

    Args:
        connection: Without a transaction.
        patience: How long it waits for readers, in ms; writers wait as long.

    Raises:
        sqlite3.Error: It could not be done for another reason than readers.
    """
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {patience}")
    try:
        (blocked, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}")
    return not blocked
