# SPDX-License-Identifier: GPL-3.0-only
"""How much of the database each VO has."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, case, func, or_, select

from ..model import LogState
from .schema import logs


class Usage(NamedTuple):
    """What a VO has in the database.

    Attributes:
        open_logs: Logs that may still grow.
        text: Bytes of text, as the pilots sent it; it takes less on disk.
    """

    open_logs: int = 0
    text: int = 0


def by_vo(connection: Connection) -> dict[str, Usage]:
    """The usage of each VO that has any."""
    rows = connection.execute(
        select(
            logs.c.VO,
            func.sum(case((logs.c.State == LogState.OPEN, 1), else_=0)),
            func.sum(logs.c.Bytes - logs.c.ExpiredBytes),
        )
        .where(or_(logs.c.State == LogState.OPEN, logs.c.ExpiredChunkID < logs.c.LastChunkID))
        .group_by(logs.c.VO)
    )
    return {vo: Usage(int(open_logs), int(text)) for vo, open_logs, text in rows}
