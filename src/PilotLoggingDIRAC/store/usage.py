# SPDX-License-Identifier: GPL-3.0-only
"""How much of the database each VO has."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ..model import LogState
from .logs import list_vos
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
    usages = {vo: Usage(_open_logs(connection, vo), _text(connection, vo)) for vo in list_vos(connection)}
    return {vo: usage for vo, usage in usages.items() if usage != Usage()}


def _open_logs(connection: Connection, vo: str) -> int:
    open_logs = select(func.count()).select_from(logs).where(logs.c.VO == vo, logs.c.State == LogState.OPEN)
    return int(connection.execute(open_logs).scalar_one())


def _text(connection: Connection, vo: str) -> int:
    # All states are named so that an index leads to the logs with text, past a million without.
    with_text = select(func.coalesce(func.sum(logs.c.Bytes - logs.c.ExpiredBytes), 0)).where(
        logs.c.VO == vo, logs.c.State.in_(list(LogState)), logs.c.HasText == 1
    )
    return int(connection.execute(with_text).scalar_one())
