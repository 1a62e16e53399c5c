# SPDX-License-Identifier: GPL-3.0-only
"""Where a reader is in a log."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..documents import accept_cursor, read_argument


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a log that stays right while the log grows, and when its text moves from the database to the archive.

    Attributes:
        chunk: The ``ChunkID`` that was read last.
        within: Bytes of that chunk that were read.
        total: Bytes of the log before this place.
    """

    chunk: int = 0
    within: int = 0
    total: int = 0

    @classmethod
    def parse(cls, value: Any) -> Cursor:
        """The cursor that a reader brings back; None and "" mean the beginning.

        Raises:
            Rejected: It is not one of ours.
        """
        accept = partial(accept_cursor, numbers=3, method="readLog", doing="read")
        return cls(*(read_argument("The cursor", accept, value) or ()))

    def __str__(self) -> str:
        return f"{self.chunk}.{self.within}.{self.total}"
