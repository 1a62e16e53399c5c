# SPDX-License-Identifier: GPL-3.0-only
"""One log as everybody but its pilots sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Gap(NamedTuple):
    """As ``readLog`` tells it, with its offset in characters of the whole text."""

    offset: int
    session: str
    first: int
    last: int


@dataclass(frozen=True)
class Delivery:
    """A row of PilotLogDeliveries."""

    plugin: str
    state: str
    cursor: int
    reference: str


@dataclass(frozen=True)
class Row:
    """A row of PilotLogs, with its deliveries."""

    state: str
    finalised: bool
    exit_code: int | None
    lines: int
    size: int
    truncated: int
    last_chunk: int
    deliveries: Sequence[Delivery] = ()


@dataclass(frozen=True)
class Stored:
    """One log as everybody else sees it.

    Attributes:
        text: by readLog; None when it cannot be read, and ``why``
        archived: the content of its file in the archive; None where there is none
    """

    text: str | None
    gaps: Sequence[Gap] = ()
    archived: bytes | None = None
    row: Row | None = None
    why: str = ""
