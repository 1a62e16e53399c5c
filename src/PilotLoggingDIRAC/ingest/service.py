# SPDX-License-Identifier: GPL-3.0-only
"""From a well-formed append to the writer: may it come in, and by which rules of its VO is it stored?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import NamedTuple

from ..model import Append, Appended, Rules
from ..redaction import Redactor
from ..settings import VOSettings
from ..store.writer import GroupCommitWriter
from .admission import Admission
from .metrics import Metrics


class VOPolicy(NamedTuple):
    """A VO's settings, and what takes the secrets out of its text (None: nothing does)."""

    settings: VOSettings
    redactor: Redactor | None


class IngestService:
    """Takes appends of all VOs, from several threads. It never blocks for longer than the next caller needs.

    Args:
        writer: Stores them.
        admission: Knows the limits.
        policy_of: Gives a VO's policy.
        metrics: Are told of each that was stored.
        clock: In seconds.
    """

    def __init__(
        self,
        writer: GroupCommitWriter,
        admission: Admission,
        policy_of: Callable[[str], VOPolicy],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._admission = admission
        self._policy_of = policy_of
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()

    def store(self, append: Append) -> Future[Appended]:
        """Have an append stored.

        Returns:
            A future: what became of it once it is on disk, or Rejected or Unavailable when it will not be.

        Raises:
            Unavailable: A limit of the VO or of the disk is reached, or too much is waiting.
        """
        begun = self._clock()
        vo, size = append.key.vo, len(append.data)
        with self._lock:
            settings, redactor = self._policy_of(vo)
            no_room = self._admission.check(append, settings)
            rules = Rules(settings.max_log_size, self._admission.may_open(vo, settings), redactor, no_room)

        def note(done: Future[Appended]) -> None:
            if done.exception() is None:
                stored = done.result()
                self._metrics.note_stored(size, stored.repeated, self._clock() - begun)
                if stored.left_out:
                    self._metrics.note_unsearched(vo, stored.left_out)

        answer = self._writer.submit(replace(append, rules=rules))
        answer.add_done_callback(note)
        return answer
