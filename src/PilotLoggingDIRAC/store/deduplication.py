# SPDX-License-Identifier: GPL-3.0-only
"""What a stock pilot sends again, recognised by its text: such a pilot numbers nothing.

It keeps its buffer when a send fails, also when only the reply was lost, and sends it again with whatever was logged
since. So a message that begins with all of a recent one is that one again, and only what stands behind is new. The
first copy may also be the last to arrive, when its collector was stopped with it in its hands: then it is the beginning
of a recent message, and nothing of it is new.

What is honest and happens to be alike differs in its time stamps. Text without any time stamp is taken for a repeat
only if it has more than one line or 64 bytes: a progress line that is printed again is not a repeat.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

REMEMBERED = 16
"""Messages that are remembered: a pilot has one buffer for each of its commands, and few are alive at once; the others
bridge the time for which a collector may be stopped."""
_FIRST_LINE = 256
"""Bytes of a first line that are looked at."""
_SHORT = 8
"""Hexadecimal digits of a digest that only chooses what to compare."""
_TIME_STAMP = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.,][0-9]")


class _Message(NamedTuple):
    """A message that was stored.

    Attributes:
        size: Its bytes, with those that had been stored before.
        digest: Of all of it.
        after: Digest of the earlier message that it began with, shortened; empty for none.
        chunk: The ChunkID that has what stood behind that; 0 where it is not known.
        first_line: Digest of that text's first line, shortened.
    """

    size: int
    digest: str
    after: str = ""
    chunk: int = 0
    first_line: str = ""


@dataclass(slots=True)
class Deduplication:
    """The recent messages of one log, latest last. Mutable: it lives for one transaction."""

    recent: list[_Message] = field(default_factory=list)

    @classmethod
    def load(cls, entries: Sequence[Sequence[Any]]) -> Deduplication:
        return cls([_Message(*entry) for entry in entries])

    def dump(self) -> list[tuple[Any, ...]]:
        return [tuple(message) for message in self.recent]

    def strip_known(self, data: bytes, chunk: int, begins_with: Callable[[int, bytes], bool]) -> bytes:
        """Note a message and give what of it is new: all, its end, or nothing.

        Args:
            data: The message.
            chunk: The ChunkID under which what is new will be stored.
            begins_with: Whether the chunk of that number is there and begins with this text.
        """
        known, digest = self._compared(data)
        before = known[-1] if known else _Message(0, "")
        new = data[before.size :]
        if not new:
            # Nothing of it is new; but that it came again makes it a recent one.
            self._remember(known, known[-1:])
            return b""
        message = _Message(len(data), digest, before.digest[:_SHORT], chunk, _first_line(new))
        if _is_telling(new) and any(
            begins_with(entry.chunk, new)
            for entry in self.recent
            if entry.chunk
            and entry.size > message.size
            and (entry.after, entry.first_line) == (message.after, message.first_line)
        ):
            return b""
        self._remember(known, [*known[-1:], message])
        return new

    def _compared(self, data: bytes) -> tuple[list[_Message], str]:
        """What the message begins with of what was stored, shortest first, and the digest of all of it; in one pass."""
        known, digest, view, done = [], _hash(), memoryview(data), 0
        for entry in sorted(entry for entry in self.recent if entry.size <= len(data)):
            digest.update(view[done : entry.size])
            done = entry.size
            if digest.hexdigest() == entry.digest and _is_telling(data[: entry.size]):
                known.append(entry)
        digest.update(view[done:])
        return known, digest.hexdigest()

    def _remember(self, known: list[_Message], latest: list[_Message]) -> None:
        # Of what a message repeats only the shortest and the longest stay: a buffer whose replies are lost again and
        # again must not push out what other buffers sent.
        others = [entry for entry in self.recent if entry not in known]
        self.recent = list(dict.fromkeys([*others, *known[:1], *latest]))[-REMEMBERED:]


def _is_telling(data: bytes) -> bool:
    """Whether the same text again must be a repeat."""
    return len(data) >= 64 or data.count(b"\n") > 1 or _TIME_STAMP.search(data) is not None


def _first_line(data: bytes) -> str:
    end = data.find(b"\n", 0, _FIRST_LINE) + 1
    return _hash(data[: end or _FIRST_LINE]).hexdigest()[:_SHORT]


def _hash(data: bytes = b"") -> hashlib.blake2b:
    return hashlib.blake2b(data, digest_size=12)
