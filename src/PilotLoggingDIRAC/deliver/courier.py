# SPDX-License-Identifier: GPL-3.0-only
"""One log to one plugin: take it on, carry it, note how it went."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection

from ..errors import PilotLoggingError, Unavailable
from ..model import Delivery, LogRecord
from ..store import deliveries, lifecycle, logs
from ..store.engine import Database
from .backoff import compute_backoff
from .content import assemble
from .contract import ArchivePlugin, ClosedLog, Plugin
from .erased_copies import remove_erased

LEASE = timedelta(minutes=5)
"""An agent that dies keeps its deliveries from the others for so long. A living one renews its lease."""
_RENEW_SECONDS = 60.0

Plugins = Mapping[str, Plugin[Any]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries the logs of one VO to its archives; see :class:`~.streaming.StreamCourier` for streams.

    Attributes:
        plugins: All plugins of the VO, by name: a log counts as archived when each of them has it.
        owner: Names this process among all agents.
        folder: Where a log stands while it is carried; on a disk that has room for the largest.
        former: Gives a plugin that is none of the VO's any more, by its name; it may have text that has left the
            database. Raises ConfigurationError where there is none.
        renew_seconds: A lease is renewed so often while the log is carried.
    """

    database: Database
    plugins: Plugins
    owner: str
    folder: Path
    former: Callable[[str], Plugin[Any]] | None = None
    renew_seconds: float = _RENEW_SECONDS

    def deliver(self, log_id: int, plugin_name: str) -> bool | None:
        """Deliver one log, if it is due and nobody else does it.

        Returns:
            True when the plugin has confirmed it, False when that failed, None when it was not ours to do.
        """

        def claim(connection: Connection) -> tuple[Delivery | None, LogRecord | None]:
            now = self.database.now(connection)
            delivery = deliveries.claim(connection, log_id, plugin_name, self.owner, now, LEASE)
            return delivery, logs.find_by_id(connection, log_id)

        delivery, log = self.database.transact(claim)
        if delivery is None or log is None:
            return None
        try:
            with self._kept(delivery):
                reference, cursor = self._carry(log, delivery)
        except PilotLoggingError as error:
            self._note_failure(log, delivery, str(error))
            return False
        except Exception as error:
            _log.exception("Plugin %s of VO %s failed unexpectedly with log %s", plugin_name, *log.key)
            self._note_failure(log, delivery, f"{type(error).__name__}: {error}")
            return False
        except BaseException:
            # The process is ending: let another one begin at once.
            self.database.transact(lambda connection: deliveries.release(connection, log_id, plugin_name, self.owner))
            raise
        return self._note_success(log, delivery, reference, cursor)

    def _carry(self, log: LogRecord, delivery: Delivery) -> tuple[str, int]:
        plugin = self.plugins[delivery.plugin]
        assert isinstance(plugin, ArchivePlugin)
        confirmed = 0 if plugin.gives_back else delivery.cursor
        with assemble(self.database, log, self._open_copy, self.folder, confirmed) as content:
            if content.size == 0:
                # A pilot that said goodbye and nothing else, or nothing new: there is nothing to store.
                return delivery.reference, content.cursor
            closed = ClosedLog(
                key=log.key,
                size=content.size,
                lines=log.lines,
                finalised=log.finalised is not None,
                exit_code=log.exit_code,
                previous=delivery.reference or None,
                previous_is_needed=log.expired_bytes > 0,
                keep_progress=partial(self._keep_progress, delivery),
                erased=content.erased,
                begun=log.first_arrival,
            )
            reference = plugin.store(closed, content.file)
            if content.erased and plugin.gives_back:
                remove_erased(self, delivery, reference, content.cursor)
            return reference, content.cursor

    def _keep_progress(self, delivery: Delivery, reference: str) -> None:
        def keep(connection: Connection) -> bool:
            return deliveries.keep_progress(connection, delivery.log_id, delivery.plugin, self.owner, reference)

        if not self.database.transact(keep):
            raise Unavailable("Another agent has taken the log over.")

    def _note_success(self, log: LogRecord, delivery: Delivery, reference: str, cursor: int) -> bool | None:
        def confirm(connection: Connection) -> bool:
            if not deliveries.confirm(connection, log.log_id, delivery.plugin, self.owner, cursor, reference):
                return False
            now = self.database.now(connection)
            lifecycle.settle(connection, log.key.vo, tuple(self.plugins), now, [log.log_id])
            return True

        if not self.database.transact(confirm):
            return None
        if delivery.reference and reference != delivery.reference:
            # Nothing refers to the earlier copy any more, and all that it has is in the new one.
            try:
                self.plugins[delivery.plugin].remove(delivery.reference)
            except PilotLoggingError as error:
                _log.warning("The earlier copy %s of log %s stays: %s", delivery.reference, log.key.stamp, error)
        return True

    def _note_failure(self, log: LogRecord, delivery: Delivery, error: str) -> None:
        attempts = delivery.attempts + 1
        pause = compute_backoff(attempts)
        _log.error(
            "Log %s of VO %s could not be delivered to %s (attempt %d, next in %d s): %s",
            log.key.stamp,
            log.key.vo,
            delivery.plugin,
            attempts,
            pause.total_seconds(),
            error,
        )

        def fail(connection: Connection) -> None:
            next_attempt = self.database.now(connection) + pause
            deliveries.fail(connection, log.log_id, delivery.plugin, self.owner, attempts, error, next_attempt)

        self.database.transact(fail)

    def _open_copy(self, delivery: Delivery) -> AbstractContextManager[BinaryIO]:
        if delivery.plugin in self.plugins:
            return self.plugins[delivery.plugin].fetch(delivery.reference)
        try:
            if self.former is None:
                raise Unavailable("it is none of them any more.")
            return self.former(delivery.plugin).fetch(delivery.reference)
        except PilotLoggingError as error:
            raise Unavailable(
                "No plugin of the VO has the part of the log that has left the database; "
                f"it was stored by {delivery.plugin}: {error}"
            ) from error

    @contextmanager
    def _kept(self, delivery: Delivery) -> Iterator[None]:
        """Renew the lease while the block runs."""
        done = threading.Event()

        def renew(connection: Connection) -> None:
            until = self.database.now(connection) + LEASE
            deliveries.renew(connection, delivery.log_id, delivery.plugin, self.owner, until)

        def keep() -> None:
            while not done.wait(self.renew_seconds):
                try:
                    self.database.transact(renew)
                except Unavailable as error:
                    _log.warning("The lease on log %d could not be renewed: %s", delivery.log_id, error)

        thread = threading.Thread(target=keep, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def note_lost(database: Database, owner: str, error: str, only: tuple[int, str] | None = None) -> list[Delivery]:
    """Note a failure for all that a process had taken on that crashed or had to be killed.

    Else the log with which a storage library crashes or hangs would be the first again, and no other would have
    its turn.

    Args:
        database: PilotLogDB.
        owner: Whose deliveries they are.
        error: What is known of it.
        only: This log and plugin, where other deliveries of the same owner go on.

    Returns:
        What it had taken on.
    """

    # Found before the writer's place is taken: no index leads to an owner's deliveries among a million.
    with database.reading() as connection:
        if only is None:
            held = deliveries.of_owner(connection, owner)
        else:
            held = deliveries.find_many(connection, deliveries.of(*only), deliveries.owned_by(owner))

    def note(connection: Connection) -> list[Delivery]:
        now = database.now(connection)
        lost = []
        for delivery in held:
            attempts = delivery.attempts + 1
            next_attempt = now + compute_backoff(attempts)
            if deliveries.fail(connection, delivery.log_id, delivery.plugin, owner, attempts, error, next_attempt):
                lost.append(delivery)
        return lost

    return database.transact(note) if held else []


def give_back(database: Database, owner: str) -> None:
    """Give back all that this owner has, as when a process is ended in the middle of a delivery."""
    with database.reading() as connection:
        held = deliveries.of_owner(connection, owner)

    def release(connection: Connection) -> None:
        for delivery in held:
            deliveries.release(connection, delivery.log_id, delivery.plugin, owner)

    if held:
        database.transact(release)
