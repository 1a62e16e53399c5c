# SPDX-License-Identifier: GPL-3.0-only
"""Stand-in for a plugin whose configuration is wrong: only its own deliveries wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from ..deliver.contract import Acknowledgements, ArchivePlugin, Chunk, ClosedLog, StreamPlugin
from ..errors import ConfigurationError, Unavailable
from ..settings import Settings


class BrokenArchive(ArchivePlugin[Settings]):
    """Unavailable at each use, for the reason that was given."""

    Settings = Settings

    def __init__(self, vo: str, mistake: ConfigurationError) -> None:
        super().__init__(vo, Settings())
        self._mistake = str(mistake)

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        raise Unavailable(self._mistake)

    def fetch(self, reference: str) -> AbstractContextManager[BinaryIO]:
        raise Unavailable(self._mistake)

    def locate(self, stamp: str) -> str | None:
        raise Unavailable(self._mistake)

    def remove(self, reference: str) -> None:
        raise Unavailable(self._mistake)


class BrokenStream(StreamPlugin[Settings]):
    """Unavailable at each use, for the reason that was given."""

    Settings = Settings

    def __init__(self, vo: str, mistake: ConfigurationError) -> None:
        super().__init__(vo, Settings())
        self._mistake = str(mistake)

    def send(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        raise Unavailable(self._mistake)

    def close(self) -> None:
        """Nothing was begun."""
