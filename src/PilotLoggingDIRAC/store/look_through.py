# SPDX-License-Identifier: GPL-3.0-only
"""From a message's text to what is stored of it: secrets out, lines counted, compressed. In pieces, in bounded time.

What a piece costs is bounded by its size, so whoever has others to serve can do so between two. What cannot be searched
for secrets in time is not stored: one line stands in its place.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import zstandard

from ..lines.tally import Counts, count
from ..redaction import KEY_LINES, NOTHING, Carry, Redactor

PIECE = 32 * 1024
"""Bytes; nearly all messages are one piece. The worst text that we know takes 30 ms."""
LONGEST = 1.0
"""Seconds for a message, and then as many of processor time.

10 MB of a pilot's usual lines take 0.04 s, of harmless ``token=`` 0.6 s.
"""

_NETRC_PASSWORD = b"password"

_log = logging.getLogger(__name__)


class _Compression(threading.local):
    """A compressor for each thread: one must not be used by two at once."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3, write_content_size=True, write_checksum=True).compress


_compression = _Compression()


class Stored(NamedTuple):
    """What is stored of a text.

    Attributes:
        text: Without its secrets.
        data: The same, compressed.
        counts: What it adds to the figures of its log.
        carry: What the redaction of the next message needs, as :meth:`~..redaction.Carry.dump` gives it.
        left_out: Bytes of the sender's that could not be searched in time; a line in the text says so.
    """

    text: bytes
    data: bytes
    counts: Counts
    carry: str
    left_out: int = 0


def look_through_short(redactor: Redactor | None, data: bytes, carry: str) -> Stored:
    """The same as :class:`LookThrough` in one step, for what is one piece: nearly all messages are."""
    if redactor is None:
        return Stored(data, _compression.compress(data), count(data), "")
    text, after = redactor.redacted(data, Carry.load(carry) if carry else NOTHING)
    return Stored(text, _compression.compress(text), count(text), after.dump() if after else "")


class LookThrough:
    """One text on its way. For one thread at a time."""

    def __init__(
        self,
        redactor: Redactor | None,
        data: bytes,
        carry: str,
        longest: float = LONGEST,
        clocks: tuple[Callable[[], float], ...] = (time.monotonic, time.thread_time),
    ) -> None:
        """Nothing is done yet.

        Args:
            redactor: None to leave secrets in.
            data: The text.
            carry: What the message before it left for the redaction.
            longest: Seconds; what has not been searched after them is left out. The first piece always is searched.
            clocks: By which they count, one after the other. To ask for the processor time is slow on some machines,
                so it is last; that it counts at all means that a busy machine costs nobody text.
        """
        self._redactor = redactor
        self._data = data
        self._carry = Carry.load(carry)
        self._longest = longest
        self._clocks = list(clocks)
        self._used = 0.0
        self._at = 0
        self._texts: list[bytes] = []
        self._counts: list[Counts] = []

    def finish(self) -> Stored:
        """All of it at once."""
        while (stored := self.go_on()) is None:
            pass
        return stored

    def go_on(self) -> Stored | None:
        """One more piece; None as long as there are others behind it."""
        end = _end_of_piece(self._data, self._at)
        last = end == len(self._data)
        begun = self._clocks[0]()
        try:
            self._take(end)
        except Exception as error:
            # Also for a fault of our own: the pilot would send the text again for ever, and nothing behind it.
            _log.warning("A text cannot be searched for secrets, and is left out: %s: %s", type(error).__name__, error)
            return self._without_rest()
        if last:
            return self._stored(0)
        self._used += self._clocks[0]() - begun
        if self._redactor is None or self._used <= self._longest:
            return None
        if len(self._clocks) == 1:
            return self._without_rest()
        del self._clocks[0]
        self._used = 0.0
        return None

    def _take(self, end: int) -> None:
        piece = self._data if end - self._at == len(self._data) else self._data[self._at : end]
        text, carry = (piece, self._carry) if self._redactor is None else self._redactor.redacted(piece, self._carry)
        goes_on = self._at > 0 and self._data[self._at - 1 : self._at] != b"\n"
        # The rest of a line is no line, whatever it looks like.
        rest = text.find(b"\n") + 1 or len(text) if goes_on else 0
        counts = count(text[rest:] if rest else text)
        self._counts.append(counts)
        if text[:rest].endswith(b"\n"):
            self._counts.append(Counts(1, 0, 0))
        self._texts.append(text)
        self._carry, self._at = carry, end

    def _without_rest(self) -> Stored:
        rest = self._data[self._at :]
        in_line = self._carry.context or self._carry.inside or (self._texts and not self._texts[-1].endswith(b"\n"))
        line = b"[... %d bytes left out here: they could not be searched for secrets in time ...]\n" % len(rest)
        self._texts.append((b"\n" if in_line else b"") + line)
        self._counts.append(Counts(2 if in_line else 1, 0, 0))
        # A secret or a key may have begun in what nobody has looked at, and go on in the next message.
        begun, ended = rest.rfind(b"PRIVATE KEY"), rest.rfind(b"-----END")
        in_key = begun > ended or (self._carry.key_lines > 0 and ended < 0)
        self._carry = Carry(inside="" if rest.endswith(b"\n") else "line", key_lines=KEY_LINES if in_key else 0)
        return self._stored(len(rest))

    def _stored(self, left_out: int) -> Stored:
        text = self._texts[0] if len(self._texts) == 1 else b"".join(self._texts)
        counts = self._counts[0] if len(self._counts) == 1 else _sum(self._counts)
        return Stored(text, _compression.compress(text), counts, self._carry.dump(), left_out)


def _end_of_piece(data: bytes, begin: int) -> int:
    """Where the piece that begins there ends: behind a line, or within a line that is longer than a piece."""
    end = begin + PIECE
    if end >= len(data):
        return len(data)
    line = data.rfind(b"\n", begin, end) + 1
    if line and data[line : line + 2 * len(_NETRC_PASSWORD)].lstrip().lower().startswith(_NETRC_PASSWORD):
        # What tells that this is one may stand on the line before.
        line = data.rfind(b"\n", begin, line - 1) + 1 or line
    return line or end


def _sum(counts: list[Counts]) -> Counts:
    return Counts(
        sum(each.lines for each in counts),
        sum(each.warnings for each in counts),
        sum(each.errors for each in counts),
    )
