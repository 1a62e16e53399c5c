# SPDX-License-Identifier: GPL-3.0-only
"""PilotLogDB in short words: send, read back, set the clock."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from PilotLoggingDIRAC.model import Append, Appended, Delivery, Final, LogKey, LogRecord
from PilotLoggingDIRAC.store import chunks, deliveries, lifecycle, logs, schema
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.due import list_due
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.text import decode

KEY = LogKey("alpha", "0" * 32)


class Store:
    """PilotLogDB as a test uses it. Methods without ``key`` are about one and the same log."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._stamps = itertools.count(1)

    def new_key(self, vo: str = "alpha") -> LogKey:
        """A log that nobody has written to."""
        return LogKey(vo, f"{next(self._stamps):032d}")

    def append(self, *appends: Append, ago: timedelta = timedelta()) -> list[Appended | Exception]:
        """Store messages in one transaction, as if they had come some time ago."""
        return list(
            self.database.transact(
                lambda connection: append_all(connection, appends, self.database.now(connection) - ago)
            )
        )

    def _one(self, append: Append, ago: timedelta = timedelta()) -> Appended:
        (answer,) = self.append(append, ago=ago)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def send(self, text: str, key: LogKey = KEY, ago: timedelta = timedelta()) -> Appended:
        """A message of a stock pilot."""
        return self._one(Append(key, text.encode("utf-8", "surrogatepass")), ago)

    def send_numbered(self, seq: int, text: str, key: LogKey = KEY, session: str = "pilot", **more: Any) -> Appended:
        """A message of our own sender."""
        data = text.encode("utf-8", "surrogatepass")
        return self._one(Append(key, data, session=session, seq=seq, **more))

    def finalise(self, key: LogKey = KEY, exit_code: int | None = 0) -> Appended:
        """A stock pilot's goodbye."""
        return self._one(Append(key, final=Final(exit_code)))

    def close_silent(self, vo: str = "alpha") -> int:
        """Close the open logs of a VO, as if a long time had passed."""
        with self.database.writing() as connection:
            return lifecycle.close_silent(connection, vo, datetime.now(UTC) + timedelta(days=1))

    def expire(self, key: LogKey = KEY) -> bool:
        """Remove the text of an archived log."""
        with self.database.writing() as connection:
            return lifecycle.expire(connection, self.record(key).log_id)

    def forget(self, vo: str = "alpha") -> int:
        """Remove the rows of logs whose text is gone, as if a long time had passed."""
        with self.database.writing() as connection:
            return lifecycle.forget(connection, vo, datetime.now(UTC) + timedelta(days=1))

    def make_older(self, age: timedelta, key: LogKey = KEY) -> None:
        """Set the clock back for what is known of a log."""
        with self.database.writing() as connection:
            record = self._found(connection, key)
            times = {"FirstArrival": record.first_arrival - age, "LastArrival": record.last_arrival - age}
            if record.archived:
                times["Archived"] = record.archived - age
            connection.execute(schema.logs.update().where(schema.logs.c.LogID == record.log_id).values(times))

    def end_pauses(self) -> None:
        """Let the pauses after failed deliveries be over."""
        with self.database.writing() as connection:
            connection.execute(schema.deliveries.update().values(NextAttempt=datetime(2020, 1, 1, tzinfo=UTC)))

    def end_leases(self) -> None:
        """Let all that took on a delivery be dead for long enough."""
        with self.database.writing() as connection:
            connection.execute(schema.deliveries.update().values(LeaseUntil=datetime(2020, 1, 1, tzinfo=UTC)))

    def lease_has_ended(self, plugin: str, key: LogKey = KEY) -> bool:
        """Whether another agent may take over the delivery of a log."""
        with self.database.reading() as connection:
            now, log_id = self.database.now(connection), self._found(connection, key).log_id
            return log_id in list_due(connection, key.vo, plugin, now, 1000)

    @staticmethod
    def _found(connection: Connection, key: LogKey) -> LogRecord:
        record = logs.find(connection, key)
        assert record is not None
        return record

    def knows(self, key: LogKey = KEY) -> bool:
        with self.database.reading() as connection:
            return logs.find(connection, key) is not None

    def record(self, key: LogKey = KEY) -> LogRecord:
        with self.database.reading() as connection:
            return self._found(connection, key)

    def index(self, key: LogKey = KEY) -> chunks.Index:
        """The chunks of a log that the database has, and the gaps between them."""
        with self.database.reading() as connection:
            record = self._found(connection, key)
            return chunks.index_of(connection, record)

    def text(self, key: LogKey = KEY) -> str:
        """All text of a log that the database has, in its order."""
        return decode(b"".join(chunks.stream_text(self.database, self.record(key).log_id, self.index(key))))

    def delivery(self, plugin: str, key: LogKey = KEY) -> Delivery:
        with self.database.reading() as connection:
            delivery = deliveries.find(connection, self._found(connection, key).log_id, plugin)
        assert delivery is not None
        return delivery


def list_logs(connection: Connection, *arguments: Any) -> tuple[list[dict[str, Any]], int]:
    """The rows of a page of the list, and the number of all; arguments as of ``logs.list_page``."""
    page = logs.list_page(connection, *arguments)
    return page.rows, page.total
