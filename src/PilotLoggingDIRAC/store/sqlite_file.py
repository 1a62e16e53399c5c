# SPDX-License-Identifier: GPL-3.0-only
"""The one SQLite file of a host: opened so that nothing acknowledged gets lost, and quarantined when it is damaged."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import ConfigurationError, Unavailable
from .quarantine import Identity, companion_of, finish, identity_of, isolate, list_quarantined, locked
from .wal_bound import FileConnection, empty_wal
from .wal_check import lost_commits

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""Not among them: errors of the disk, a full disk, missing rights. Those may pass."""
_OWN_WORD = b"PilotLog"
"""Stands in each file of ours: SQLite keeps the words with which a table was made."""
_LOST_TABLE = "no such table: PilotLog"
_REMNANTS_MILLISECONDS = 200
_LOOKS = 3


def _is_damage(error: BaseException | None) -> bool:
    """Whether SQLite said that the file is damaged, or none of its own."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


class SQLiteFile:
    """A file that may be set aside by any process while others have it open.

    Each opens it under a shared lock, so that file and ``-wal`` are always of one database, and looks before each
    transaction whether the name still belongs to the file that it has open.
    """

    def __init__(self, path: Path, busy_seconds: float, report: Callable[[str], None]) -> None:
        """Nothing is opened yet.

        Args:
            path: Full path.
            busy_seconds: How long a connection waits for another process's transaction.
            report: Told, in one or two sentences, what needs a person.
        """
        self.path = path
        self._busy_seconds = busy_seconds
        self._report = report
        self._known: Identity | None = None
        self._known_wal: Identity | None = None
        self._ours: Identity | None = None

    @property
    def identity(self) -> Identity | None:
        """Which file has the name now."""
        return identity_of(self.path)

    def note_ours(self, identity: Identity | None) -> None:
        """This file holds our tables: it need not be looked for them should it be damaged later."""
        self._ours = identity

    def is_damaged(self, opened: Identity | None, error: BaseException | None) -> bool:
        """Whether this error on a connection to that file says that it is damaged, and not busy, full or the like.

        A table that was there is a sign too: where SQLite's own list of tables is overwritten it may seem empty.
        """
        return _is_damage(error) or (opened == self._ours and str(error).startswith(_LOST_TABLE))

    def connect(self) -> FileConnection:
        """Open the file, or a new one when it turns out to be damaged.

        Raises:
            ConfigurationError: The file is of something else.
            Unavailable: It is damaged and cannot be set aside.
            sqlite3.Error: It cannot be opened.
        """
        for _ in range(_LOOKS):
            connection = None
            try:
                if self.identity is None or self.identity != self._known:
                    self._inspect()
                with locked(self.path, exclusive=False):
                    connection = sqlite3.connect(
                        self.path, timeout=self._busy_seconds, check_same_thread=False, factory=FileConnection
                    )
                    connection.identity = self.identity
                    _configure(connection, self._busy_seconds)
                    self._known, self._known_wal = connection.identity, identity_of(companion_of(self.path, "-wal"))
                return connection
            except sqlite3.Error as error:
                try:
                    if not _is_damage(error):
                        raise
                    damaged = connection.identity if connection else None
                    refusal = self.found_damaged(damaged, str(error))
                    if damaged == self._ours:
                        # The new one has no tables yet, and who asked for this connection counts on them.
                        raise refusal from error
                finally:
                    # Not before: while the file has its name, closing it would empty its -wal into it.
                    if connection:
                        connection.close()
            except OSError as error:
                raise Unavailable(f"PilotLogDB cannot do that now: {error}.", reason="database") from error
        raise Unavailable("PilotLogDB is damaged again and again: look at its disk.", reason="database")

    def drop_remnants(self) -> bool:
        """Empty the ``-wal``, in which earlier states of pages stand; False where somebody reads one of them now.

        Raises:
            Unavailable, sqlite3.Error: The file cannot be opened.
        """
        connection = self.connect()
        try:
            return empty_wal(connection, _REMNANTS_MILLISECONDS)
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()

    def found_damaged(self, damaged: Identity | None, problem: str) -> Unavailable:
        """Set a file aside, unless somebody else has done so.

        Args:
            damaged: The file that SQLite complained about.
            problem: What it said.

        Returns:
            What to tell those who are waiting for it.

        Raises:
            ConfigurationError: The file is of something else, and is left alone.
            Unavailable: It cannot be set aside, and is left alone.
        """
        try:
            with locked(self.path, exclusive=True):
                if damaged is not None and self.identity == damaged:
                    if damaged != self._ours:
                        self._refuse_others()
                    self._told(isolate(self.path), problem)
        except OSError as error:
            sentence = (
                f"PilotLogDB is damaged ({problem}) and cannot be set aside: {error}. Move {self.path} away by hand."
            )
            self._report(sentence)
            raise Unavailable(sentence, reason="database") from error
        return Unavailable("PilotLogDB was damaged and has been replaced: send it again.", reason="database")

    def list_set_aside(self) -> list[Path]:
        """Damaged files that wait for an operator."""
        return list_quarantined(self.path)

    def _inspect(self) -> None:
        """Look at a file that this process has not opened yet, before SQLite does."""
        wal = companion_of(self.path, "-wal")
        with locked(self.path, exclusive=True):
            if self._known is not None and self.identity == self._known:
                return  # another thread has looked at it meanwhile, and may have opened it
            self._isolate_what_is_damaged(wal)
            if self.identity is not None:
                self._known, self._known_wal = self.identity, identity_of(wal)

    def _isolate_what_is_damaged(self, wal: Path) -> None:
        """The caller has the exclusive lock."""
        if finished := finish(self.path):
            self._told(finished, "somebody was interrupted while he set it aside")
        file, stale = self.identity, identity_of(wal)
        gone = self._known is not None and self._known not in map(identity_of, self.list_set_aside())
        if gone:
            self._report(f"{self.path} was removed or replaced under a running process, which now uses what is there.")
        if stale is None or not wal.stat().st_size:
            return
        if gone and stale == self._known_wal:
            self._told(isolate(self.path, first="-shm"), "it was removed or replaced, and its -wal left behind")
        elif file is None:
            self._told(isolate(self.path), "it is missing, and its -wal was left behind")
        elif not self.path.stat().st_size:
            self._told(isolate(self.path), "it is empty, and its -wal is not")
        elif self._lost_commits(wal):
            self._told(isolate(self.path), "its -wal is damaged: SQLite would drop committed text")

    def _lost_commits(self, wal: Path) -> bool:
        """Several looks: another process that writes meanwhile may be seen half-way, but not each time."""
        return not _in_use(companion_of(self.path, "-shm")) and all(lost_commits(wal) for _ in range(_LOOKS))

    def _refuse_others(self) -> None:
        """
        Raises:
            ConfigurationError: Nothing in the file says that it ever was a PilotLogDB.
        """
        with self.path.open("rb") as stream:
            last = b""
            while block := stream.read(2**20):
                if _OWN_WORD in last + block:
                    return
                last = block[-len(_OWN_WORD) :]
        raise ConfigurationError(
            "/Systems/WorkloadManagement/Databases/PilotLogDB/SQLiteFile",
            f"leads to {self.path}, which is no PilotLogDB and is left alone. If it was one, move it away; "
            "else name another file.",
        )

    def _told(self, target: Path, problem: str) -> None:
        self._report(
            f"{self.path} is damaged ({problem}). It has been set aside as {target}, with its -wal, and a new one "
            "is used. "
            'What is in it is not lost: copy all its pieces, then read the copy with sqlite3 COPY ".recover" '
            '(or ".dump"), see docs/operating.md. Move it away when that is done.'
        )


def _configure(connection: sqlite3.Connection, busy_seconds: float) -> None:
    connection.isolation_level = None  # transactions begin where the engine says, not where the driver thinks
    _use_wal(connection, busy_seconds)
    # FULL: a commit has reached the disk when it returns. Promise 1 stands on this line.
    connection.execute("PRAGMA synchronous = FULL")
    # What is erased, or has expired, is not to be had from the file's free space either.
    connection.execute("PRAGMA secure_delete = ON")


def _use_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """The first connection of all switches the file; while it does, SQLite refuses the others without waiting."""
    until = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _in_use(shm: Path) -> bool:
    """Whether some process has the database open: each holds a lock on ``-shm``.

    Looked up in the kernel's list: opening ``-shm`` and closing it would drop this process's own locks.
    """
    identity = identity_of(shm)
    if identity is None:
        return False
    try:
        with Path("/proc/locks").open() as stream:
            return any(line.split()[-3].endswith(f":{identity.inode}") for line in stream)
    except OSError:
        return False
