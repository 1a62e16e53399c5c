# SPDX-License-Identifier: GPL-3.0-only
"""What operators want to know of the database, asked so that a database that hangs holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ..errors import PilotLoggingError

_TIMEOUT = 3.0


class DatabaseStatus:
    """Answers in bounded time, whatever the database does: with what is wrong with it if it comes to that.

    One question is under way at a time, on a thread of its own; whoever asks meanwhile gets the same answer.
    """

    def __init__(self, ask: Callable[[], dict[str, Any]], timeout: float = _TIMEOUT) -> None:
        """Nothing is asked yet.

        Args:
            ask: Asks the database.
            timeout: Seconds after which the answer is that there was none.
        """
        self._ask = ask
        self._timeout = timeout
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="standing")
        self._lock = threading.Lock()
        self._asked: Future[dict[str, Any]] | None = None

    def look(self) -> Future[dict[str, Any]]:
        """A future of what ``ask`` gave, with ``databaseProblem``: an empty string, or a sentence and nothing else."""
        answer: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._thread.submit(self._ask)
            asked = self._asked
        timer = threading.Timer(self._timeout, self._give_up, (answer,))
        timer.daemon = True
        timer.start()

        def answered(done: Future[dict[str, Any]]) -> None:
            timer.cancel()
            error = done.exception()
            with suppress(InvalidStateError):
                if error is None:
                    answer.set_result({**done.result(), "databaseProblem": ""})
                elif isinstance(error, PilotLoggingError):
                    answer.set_result({"databaseProblem": str(error)})
                else:
                    answer.set_result({"databaseProblem": f"PilotLogDB failed: {type(error).__name__}: {error}."})

        asked.add_done_callback(answered)
        return answer

    def _give_up(self, answer: Future[dict[str, Any]]) -> None:
        with suppress(InvalidStateError):
            answer.set_result({"databaseProblem": f"PilotLogDB has not answered within {self._timeout:g} s."})
