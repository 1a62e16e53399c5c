# SPDX-License-Identifier: GPL-3.0-only
"""What the collector's handler calls, without DIRAC: an append's way to the writer, readers' questions, statistics."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from PilotLoggingDIRAC.errors import Rejected, Unavailable
from PilotLoggingDIRAC.ingest.admission import Admission
from PilotLoggingDIRAC.ingest.metrics import Metrics
from PilotLoggingDIRAC.ingest.service import IngestService, VOPolicy
from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.read import limits
from PilotLoggingDIRAC.read.service import ReadService
from PilotLoggingDIRAC.read.statistics import Statistics
from PilotLoggingDIRAC.redaction import Redactor
from PilotLoggingDIRAC.settings import VOSettings
from PilotLoggingDIRAC.store.disk import DiskGuard
from PilotLoggingDIRAC.store.quiet import Quietness
from PilotLoggingDIRAC.store.usage import by_vo
from PilotLoggingDIRAC.store.writer import GroupCommitWriter

MINUTE = timedelta(minutes=1)
PAGE = {"selection": {}, "vo": None}


class Services:
    """A collector's services on one database; the policy of all VOs can be changed."""

    def __init__(self, store: Any, archives: Any) -> None:
        self.database = store.database
        self.policy = VOPolicy(VOSettings(), Redactor())
        self.metrics = Metrics()
        self.looked = threading.Event()
        self.writer = GroupCommitWriter(self.database, 2**20)
        self.admission = Admission(self._usage, DiskGuard(lambda: None, 0), every=3600)
        self.ingest = IngestService(self.writer, self.admission, lambda _vo: self.policy, self.metrics)
        self.read = ReadService(archives.reader, 1000, 100, lambda now: Quietness(now, 300.0))
        self.statistics = Statistics(
            self.database,
            lambda _vo: self.policy.settings,
            lambda now: Quietness(now, 300.0),
            [lambda: {"version": "1"}, self.metrics.answer],
        )

        assert self.looked.wait(120), "it looks on a thread of its own, which must not outlive the database"

    def _usage(self) -> Any:
        try:
            with self.database.reading() as connection:
                return by_vo(connection)
        finally:
            self.looked.set()

    def close(self) -> None:
        self.admission.close()
        self.writer.close()


@pytest.fixture
def services(store: Any, archives: Any) -> Iterator[Services]:
    services = Services(store, archives)
    yield services
    services.close()


def test_what_is_stored_is_counted_and_has_no_secret(services: Services, store: Any, key: LogKey) -> None:
    appended = services.ingest.store(Append(key, b"PASSWORD=hunter2hunter2\n")).result(120)
    assert not appended.repeated
    assert "hunter2" not in store.text(key)
    assert services.metrics.answer()["acknowledged"] == 1


def test_the_policy_of_the_moment_holds(services: Services, store: Any, key: LogKey) -> None:
    services.policy = VOPolicy(VOSettings(), None)
    services.ingest.store(Append(key, b"PASSWORD=hunter2hunter2\n")).result(120)
    assert "hunter2" in store.text(key)


def test_a_limit_is_told_at_once_and_what_fails_is_not_counted(services: Services, key: LogKey) -> None:
    services.policy = VOPolicy(VOSettings(Quota=1), None)
    services.ingest.store(Append(key, b"a line\n")).result(120)
    services.admission.look()
    with pytest.raises(Unavailable, match="Quota"):
        services.ingest.store(Append(key, b"another\n"))
    session = Append(key, b"x\n", session="pilot", seq=1)
    services.policy = VOPolicy(VOSettings(), None)
    services.ingest.store(session).result(120)
    assert services.ingest.store(session).result(120).repeated
    assert services.metrics.answer()["acknowledged"] == 3


def test_a_log_is_read_by_pages_by_lines_and_whole(services: Services, store: Any, key: LogKey) -> None:
    store.send("".join(f"line {number}\n" for number in range(1, 200)))
    page = services.read.read_page(key, None, 100)
    assert page["more"] and page["text"].startswith("line 1\n") and len(page["text"]) <= 100
    last = services.read.read_page(key, page["cursor"], 0)
    assert "quietSince" in last, "the row is asked at the end"
    assert "bytes left out" in services.read.read_whole(key), "of a larger one than max_log_reply_size"
    lines = services.read.read_lines(key, 198, 5)
    assert [line["n"] for line in lines["lines"]] == [198, 199]
    assert services.read.find_lines(key, "line 19", 1, 1)["total"] == 11
    outline = services.read.outline(key, "")
    assert outline["lines"] == 199 and not outline["unchanged"]
    assert services.read.outline(key, outline["version"])["unchanged"]


