# SPDX-License-Identifier: GPL-3.0-only
"""Logs that cannot have what is looked for are told from the others many at once, before any line of them is cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..store.chunks import load_whole
from ..store.engine import Database
from .look_time import LookTime, TimeIsOver
from .query import Query
from .time_slice import pause

_MOST_BYTES = 4 * 2**20
"""Text that is fetched at once, and the largest log that is screened: a larger one is looked through in pieces."""
_SECONDS = 0.1
"""How long one step may take. An expression that needs longer is as slow in what follows."""
_TURN = 2**19
"""Bytes after which others have some time: they are looked through in a millisecond."""


class Screening:
    """Finds out which logs need not be looked through. For one call of one search."""

    def __init__(self, database: Database, query: Query, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._query = query
        self._clock = clock
        self._screened: dict[int, bool] = {}

    def excludes(self, logs: Iterable[tuple[int, int]]) -> bool:
        """Whether the first of some logs has no line that fits, for certain.

        Args:
            logs: Their ids and how many bytes they have, in the order in which they will be asked for: the next ones
                are screened with the first.

        Raises:
            Unavailable: The database fails.
        """
        if self._query.may_be_in_log is None:
            return False
        some: list[int] = []
        total = 0
        for log_id, size in logs:
            if not some and log_id in self._screened:
                return self._screened[log_id]
            total += size
            if total > _MOST_BYTES:
                break
            some.append(log_id)
        if not some:
            return False
        self._screened = {some[0]: False} | self._screen(some)
        return self._screened[some[0]]

    def _screen(self, log_ids: list[int]) -> dict[int, bool]:
        """Which of some logs are excluded; those that there was no time for are not in it."""
        may_be_in = self._query.may_be_in_log
        assert may_be_in is not None
        excluded: dict[int, bool] = {}
        looked = LookTime(_SECONDS, self._clock)
        looked.come_to(1, True)
        with self._database.reading() as connection:
            stored = load_whole(connection, log_ids)
        size = 0
        try:
            for log_id in log_ids:
                pieces = stored.text_of(log_id)
                excluded[log_id] = pieces is not None and not may_be_in(pieces, looked)
                size += sum(map(len, pieces or ()))
                if size >= _TURN:
                    pause()
                    size = 0
        except TimeIsOver:
            pass
        return excluded
