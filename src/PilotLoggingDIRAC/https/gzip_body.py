# SPDX-License-Identifier: GPL-3.0-only
"""Bodies in ``Content-Encoding: gzip``, unfolded piece by piece.

Guarantee: one whole gzip stream, with its checksum, and nothing after it; all else is an error, never a body that is
shorter than what was sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_PIECE = 2**16


class BrokenGzip(ValueError):
    """What came is no gzip stream, is cut short, or goes on behind its end."""


class Unfolding:
    """One body that is being unfolded."""

    def __init__(self) -> None:
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._more = False

    def unfold(self, data: bytes) -> Iterator[bytes]:
        """What a piece unfolds to, in pieces of at most 64 KiB.

        Raises:
            BrokenGzip: It is none.
        """
        if data and self._gzip.eof:
            raise BrokenGzip("something stands behind the gzip stream")
        while data or self._more:
            try:
                piece = self._gzip.decompress(data, _PIECE)
            except zlib.error as error:
                raise BrokenGzip("it is no gzip stream") from error
            data = self._gzip.unconsumed_tail
            # It may hold back text although it has taken all that was given.
            self._more = len(piece) == _PIECE
            if piece:
                yield piece
            if self._gzip.unused_data:
                raise BrokenGzip("something stands behind the gzip stream")
            if self._gzip.eof:
                self._more = False
                return

    def finish(self) -> None:
        """To be called when all has come.

        Raises:
            BrokenGzip: Something is missing.
        """
        if not self._gzip.eof:
            raise BrokenGzip("the gzip stream is cut short")


def unfold_at_once(data: bytes, largest: int) -> bytes | None:
    """What a short body unfolds to; None where it is broken, or larger than wanted."""
    gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        unfolded = gzip.decompress(data, largest)
    except zlib.error:
        return None
    return unfolded if gzip.eof and not gzip.unused_data else None