def test_logs_are_listed_counted_and_searched(services: Services, store: Any) -> None:
    for number in range(3):
        key = store.new_key()
        store.send_numbered(1, f"needle {number}\n", key, context={"Site": "LCG.X.org" if number else "LCG.Y.org"})
    store.make_older(10 * MINUTE, key)
    listed = services.read.list_logs(**PAGE, sort=None, start=0, limit=10)
    assert listed["total"] == 3
    assert services.read.list_logs({"Quiet": True}, None, None, 0, 10)["total"] == 1
    assert services.read.list_values(**PAGE, columns=["Site"], limit=1)["values"]["Site"] == [("LCG.X.org", 2)]
    counted = services.read.count_logs({"Quiet": True}, None, "Site", 10)
    assert [(row["Value"], row["Logs"]) for row in counted["rows"]] == [("LCG.X.org", 1)]
    found = services.read.search("needle", {}, None, "", 10)
    assert found["done"] and len(found["found"]) == 3
    assert services.read.search("needle", {}, "beta", "", 10)["total"] == 0, "kept to a VO"
    assert json.dumps([listed, counted, found]), "plain values"


@pytest.mark.parametrize(
    ("method", "arguments", "sentence"),
    [
        ("list_logs", ({}, None, "Site", 0, 10), "The sort is not a list"),
        ("list_logs", ({}, None, None, -1, 10), "start is not a whole number"),
        ("list_logs", ({}, None, None, 0, limits.LARGEST_PAGE + 1), "limit is not a whole number from 1 to 1000"),
        ("list_logs", ({"Nothing": 1}, None, None, 0, 10), "Logs cannot be selected by 'Nothing'"),
        ("list_values", ({}, None, "Site", 10), "The columns are not a list"),
        ("list_values", ({}, None, ["Site"], limits.MOST_VALUES + 1), "limit is not"),
        ("count_logs", ({}, None, "Nothing", 10), "Logs are not counted by 'Nothing'"),
        ("search", ({"nothing": 1}, {}, None, "", 10), "Lines cannot be found by 'nothing'"),
        ("search", ("x", {}, None, 7, 10), "cursor"),
    ],
)
def test_what_is_wrong_in_a_question(
    services: Services, method: str, arguments: tuple[Any, ...], sentence: str
) -> None:
    with pytest.raises(Rejected, match=sentence):
        getattr(services.read, method)(*arguments)


@pytest.mark.parametrize(
    ("method", "arguments", "sentence"),
    [
        ("read_page", (None, -1), "maxBytes is not a whole number"),
        ("read_page", ("1.2", 0), "The cursor is not one"),
        ("outline", (7,), "The version is not a text"),
        ("read_lines", (0, 10), "first is not a whole number"),
        ("read_lines", (1, limits.MOST_LINES + 1), "count is not"),
        ("read_lines", (1, 1, "7"), "The numbers are not a list"),
        ("read_lines", (1, 1, [1.5]), "numbers is not"),
        ("read_lines", (1, 1, None, limits.LINES_SIZE + 1), "longest is not"),
        ("find_lines", ({"levels": "ERROR"}, 1, 10), "The levels are not a list"),
        ("find_lines", ("x", 1, limits.MOST_FOUND + 1), "limit is not"),
    ],
)
def test_what_is_wrong_in_a_question_about_a_log(
    services: Services, store: Any, key: LogKey, method: str, arguments: tuple[Any, ...], sentence: str
) -> None:
    store.send("a line\n")
    with pytest.raises(Rejected, match=sentence):
        getattr(services.read, method)(key, *arguments)


def test_statistics_have_own_figures_and_those_of_the_database(services: Services, store: Any, key: LogKey) -> None:
    services.ingest.store(Append(key, b"a line\n")).result(120)
    store.make_older(10 * MINUTE)
    gathered = services.statistics.gather().result(120)
    assert gathered["version"] == "1" and gathered["acknowledged"] == 1
    assert gathered["logs"] == {"alpha": {"Open": 1}}
    assert gathered["usage"]["alpha"]["openLogs"] == 1
    assert gathered["databaseProblem"] == ""


def test_statistics_without_a_database_say_why(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise Unavailable("PilotLogDB is away.")

    monkeypatch.setattr(services.database, "reading", away)
    gathered = services.statistics.gather().result(120)
    assert gathered["databaseProblem"] == "PilotLogDB is away."
    assert (gathered["logs"], gathered["usage"]) == ({}, {})
