# SPDX-License-Identifier: GPL-3.0-only
"""A collector's statistics: its own figures, and what stands in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from ..settings import VOSettings
from ..store import deliveries, logs, usage
from ..store.engine import Database
from ..store.quiet import Quietness
from . import replies
from .database_status import DatabaseStatus


class Statistics:
    """Answers within seconds, whatever the database does.

    Args:
        database: PilotLogDB.
        settings_of: Gives a VO's settings.
        quietness_at: Gives what counts as quiet at a time of the database's clock.
        sources: Each gives figures that are at hand.
    """

    def __init__(
        self,
        database: Database,
        settings_of: Callable[[str], VOSettings],
        quietness_at: Callable[[datetime], Quietness],
        sources: Sequence[Callable[[], Mapping[str, Any]]],
    ) -> None:
        self._database = database
        self._settings_of = settings_of
        self._quietness_at = quietness_at
        self._sources = sources
        self._database_status = DatabaseStatus(self._look_at_database)

    def gather(self) -> Future[dict[str, Any]]:
        """All figures; ``databaseProblem`` is empty, or says why those of the database are missing."""
        own: dict[str, Any] = {}
        for source in self._sources:
            own |= source()
        gathered: Future[dict[str, Any]] = Future()

        def looked(done: Future[dict[str, Any]]) -> None:
            gathered.set_result({**own, **replies.NO_DATABASE_STATUS, **done.result()})

        self._database_status.look().add_done_callback(looked)
        return gathered

    def _look_at_database(self) -> dict[str, Any]:
        with self._database.reading() as connection:
            now = self._database.now(connection)
            limits = {vo: self._settings_of(vo) for vo in logs.list_vos(connection)}
            plugins = {vo: settings.logging_plugins for vo, settings in limits.items() if settings.logging_plugins}
            return {
                "logs": replies.render_states(logs.count_states(connection)),
                "quiet": logs.count_quiet(connection, self._quietness_at(now)),
                "deliveries": [replies.render_backlog(entry, now) for entry in deliveries.backlog(connection, plugins)],
                "usage": replies.render_usage(usage.by_vo(connection), limits),
            }
