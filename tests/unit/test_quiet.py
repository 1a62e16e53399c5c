# SPDX-License-Identifier: GPL-3.0-only
"""Open logs without a line for longer than is usual for their senders, on both kinds of database."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.archives import Archives
from support.store import Store, list_logs

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.model import Append, Final, LogKey, LogState
from PilotLoggingDIRAC.read.query import Query
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.read.search import Search
from PilotLoggingDIRAC.store import logs
from PilotLoggingDIRAC.store.quiet import Quietness
from PilotLoggingDIRAC.terminal.quiet_notice import QuietNotices

MODULE = {"PilotVersion": "9.1.22 PilotLogging/0.2.0"}
OTHERWISE = 300.0


class Senders:
    """Sends as if it had been some time ago, and asks what is quiet now."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def send(self, *seconds_ago: float, vo: str = "alpha", stock: bool = False, **more: Any) -> LogKey:
        """A log with a message at each of these times."""
        key = self.store.new_key(vo)
        for seq, ago in enumerate(seconds_ago, 1):
            numbers = {} if stock else {"session": "a", "seq": seq}
            text = f"2026-06-10T11:02:0{seq % 10}.9Z INFO [A] {seq}\n".encode()
            self.store.append(Append(key, text, **numbers, **more), ago=timedelta(seconds=ago))
        return key

    def quietness(self, connection: Any, **after: float) -> Quietness:
        return Quietness(self.store.database.now(connection), OTHERWISE, after)

    def rows(self, selection: Any = None, vo: str | None = None, **after: float) -> dict[str, dict[str, Any]]:
        with self.store.database.reading() as connection:
            quietness = self.quietness(connection, **after)
            rows, total = list_logs(connection, selection or {}, [], 0, 1000, vo, quietness)
        assert total == len(rows)
        return {row["Stamp"]: row for row in rows}

    def quiet(self, vo: str | None = None, **after: float) -> set[str]:
        """The stamps that the selection gives, which are those whose rows say so."""
        selected = set(self.rows({"Quiet": True}, vo, **after))
        every = self.rows({}, vo, **after)
        assert selected == {stamp for stamp, row in every.items() if row["QuietSince"]}
        assert set(self.rows({"Quiet": False}, vo, **after)) == set(every) - selected
        return selected


@pytest.fixture
def senders(store: Store) -> Senders:
    return Senders(store)


def test_the_module_is_quiet_after_some_minutes(senders: Senders) -> None:
    running = senders.send(800, 700, 250, context=MODULE)
    quiet = senders.send(800, 700, 350, context=MODULE)
    assert senders.quiet() == {quiet.stamp}
    rows = senders.rows()
    row = rows[quiet.stamp]
    assert row["State"] == LogState.OPEN
    assert row["QuietSince"] == row["LastArrival"]
    assert 350 <= row["QuietSeconds"] < 500
    assert row["UsualSeconds"] == 10
    row = rows[running.stamp]
    assert (row["QuietSince"], row["QuietSeconds"], row["UsualSeconds"]) == (None, None, 10)
    assert set(row) == {*logs.COLUMNS, "QuietSince", "QuietSeconds", "UsualSeconds"}


def test_a_line_ends_it(senders: Senders) -> None:
    quiet = senders.send(800, 700, 350)
    assert senders.quiet() == {quiet.stamp}
    senders.store.send_numbered(4, "it goes on\n", quiet, "a")
    assert senders.quiet() == set()
    assert senders.rows()[quiet.stamp]["State"] == LogState.OPEN


def test_closed_logs_are_not_quiet(senders: Senders) -> None:
    ended = senders.send(800, 700, 650, final=Final(0))
    silent = senders.send(800, 700, 650, vo="beta")
    assert senders.quiet() == {silent.stamp}
    senders.store.close_silent("beta")
    assert senders.quiet() == set()
    assert set(senders.rows({"Silent": True})) == {silent.stamp}
    for stamp in (ended.stamp, silent.stamp):
        assert senders.rows()[stamp]["UsualSeconds"] is None


def test_what_is_usual_comes_from_the_log_itself(senders: Senders) -> None:
    """One that sends each five minutes is not quiet after six, and is after more than fifteen."""
    seldom = senders.send(1560, 1260, 960, 660, 360)
    gone = senders.send(2160, 1860, 1560, 1260, 960)
    often = senders.send(406, 404, 402, 400, 398, 396)
    assert senders.quiet() == {gone.stamp, often.stamp}
    rows = senders.rows()
    assert rows[seldom.stamp]["UsualSeconds"] == pytest.approx(300, abs=1)
    assert rows[often.stamp]["UsualSeconds"] == pytest.approx(2, abs=0.5)


