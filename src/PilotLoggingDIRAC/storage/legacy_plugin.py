# SPDX-License-Identifier: GPL-3.0-only
"""Adapter for plugins with DIRAC's old interface (``sendMessage``, ``finaliseLogs``).

The old collector called such a plugin while the pilot wrote; the agent does it when the log is closed. The text and its
order are the same. See ``docs/add-a-plugin.md``.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, BinaryIO

from ..deliver.contract import ArchivePlugin, ClosedLog
from ..errors import NotKept, Unavailable
from ..settings import Settings
from ..text import cut_at_character, decode, one_line

_PIECE_BYTES = 64 * 2**10
"""Text of one ``sendMessage``. A stock pilot sends 1000 lines at most, which are about as much."""
_LONGEST_MESSAGE = 500


def is_legacy_plugin(kind: Any) -> bool:
    """Whether a class can be used as the old collector did: made without arguments, it has the two methods."""
    if not isinstance(kind, type) or inspect.isabstract(kind):
        return False
    return all(callable(getattr(kind, name, None)) for name in ("sendMessage", "finaliseLogs"))


class LegacyPlugin(ArchivePlugin[Settings]):
    """Hands a closed log over in pieces.

    A piece that was answered with S_OK is not handed over again, unless the process is killed before it has noted that,
    or the text before its end has changed at the next attempt: a numbered message came late and went to its place, or
    the log became too long. What comes after the whole log was handed over follows in pieces of its own.
    """

    Settings = Settings
    gives_back = False

    def __init__(self, vo: str, kind: type) -> None:
        """Wrap a class with the old interface for a VO. It is not made before the first log: readers do not need it."""
        super().__init__(vo, Settings())
        self._kind = kind

    @cached_property
    def _plugin(self) -> Any:
        return self._kind()

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        stamp = log.key.stamp
        done, digest = _handed_over(log, content)
        for piece in _pieces(content, done):
            self._call("sendMessage", json.dumps(decode(piece)), stamp)
            done += len(piece)
            digest.update(piece)
            log.keep_progress(_progress(stamp, done, digest))
        # The old collector never called it for a pilot that was killed.
        if log.finalised:
            payload = {} if log.exit_code is None else {"retCode": str(log.exit_code)}
            self._call("finaliseLogs", json.dumps(payload), stamp)
        return stamp

    def fetch(self, reference: str) -> AbstractContextManager[BinaryIO]:
        stamp = reference.partition(" ")[0]
        raise NotKept(f"The text of log {stamp} was handed over to {self._kind.__name__}, which cannot give it back.")

    def locate(self, stamp: str) -> str | None:
        return None

    def remove(self, reference: str) -> None:
        """Nothing: the old interface has no way to remove what was handed over."""

    def _call(self, method: str, document: str, stamp: str) -> None:
        result = getattr(self._plugin, method)(document, stamp, self.vo)
        name = f"{self._kind.__name__}.{method}"
        if not (isinstance(result, dict) and "OK" in result):
            raise Unavailable(f"{name} returned {one_line(repr(result), 100)}, which is neither S_OK nor S_ERROR.")
        if not result["OK"]:
            message = one_line(str(result.get("Message") or "no message"), _LONGEST_MESSAGE)
            raise Unavailable(f"{name} returned S_ERROR: {message}")


def _progress(stamp: str, size: int, digest: Any) -> str:
    """The reference of a log of which so many bytes, with this digest, were handed over."""
    return f"{stamp} {size} {digest.hexdigest()}"


def _handed_over(log: ClosedLog, content: BinaryIO) -> tuple[int, Any]:
    """How many bytes of the content an attempt that failed has handed over, and their digest."""
    digest = hashlib.sha256()
    _, _, progress = (log.previous or "").partition(" ")
    size = int(progress.partition(" ")[0] or 0)
    if size:
        digest = _digest(content, size)
        if log.previous != _progress(log.key.stamp, size, digest):
            return 0, hashlib.sha256()
    return size, digest


def _digest(content: BinaryIO, size: int) -> Any:
    digest = hashlib.sha256()
    content.seek(0)
    while size > 0 and (piece := content.read(min(size, _PIECE_BYTES))):
        digest.update(piece)
        size -= len(piece)
    return digest


def _pieces(content: BinaryIO, start: int) -> Iterator[bytes]:
    """The content from a byte on, cut behind lines where lines are short enough."""
    while True:
        content.seek(start)
        data = content.read(_PIECE_BYTES)
        if not data:
            return
        if len(data) == _PIECE_BYTES:
            data = data[: data.rfind(b"\n") + 1] or cut_at_character(data, _PIECE_BYTES - 1)
        start += len(data)
        yield data
