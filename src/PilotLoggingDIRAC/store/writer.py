# SPDX-License-Identifier: GPL-3.0-only
"""Group commit: many requests wait for one transaction, and none waits for its own alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future

from ..errors import PilotLoggingError, Unavailable
from ..model import Append, Appended, LogKey
from .append import append_prepared
from .engine import Database, StatementRefused
from .fair_queue import FairQueue
from .look_through import LONGEST
from .prepared import Prepared, PutOff
from .turns import Turns

_BATCH_MESSAGES = 500
_BATCH_BYTES = 8 * 2**20
"""A transaction ends at so many messages or bytes, so that the first one of a burst is not kept waiting by the last."""
_WEIGHT = 1024
"""What a waiting message takes beside its text, in bytes, about."""


class _Waiting(Prepared):
    """A message of a request that waits for its answer."""

    __slots__ = ("answer", "key", "size")

    def __init__(self, append: Append, longest: float) -> None:
        super().__init__(append, longest)
        self.key = append.key
        self.size = append.size + _WEIGHT
        self.answer: Future[Appended] = Future()
        # It will be stored, so it cannot be cancelled any more.
        self.answer.set_running_or_notify_cancel()

    def go_on(self) -> bool:
        """One step of what is done before the transaction; True once there is no more, or it has failed."""
        try:
            return super().go_on()
        except Exception as error:
            self.fail(error)
            return True

    def fail(self, error: Exception) -> None:
        """Answer that it is not stored."""
        failure = error
        if not isinstance(error, PilotLoggingError):
            failure = Unavailable(f"The message could not be stored: {type(error).__name__}: {error}.")
            failure.__cause__ = error
        self.answer.set_exception(failure)


class GroupCommitWriter:
    """One thread that stores what all requests of this process hand it.

    While a transaction runs, new messages queue up; the next one takes them all, as far as they are ready: secrets are
    taken out before, VO by VO. A message's future is set after its commit, or with the reason why it was not stored; so
    acknowledged means stored.
    """

    def __init__(self, database: Database, max_pending_size: int, longest: float = LONGEST) -> None:
        """Start the thread.

        Args:
            database: Where to.
            max_pending_size: Bytes of text that may wait; more is refused: a slow database must not fill the memory.
                One VO may have the most of it, and never all: see :mod:`.fair_queue`.
            longest: Seconds of processor time for one message's text: see :mod:`.look_through`.
        """
        self._database = database
        self._longest = longest
        self._turns: Turns[_Waiting] = Turns()
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
        waiting = _Waiting(append, self._longest)
        if not self._queue.put(append.key.vo, waiting.size, waiting):
            if self._queue.closed:
                raise Unavailable("The collector is stopping: send to another one, or later.", reason="stopping")
            raise Unavailable(
                f"The database is slower than the pilots of VO {append.key.vo} at the moment: send it again later.",
                reason="database",
            )
        return waiting.answer

    @property
    def pending_size(self) -> int:
        """Bytes of text that wait for their commit."""
        return self._queue.size

    def close(self) -> None:
        """Store what is waiting, then end. Later messages are refused."""
        self._queue.close()
        self._thread.join()

    def _run(self) -> None:
        while (fresh := self._queue.take(_BATCH_MESSAGES, _BATCH_BYTES, wait=not self._turns)) or self._turns:
            ready = self._turns.ready(fresh)
            if batch := [waiting for waiting in ready if not waiting.answer.done()]:
                self._store(batch)
            put_off = []
            for waiting in ready:
                if waiting.answer.done():
                    self._queue.done(waiting.key.vo, waiting.size)
                else:
                    put_off.append(waiting)
            self._turns.put_back(put_off)
            if batch:
                self._database.tidy()

    def _store(self, batch: Sequence[_Waiting]) -> None:
        """Answer all that can be stored, or never will be; what is put off has no answer yet."""
        try:
            answers = self._committed(batch)
        except Exception as error:
            if len(batch) > 1 and (isinstance(error, StatementRefused) or not isinstance(error, Unavailable)):
                self._store_one_by_one(batch)
                return
            for waiting in batch:
                waiting.fail(error)
            return
        for waiting, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Appended):
                waiting.answer.set_result(answer)
            elif not isinstance(answer, PutOff):
                waiting.fail(answer)

    def _store_one_by_one(self, batch: Sequence[_Waiting]) -> None:
        """One message may be at the bottom of it: the others must not suffer."""
        put_off: set[LogKey] = set()
        for waiting in batch:
            if waiting.key in put_off:
                continue
            self._store([waiting])
            if not waiting.answer.done():
                put_off.add(waiting.key)

    def _committed(self, batch: Sequence[_Waiting]) -> list[Appended | PilotLoggingError | PutOff]:
        return self._database.transact(
            lambda connection: append_prepared(connection, batch, self._database.now(connection))
        )
