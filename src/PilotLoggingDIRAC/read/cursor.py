"""Where a reader is in a log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import Rejected

_FORM = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})")


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
        if value is None or value == "":
            return cls()
        matched = _FORM.fullmatch(value) if isinstance(value, str) else None
        if matched is None:
            raise Rejected("The cursor is not one that readLog gave; leave it out to read from the beginning.")
        return cls(*(int(part) for part in matched.groups()))

    def __str__(self) -> str:
        return f"{self.chunk}.{self.within}.{self.total}"
