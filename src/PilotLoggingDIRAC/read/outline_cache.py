# SPDX-License-Identifier: GPL-3.0-only
"""The outlines of the logs that people look at, kept and brought up to date."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from ..model import LogKey, LogRecord
from ..store.chunks import Moved
from .log_text import LogText, version_of
from .outline import Outline, OutlineBuilder
from .reader import Reader
from .time_slice import SLICE, time_slice

_MOST_WEIGHT = 50_000
"""Blocks of all outlines together: some 40 MB. A log of usual size has ten."""
_TRIES = 4

T = TypeVar("T")


class _Kept:
    """The outline of one log, and what it takes to extend it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.outline: Outline | None = None
        self.last_chunk = 0
        self._builder = OutlineBuilder()
        self._fingerprint: int | None = None
        self._gaps = 0

    @property
    def weight(self) -> int:
        return self._builder.weight

    def bring_up_to(self, text: LogText) -> Outline:
        """The outline of a text, extended where that begins with what was seen before, else made anew."""
        builder = self._builder
        if self._fingerprint is None or text.fingerprint(builder.size) != self._fingerprint:
            builder, self._gaps = OutlineBuilder(), 0
        # Until it is done, nobody can go on with it.
        self._fingerprint, self._builder = None, builder
        gaps = list(text.gaps[self._gaps :])
        while True:
            while gaps and gaps[0].offset <= builder.size:
                builder.note_gap(gaps.pop(0))
                self._gaps += 1
            if builder.size >= text.size:
                break
            end = min(builder.size + SLICE, gaps[0].offset if gaps else text.size)
            data = text.read(builder.size, end)
            with time_slice():
                builder.feed(data)
        self.outline = builder.outline(text.version, text.edition)
        self._fingerprint = text.fingerprint(builder.size)
        self.last_chunk = text.record.last_chunk_id if text.record else 0
        return self.outline


class OutlineCache:
    """Serves all threads of a process; forgets those outlines first that nobody has asked for the longest."""

    def __init__(self, reader: Reader, most_weight: int = _MOST_WEIGHT) -> None:
        self._reader = reader
        self._most_weight = most_weight
        self._lock = threading.Lock()
        self._kept: OrderedDict[LogKey, _Kept] = OrderedDict()

    def unchanged(self, key: LogKey, version: str) -> Outline | None:
        """The outline of a log whose text is still that of ``version``, if it is at hand: this is quick."""
        with self._lock:
            kept = self._kept.get(key)
        outline = kept.outline if kept else None
        if outline is None or outline.version != version:
            return None
        record = self._reader.record(key)
        return outline if record is not None and version_of(record) == version else None

    def look(self, key: LogKey, work: Callable[[LogText, Outline], T]) -> T:
        """Do something with a log's text and its outline.

        Args:
            work: Is called again when the log was changed under its hands.

        Raises:
            NotFound, NotKept, Unavailable: As from :class:`.reader.Reader`.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                with self._reader.opened(key) as text:
                    return work(text, self._of(key, text))
            except Moved:
                if not tries_left:
                    raise
        raise AssertionError("the last try has returned or raised")

    def _of(self, key: LogKey, text: LogText) -> Outline:
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
        with kept.lock:
            outline = kept.outline
            if outline is None or outline.version != text.version:
                if _is_older(text.record, kept):
                    raise Moved("The log has just grown: read again.")
                outline = kept.bring_up_to(text)
        self._forget_some()
        return outline

    def _forget_some(self) -> None:
        with self._lock:
            weight = sum(kept.weight for kept in self._kept.values())
            while weight > self._most_weight and len(self._kept) > 1:
                _, forgotten = self._kept.popitem(last=False)
                weight -= forgotten.weight


def _is_older(record: LogRecord | None, kept: _Kept) -> bool:
    """Whether somebody else has seen a later state of the log meanwhile."""
    return (
        record is not None
        and kept.outline is not None
        and _log_id(kept.outline) == record.log_id
        and (record.last_chunk_id < kept.last_chunk)
    )


def _log_id(outline: Outline) -> int | None:
    first = outline.version.split(".")[0]
    return int(first) if first.isdigit() else None
