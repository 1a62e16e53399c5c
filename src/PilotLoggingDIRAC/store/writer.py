# SPDX-License-Identifier: GPL-3.0-only
"""Group commit: many requests wait for one transaction, and none waits for its own alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

from ..errors import PilotLoggingError, Unavailable
from ..model import Append, Appended
from .append import append_all
from .engine import Database, StatementRefused

_BATCH_MESSAGES = 500
_BATCH_BYTES = 8 * 2**20
"""A transaction ends at so many messages or bytes, so that the first one of a burst is not kept waiting by the last."""
_WEIGHT = 1024
"""What a waiting message takes beside its text, in bytes, about."""


class _Waiting(NamedTuple):
    append: Append
    answer: Future[Appended]


class GroupCommitWriter:
    """One thread that stores what all requests of this process hand it.

    While a transaction runs, new messages queue up; the next one takes them all. A message's future is set after its
    commit, or with the reason why it was not stored; so acknowledged means stored.
    """

    def __init__(self, database: Database, max_pending_size: int) -> None:
        """Start the thread.

        Args:
            database: Where to.
            max_pending_size: Bytes of text that may wait; more is refused: a slow database must not fill the memory.
        """
        self._database = database
        self._max_pending_size = max_pending_size
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._pending_size = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="PilotLogDB-writer", daemon=True)
        self._thread.start()

    def submit(self, append: Append) -> Future[Appended]:
        """Hand over a message; never blocks.

        Returns:
            A future: :class:`~..model.Appended` once the text is on disk, :class:`~..errors.Rejected` or
            :class:`~..errors.Unavailable` when it will not be.

        Raises:
            Unavailable: Too much is waiting already, or the writer is closed.
        """
        with self._lock:
            if self._closed:
                raise Unavailable("The collector is stopping: send to another one, or later.", reason="stopping")
            if self._pending_size > self._max_pending_size:
                raise Unavailable(
                    "The database is slower than the pilots at the moment: send it again later.", reason="database"
                )
            answer: Future[Appended] = Future()
            # It will be stored, so it cannot be cancelled any more.
            answer.set_running_or_notify_cancel()
            self._pending_size += len(append.data) + _WEIGHT
            # Within the lock: nothing comes behind the None with which close() ends the queue.
            self._queue.put(_Waiting(append, answer))
        return answer

    @property
    def pending_size(self) -> int:
        """Bytes of text that wait for their commit."""
        return self._pending_size

    def close(self) -> None:
        """Store what is waiting, then end. Later messages are refused."""
        with self._lock:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, ending = self._gather(first)
            self._store(batch)
            with self._lock:
                self._pending_size -= sum(len(waiting.append.data) + _WEIGHT for waiting in batch)
            if ending:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        batch, size = [first], len(first.append.data)
        while len(batch) < _BATCH_MESSAGES and size < _BATCH_BYTES:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return batch, True
            batch.append(waiting)
            size += len(waiting.append.data)
        return batch, False

    def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            answers = self._committed(batch)
        except Exception as error:
            if len(batch) > 1 and (isinstance(error, StatementRefused) or not isinstance(error, Unavailable)):
                # One message may be at the bottom of it: the others must not suffer.
                for waiting in batch:
                    self._store([waiting])
                return
            failure = error
            if not isinstance(error, Unavailable):
                failure = Unavailable(f"The message could not be stored: {type(error).__name__}: {error}.")
                failure.__cause__ = error
            for waiting in batch:
                waiting.answer.set_exception(failure)
            return
        for waiting, answer in zip(batch, answers, strict=True):
            if isinstance(answer, PilotLoggingError):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)

    def _committed(self, batch: Sequence[_Waiting]) -> list[Appended | PilotLoggingError]:
        appends = [waiting.append for waiting in batch]
        return self._database.transact(
            lambda connection: append_all(connection, appends, self._database.now(connection))
        )
