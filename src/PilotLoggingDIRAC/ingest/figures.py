"""What a collector counts of itself, for those who operate it."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import Any

_REMEMBERED = 2000
"""Latencies that the percentiles are taken from."""


class Figures:
    """Counters of one process, since its start. Safe to use from several threads."""

    def __init__(self) -> None:
        self._begun = time.time()
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED)

    def note_stored(self, size: int, repeated: bool, seconds: float) -> None:
        """A message of ``size`` bytes was acknowledged ``seconds`` after it had been read."""
        with self._lock:
            self._counted["acknowledged"] += 1
            self._counted["bytes"] += size
            self._counted["repeated"] += repeated
            self._latencies.append(seconds)

    def note_refusal(self, error: Exception) -> None:
        """A request was answered with an error; it is counted by its kind."""
        with self._lock:
            self._refusals[type(error).__name__] += 1

    def answer(self) -> dict[str, Any]:
        """The figures. Latencies are of the last 2000 messages, in seconds; None before the first."""
        with self._lock:
            ordered = sorted(self._latencies)
            return {
                "secondsUp": time.time() - self._begun,
                "acknowledged": self._counted["acknowledged"],
                "bytes": self._counted["bytes"],
                "repeated": self._counted["repeated"],
                "refused": dict(self._refusals),
                "latency": {"p50": _percentile(ordered, 0.50), "p99": _percentile(ordered, 0.99)},
            }


def _percentile(ordered: list[float], share: float) -> float | None:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None
