# SPDX-License-Identifier: GPL-3.0-only
"""How much of the database each VO has."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ..model import LogState
from .logs import list_vos
from .parts import parts
from .schema import logs

ROW_SIZE = 256
"""What a message or a log takes without any text, in bytes, about: its row and its places in the indexes."""

_SUMS = (
    func.count(),
    func.coalesce(func.sum(logs.c.Bytes - logs.c.ExpiredBytes), 0),
    func.coalesce(func.sum(1 + logs.c.LastChunkID - logs.c.ExpiredChunkID), 0),
)
"""Logs, bytes of text and rows."""


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
    usages = {vo: _of(connection, vo) for vo in list_vos(connection)}
    return {vo: usage for vo, usage in usages.items() if usage != Usage()}


def _of(connection: Connection, vo: str) -> Usage:
    text = rows = open_logs = 0
    for state in LogState:
        conditions = [logs.c.VO == vo, logs.c.State == state]
        by = logs.c.LastArrival
        if state is LogState.ARCHIVED:
            # Past a million without text. Every other log counts, as long as it waits for the agent.
            conditions.append(logs.c.HasText == 1)
            by = logs.c.Archived
        for part in parts(connection, by, *conditions):
            count, more_text, more_rows = connection.execute(select(*_SUMS).where(part)).one()
            text, rows = text + int(more_text), rows + int(more_rows)
            open_logs += count if state is LogState.OPEN else 0
    return Usage(open_logs, text, rows)
