# SPDX-License-Identifier: GPL-3.0-only
"""Group commit: many requests wait for one transaction, and none waits for its own alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

from ..errors import PilotLoggingError, Unavailable
from ..model import Append, Appended
from .append import append_all
from .engine import Database, StatementRefused
from .fair_queue import FairQueue

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
                One VO may have the most of it, and never all: see :mod:`.fair_queue`.
        """
        self._database = database
        self._queue: FairQueue[_Waiting] = FairQueue(max_pending_size)
        self._thread = threading.Thread(target=self._run, name="PilotLogDB-writer", daemon=True)
        self._thread.start()

    def submit(self, append: Append) -> Future[Appended]:
        """Hand over a message; never blocks.

        Returns:
            A future: :class:`~..model.Appended` once the text is on disk, :class:`~..errors.Rejected` or
            :class:`~..errors.Unavailable` when it will not be.

        Raises:
            Unavailable: Too much of its VO is waiting already, or the writer is closed.
        """
        answer: Future[Appended] = Future()
        # It will be stored, so it cannot be cancelled any more.
        answer.set_running_or_notify_cancel()
        if not self._queue.put(append.key.vo, _size(append), _Waiting(append, answer)):
            if self._queue.closed:
                raise Unavailable("The collector is stopping: send to another one, or later.", reason="stopping")
            raise Unavailable(
                f"The database is slower than the pilots of VO {append.key.vo} at the moment: send it again later.",
                reason="database",
            )
        return answer

    @property
    def pending_size(self) -> int:
        """Bytes of text that wait for their commit."""
        return self._queue.size

    def close(self) -> None:
        """Store what is waiting, then end. Later messages are refused."""
        self._queue.close()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._queue.take(_BATCH_MESSAGES, _BATCH_BYTES):
            self._store(batch)
            for append, _ in batch:
                self._queue.done(append.key.vo, _size(append))
            self._database.tidy()

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


def _size(append: Append) -> int:
    """Bytes that a waiting message takes in memory, about."""
    return append.size + _WEIGHT
