# SPDX-License-Identifier: GPL-3.0-only
"""How much of the database each VO has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ..model import LogState
from .logs import list_vos
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
    usages = {vo: _of(connection, vo) for vo in list_vos(connection)}
    return {vo: usage for vo, usage in usages.items() if usage != Usage()}


def _of(connection: Connection, vo: str) -> Usage:
    open_logs = select(func.count()).select_from(logs).where(logs.c.VO == vo, logs.c.State == LogState.OPEN)
    # All states are named so that an index leads to the logs with text, past a million without.
    text, rows = _sums(connection, vo, list(LogState), has_text=True)
    _, more = _sums(connection, vo, _NOT_ARCHIVED, has_text=False)
    return Usage(int(connection.execute(open_logs).scalar_one()), text, rows + more)


def _sums(connection: Connection, vo: str, states: Sequence[LogState], has_text: bool) -> tuple[int, int]:
    """Bytes and rows of the VO's logs in these states."""
    sums = select(
        func.coalesce(func.sum(logs.c.Bytes - logs.c.ExpiredBytes), 0),
        func.coalesce(func.sum(1 + logs.c.LastChunkID - logs.c.ExpiredChunkID), 0),
    ).where(logs.c.VO == vo, logs.c.State.in_(states), logs.c.HasText == int(has_text))
    text, rows = connection.execute(sums).one()
    return int(text), int(rows)
