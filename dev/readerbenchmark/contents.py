# SPDX-License-Identifier: GPL-3.0-only
"""What is put into PilotLogDB before people read: one large log, and the rows of many."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from parts.state import Stack
from sqlalchemy import URL

from PilotLoggingDIRAC.model import Append, LogKey, LogState
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.schema import logs

VO, OTHER_VO = "alpha", "beta"
_MARIADB = "mariadb"
_LINES_A_CHUNK = 200
_CHUNKS_AT_ONCE = 50
_ROWS_AT_ONCE = 10_000
_DAYS = 30
_HOSTS = 20_000
_SITES = 50
_LEVELS = ("DEBUG", "INFO", "INFO", "INFO", "INFO", "INFO", "INFO", "INFO", "WARN", "ERROR")


@dataclass(frozen=True)
class Log:
    """A log that was stored. ``size`` is that of its text in bytes."""

    stamp: str
    lines: int
    size: int


def open_database(stack: Stack) -> Database:
    """PilotLogDB of a stack, whose collector has made the tables."""
    if stack.plan.database != _MARIADB:
        return Database(URL.create("sqlite", database=str(stack.layout.sqlite)))
    return Database(
        URL.create(
            "mysql+mysqldb",
            username="PilotLogDB",
            password=stack.passwords["PilotLogDB"],
            host="127.0.0.1",
            port=stack.ports[_MARIADB],
            database="PilotLogDB",
        )
    )


def store_log(database: Database, lines: int) -> Log:
    """Store one log as its pilot would have sent it: messages of 25 kB, 200 lines, every second with a header."""
    key, size = LogKey(VO, uuid.uuid4().hex), 0
    some: list[Append] = []
    for seq, text in enumerate(_texts(lines), 1):
        some.append(Append(key, text, "bench", seq))
        size += len(text)
        if len(some) == _CHUNKS_AT_ONCE:
            _append(database, some)
            some = []
    _append(database, some)
    return Log(key.stamp, lines, size)


def _append(database: Database, appends: list[Append]) -> None:
    database.transact(lambda connection: append_all(connection, appends, database.now(connection)))


def _texts(lines: int) -> Iterator[bytes]:
    random_ = random.Random(1)
    begun = datetime(2026, 6, 10, 11, tzinfo=UTC)
    for first in range(0, lines, _LINES_A_CHUNK):
        text = []
        for number in range(first, min(first + _LINES_A_CHUNK, lines)):
            noise = random_.randbytes(24).hex()
            if number % 2:
                text.append(f"    command output {number:>8}: {noise} exit status 0".ljust(125) + "\n")
            else:
                time = (begun + timedelta(milliseconds=10 * number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                level = random_.choice(_LEVELS)
                text.append(f"{time} {level} [LaunchAgent] line {number:>8}: {noise} is done".ljust(125) + "\n")
        yield "".join(text).encode()


@dataclass(frozen=True)
class Many:
    """Rows of PilotLogs that were made, and what they can be found by; four of five are of ``VO``.

    Attributes:
        deep: a row of the list of ``VO``, three fifths of all logs from its beginning
        host: a part of some names of hosts, by which a few logs are found
        reference: a part of one pilot's reference
    """

    deep: int
    last_day: str
    site: str = "LCG.Site-07.xx"
    host: str = "wn00012"
    reference: str = "/000000123"


def store_rows(database: Database, count: int) -> Many:
    """Put so many logs into the list, of the last 30 days. They have no text: it is in the archive."""
    now = datetime.now(UTC)
    for first in range(0, count, _ROWS_AT_ONCE):
        rows = [_row(number, count, now) for number in range(first, min(first + _ROWS_AT_ONCE, count))]
        with database.writing() as connection:
            connection.execute(logs.insert(), rows)
    return Many(deep=count * 3 // 5, last_day=(now - timedelta(days=1)).isoformat())


def _row(number: int, count: int, now: datetime) -> dict[str, Any]:
    chance = random.Random(number)
    first = now - timedelta(days=_DAYS) * (1 - number / count)
    last = min(first + timedelta(hours=24 * chance.random()), now)
    state = chance.choices(
        (LogState.OPEN, LogState.SILENT, LogState.COMPLETE, LogState.ARCHIVED), weights=(1, 4, 5, 90)
    )[0]
    silent = state in (LogState.OPEN, LogState.SILENT) or chance.random() < 0.02
    site = number * 7 % _SITES
    lines = chance.randrange(100, 5000)
    return {
        "VO": OTHER_VO if number % 5 == 0 else VO,
        "Stamp": f"{number:032x}",
        "State": state,
        "FirstArrival": first,
        "LastArrival": last,
        "Finalised": None if silent else last,
        "Archived": last if state == LogState.ARCHIVED else None,
        "ExitCode": None if silent else chance.choices((0, 1, 137), weights=(90, 8, 2))[0],
        "Lines": lines,
        "Bytes": 100 * lines,
        "Warnings": chance.choice((0, 0, 0, 1, 7)),
        "Errors": chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 3)),
        "Site": f"LCG.Site-{site:02d}.xx",
        "CE": f"ce{number % 4}.site-{site:02d}.example",
        "Queue": "condor",
        "Host": f"wn{number % _HOSTS:06d}.site-{site:02d}.example",
        "PilotReference": f"https://ce{number % 4}.site-{site:02d}.example:9619/{number:09d}",
        "PilotVersion": "9.1.22",
        "LastChunkID": 10,
        "ExpiredChunkID": 10,
        "ExpiredBytes": 100 * lines,
    }
