# SPDX-License-Identifier: GPL-3.0-only
"""What a collector counts of itself, for those who operate it."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..errors import PilotLoggingError
from ..text import one_line

_REMEMBERED = 2000
"""Latencies that the percentiles are taken from."""
_LATENCY_SECONDS = 600.0
"""Older ones count no longer: what was slow in the morning is no trouble in the evening."""
_RATE_SECONDS = 60
_LAST_REFUSALS = 10
_SENTENCE = 300


class _Refusal(NamedTuple):
    who: str
    reason: str
    sentence: str


class Metrics:
    """Counters of one process, since its start. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count.

        Args:
            clock: In seconds.
        """
        self._clock = clock
        self._begun = clock()
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._unsearched: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._last_refusals: OrderedDict[_Refusal, tuple[datetime, int]] = OrderedDict()
        self._latencies: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._seconds: deque[list[int]] = deque(maxlen=_RATE_SECONDS + 1)  # second, messages and bytes in it

    def note_stored(self, size: int, repeated: bool, seconds: float) -> None:
        """A message of ``size`` bytes was acknowledged ``seconds`` after it had been read."""
        now = self._clock()
        with self._lock:
            self._counted["acknowledged"] += 1
            self._counted["bytes"] += size
            self._counted["repeated"] += repeated
            self._latencies.append((now, seconds))
            if not self._seconds or self._seconds[-1][0] != int(now):
                self._seconds.append([int(now), 0, 0])
            self._seconds[-1][1] += 1
            self._seconds[-1][2] += size

    def note_unsearched(self, vo: str, size: int) -> None:
        """So many bytes of a message that was stored could not be searched for secrets in time, and were left out."""
        with self._lock:
            self._unsearched[vo] += size

    def note_refusal(self, error: PilotLoggingError, who: str) -> None:
        """A request of somebody was answered with an error; it is counted by its reason."""
        self.note_refused(error.reason, who, str(error))

    def note_refused(self, reason: str, who: str, sentence: str) -> None:
        """A request was refused in another way. What a peer sent may be in the sentence."""
        refusal = _Refusal(one_line(who, _SENTENCE), reason, one_line(sentence, _SENTENCE))
        with self._lock:
            self._refused[reason] += 1
            # The same once more is no news: it must not push out the others.
            _, times = self._last_refusals.pop(refusal, (None, 0))
            self._last_refusals[refusal] = (datetime.now(UTC), times + 1)
            while len(self._last_refusals) > _LAST_REFUSALS:
                self._last_refusals.popitem(last=False)

    def answer(self) -> dict[str, Any]:
        """The figures.

        ``latency`` in seconds, of the last 2000 messages of the last ten minutes, None where there are none; ``rate`` a
        second; ``lastRefusals`` has the latest one last, each with how often the same was said to the same caller.
        """
        now = self._clock()
        with self._lock:
            ordered = sorted(latency for moment, latency in self._latencies if now - moment <= _LATENCY_SECONDS)
            lately = [entry for entry in self._seconds if entry[0] > now - _RATE_SECONDS - 1]
            up = now - self._begun
            minute = max(1.0, min(up, _RATE_SECONDS))
            return {
                "secondsUp": up,
                "acknowledged": self._counted["acknowledged"],
                "bytes": self._counted["bytes"],
                "repeated": self._counted["repeated"],
                "unsearched": dict(self._unsearched),
                "rate": {
                    "lastMinute": _rate(sum(each[1] for each in lately), sum(each[2] for each in lately), minute),
                    "sinceStart": _rate(self._counted["acknowledged"], self._counted["bytes"], max(1.0, up)),
                },
                "latency": {"p50": _percentile(ordered, 0.50), "p99": _percentile(ordered, 0.99)},
                "refused": dict(self._refused),
                "lastRefusals": [
                    {"time": moment.isoformat(timespec="seconds"), "times": times, **refusal._asdict()}
                    for refusal, (moment, times) in self._last_refusals.items()
                ],
            }


def _rate(messages: int, size: int, seconds: float) -> dict[str, float]:
    return {"messages": round(messages / seconds, 3), "bytes": round(size / seconds, 1)}


def _percentile(ordered: list[float], share: float) -> float | None:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None