def test_of_a_few_messages_nothing_is_known(senders: Senders) -> None:
    few = senders.send(1000, 999, 998)
    assert senders.rows()[few.stamp]["UsualSeconds"] is None
    assert senders.quiet() == {few.stamp}


def test_the_silence_of_a_stock_pilot_means_little_until_longer(senders: Senders) -> None:
    """It sends a burst at its start, and then with each full buffer."""
    burst = senders.send(1000, 990, 980, 970, 960, stock=True)
    gone = senders.send(2000, 1990, 1980, 1970, 1960, stock=True)
    assert senders.quiet() == {gone.stamp}
    assert senders.rows()[burst.stamp]["UsualSeconds"] == pytest.approx(10, abs=1)


def test_each_vo_has_its_own_time(senders: Senders) -> None:
    alpha, beta, other = (senders.send(900, 500, vo=vo) for vo in ("alpha", "beta", "gamma"))
    stamps = {"alpha": alpha.stamp, "beta": beta.stamp, "gamma": other.stamp}
    assert senders.quiet() == set(stamps.values())
    assert senders.quiet(beta=600.0) == {stamps["alpha"], stamps["gamma"]}
    assert senders.quiet(alpha=300.0, beta=600.0, gamma=700.0) == {stamps["alpha"]}
    assert senders.quiet("beta", alpha=300.0, beta=600.0) == set()
    assert senders.quiet("beta", alpha=600.0) == {stamps["beta"]}
    with senders.store.database.reading() as connection:
        quietness = senders.quietness(connection, beta=600.0)
        assert logs.count_quiet(connection, quietness) == {"alpha": 1, "gamma": 1}
        values, _ = logs.list_values(connection, {"Quiet": True}, ["VO"], 10, quietness=quietness)
        assert sorted(values["VO"]) == [("alpha", 1), ("gamma", 1)]
        row = logs.find_row(connection, alpha, quietness)
        assert row is not None
        assert row["QuietSince"]


def test_the_selection_and_the_rows_agree_whatever_was_sent(senders: Senders) -> None:
    chance = random.Random(7)
    for _ in range(40):
        times = sorted(chance.choice((1, 10, 100)) * chance.randrange(1, 90) for _ in range(chance.randrange(1, 9)))
        senders.send(
            *reversed(times),
            vo=chance.choice(("alpha", "beta")),
            stock=chance.random() < 0.3,
            context=chance.choice((MODULE, {})),
        )
    found = senders.quiet()
    assert 0 < len(found) < 40
    assert senders.quiet(beta=20.0) >= senders.quiet("alpha")


def test_a_search_in_quiet_logs(senders: Senders, archives: Archives) -> None:
    senders.send(100, 50)
    quiet = senders.send(1000, 900)
    reader: Reader = archives.reader
    search = Search(reader, Query.parse("INFO"), 100, 60.0, quietness=senders.quietness)
    assert search.run({"Quiet": True}, "alpha", None)[1]
    assert [hit.row["Stamp"] for hit in search.hits] == [quiet.stamp]
    assert search.hits[0].row["QuietSince"]


def test_bad_selections(senders: Senders) -> None:
    for value in (1, "yes", None, [True]):
        with pytest.raises(Rejected, match="Quiet is neither true nor false"):
            senders.rows({"Quiet": value})
    with pytest.raises(Rejected, match=r"by these they can: .*, Quiet\.$"):
        senders.rows({"quiet": True})


def test_what_a_reader_is_told() -> None:
    notices = QuietNotices()
    since = datetime.fromisoformat("2026-06-10T10:02:03.5+00:00").isoformat()

    def page(quiet_since: str | None, usual: float | None = 10.0, more: bool = False) -> str | None:
        return notices.of_page({"quietSince": quiet_since, "usualSeconds": usual, "more": more})

    assert page(since, more=True) is None
    told = page(since)
    assert told == (
        "no line since 2026-06-10 10:02:03 UTC; its sender usually sends each 10 s. "
        "The pilot may be gone, or busy computing"
    )
    assert page(since) is None
    assert page(None) == "it has a line again"
    assert page(None) is None
    assert "each second." in (page(since, 0.2) or "")
    page(None)
    assert "is not known" in (page(since, None) or "")
    # A collector of before knows nothing of it.
    assert QuietNotices().of_page({"more": False}) is None
    assert QuietNotices().of_row({"State": "Open"}) is None
    assert QuietNotices().of_row(None) is None
