# SPDX-License-Identifier: GPL-3.0-only
"""Who may fetch from archives now: an archive that hangs holds up its own VO's logs only, and nobody's thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Unavailable
from ..read.fair_pool import current_turn

_AT_ONCE = 12
"""Fetches at one time, each in a process of its own."""
_OF_VO = 3
"""The same from one VO's archives."""
_OF_CALLER = 2
"""The same for one caller."""


class ArchivePlaces:
    """Whoever gets none is told so at once. The same object serves all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._of_vo: Counter[str] = Counter()
        self._of_caller: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def fetch(self, vo: str, name: str) -> Iterator[None]:
        """Around the fetching of something from a VO's archive. The reader's thread serves nobody meanwhile, but its
        place is that of others.

        Raises:
            Unavailable: Somebody else fetches the same, or others have all places.
        """
        turn = current_turn()
        caller = (turn.vo, turn.caller) if turn else None
        self._take(vo, name, caller)
        try:
            if turn is None:
                yield
            else:
                with turn.aside():
                    yield
        finally:
            with self._lock:
                self._names.discard(name)
                self._of_vo[vo] -= 1
                if caller:
                    self._of_caller[caller] -= 1
                self._of_vo, self._of_caller = +self._of_vo, +self._of_caller

    def _take(self, vo: str, name: str, caller: tuple[str, str] | None) -> None:
        with self._lock:
            if name in self._names:
                raise Unavailable("The log is being fetched from the archive: ask again in some seconds.")
            if caller and self._of_caller[caller] >= _OF_CALLER:
                raise Unavailable("Other logs are being fetched from the archive for you: ask again in some seconds.")
            if self._of_vo[vo] >= _OF_VO or len(self._names) >= _AT_ONCE:
                raise Unavailable("The collector is fetching other logs from the archive: ask again in some seconds.")
            self._names.add(name)
            self._of_vo[vo] += 1
            if caller:
                self._of_caller[caller] += 1
