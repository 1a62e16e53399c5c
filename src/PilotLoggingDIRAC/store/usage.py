# SPDX-License-Identifier: GPL-3.0-only
"""How much of the database each VO has."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, case, func, or_, select

from ..model import LogState
from .schema import logs

ROW_SIZE = 256
"""What a message or a log takes without any text, in bytes, about: its row and its places in the indexes."""

_NOT_ARCHIVED = [state for state in LogState if state is not LogState.ARCHIVED]
"""A log without text counts as long as it waits for the agent."""


class Usage(NamedTuple):
    """What a VO has in the database.

    Attributes:
        open_logs: Logs that may still grow.
        text: Bytes of text, as the pilots sent it; it takes less on disk.
        rows: Of logs and messages, which take room where there is no text too.
    """

    open_logs: int = 0
    text: int = 0
    rows: int = 0

    @property
    def size(self) -> int:
        """Bytes, with :data:`ROW_SIZE` for each row."""
        return self.text + self.rows * ROW_SIZE


def by_vo(connection: Connection) -> dict[str, Usage]:
    """The usage of each VO that has any."""
    rows = connection.execute(
        select(
            logs.c.VO,
            func.sum(case((logs.c.State == LogState.OPEN, 1), else_=0)),
            func.sum(logs.c.Bytes - logs.c.ExpiredBytes),
            func.sum(1 + logs.c.LastChunkID - logs.c.ExpiredChunkID),
        )
        .where(or_(logs.c.State.in_(_NOT_ARCHIVED), logs.c.ExpiredChunkID < logs.c.LastChunkID))
        .group_by(logs.c.VO)
    )
    return {vo: Usage(int(open_logs), int(text), int(count)) for vo, open_logs, text, count in rows}
