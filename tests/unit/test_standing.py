# SPDX-License-Identifier: GPL-3.0-only
"""The database's part of the statistics: in bounded time, whatever the database does."""

from __future__ import annotations

import threading
import time
from typing import Any

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.read.database_status import DatabaseStatus


def test_what_the_database_says() -> None:
    standing = DatabaseStatus(lambda: {"logs": {"alpha": {"Open": 1}}})
    assert standing.look().result(120) == {"logs": {"alpha": {"Open": 1}}, "databaseProblem": ""}


def test_a_database_that_is_away() -> None:
    def ask() -> dict[str, Any]:
        raise Unavailable("It is away.")

    assert DatabaseStatus(ask).look().result(120) == {"databaseProblem": "It is away."}


def test_any_other_failure() -> None:
    def ask() -> dict[str, Any]:
        raise ValueError("odd")

    assert DatabaseStatus(ask).look().result(120) == {"databaseProblem": "PilotLogDB failed: ValueError: odd."}


def test_a_database_that_hangs_is_asked_once_and_used_again() -> None:
    hang = threading.Event()
    asked: list[int] = []

    def ask() -> dict[str, Any]:
        asked.append(1)
        hang.wait()
        return {"logs": {}}

    standing = DatabaseStatus(ask, timeout=0.2)
    answers = [standing.look() for _ in range(20)]
    for answer in answers:
        assert answer.result(120) == {"databaseProblem": "PilotLogDB has not answered within 0.2 s."}
    assert asked == [1]
    hang.set()
    deadline = time.monotonic() + 120
    while standing.look().result(120)["databaseProblem"]:
        assert time.monotonic() < deadline
