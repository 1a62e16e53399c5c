# SPDX-License-Identifier: GPL-3.0-only
"""Pages and rows as plain values, for a reply."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from support.archives import Archives
from support.store import Store, list_logs

from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.read import replies
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.settings import VOSettings
from PilotLoggingDIRAC.store import deliveries, logs
from PilotLoggingDIRAC.store.usage import Usage

LEASE = timedelta(minutes=5)


def test_a_page(store: Store, archives: Archives, key: LogKey) -> None:
    store.send_numbered(1, "one \ud800\n")
    store.send_numbered(3, "three\n")
    store.finalise(exit_code=3)
    answer = replies.render_page(key, archives.reader.page(key, Cursor(), 1000))
    assert json.loads(json.dumps(answer)) == answer, "it is plain values"
    times = [datetime.fromisoformat(answer.pop(name)) for name in ("firstArrival", "lastArrival")]
    assert all(time.utcoffset() == timedelta() for time in times)
    assert answer == {
        "vo": "alpha",
        "stamp": key.stamp,
        "text": "one \ud800\nthree\n",
        "cursor": "2.6.14",
        "more": False,
        "gaps": [{"offset": 6, "session": "pilot", "first": 2, "last": 2}],
        "state": "Complete",
        "finalised": True,
        "exitCode": 3,
        "lines": 2,
        "bytes": 14,
        "truncated": 0,
        "quietSince": None,
        "usualSeconds": None,
    }


def test_a_page_that_only_the_archive_knows(store: Store, archives: Archives, key: LogKey) -> None:
    archives.add()
    store.send("one\n")
    store.finalise()
    archives.deliver(store.record().log_id)
    store.expire()
    store.forget()
    answer = replies.render_page(key, archives.reader.page(key, Cursor(), 1000))
    assert (answer["text"], answer["cursor"], answer["state"]) == ("one\n", "0.0.4", "Archived")
    known = {"vo", "stamp", "text", "cursor", "more", "gaps", "state"}
    assert all(answer[name] is None for name in answer.keys() - known)


def test_a_row(store: Store) -> None:
    store.send("one\n")
    with store.database.reading() as connection:
        (row,), _ = list_logs(connection, {}, [], 0, 10)
    answer = replies.render_row(row)
    assert json.loads(json.dumps(answer)) == answer
    assert datetime.fromisoformat(answer["FirstArrival"]) == store.record().first_arrival
    assert (answer["Lines"], answer["Finalised"]) == (1, None)


def test_states(store: Store) -> None:
    for vo in ("alpha", "alpha", "beta"):
        store.send("one\n", key=store.new_key(vo))
    store.finalise(LogKey("alpha", f"{1:032d}"))
    with store.database.reading() as connection:
        assert replies.render_states(logs.count_states(connection)) == {
            "alpha": {"Complete": 1, "Open": 1},
            "beta": {"Open": 1},
        }


def test_a_backlog(store: Store) -> None:
    store.send("one\n")
    store.finalise()
    store.make_older(timedelta(hours=2))
    log_id = store.record().log_id
    with store.database.writing() as connection:
        now = store.database.now(connection)
        deliveries.claim(connection, log_id, "A", "agent", now, LEASE)
        deliveries.fail(connection, log_id, "A", "agent", 1, "It is full.", now)
    with store.database.reading() as connection:
        (answer,) = [replies.render_backlog(entry, now) for entry in deliveries.backlog(connection)]
    assert 7190 < answer.pop("oldest") < 9000
    assert answer == {
        "vo": "alpha",
        "plugin": "A",
        "logs": 1,
        "failing": 1,
        "untried": 0,
        "lastError": "It is full.",
    }


def test_what_a_vo_has_and_may_have() -> None:
    limits = {"alpha": VOSettings(MaxOpenLogs=7, Quota="1kB")}
    assert replies.render_usage({"alpha": Usage(3, 500), "beta": Usage(1, 20)}, limits) == {
        "alpha": {"openLogs": 3, "maxOpenLogs": 7, "text": 500, "quota": 1000},
        "beta": {"openLogs": 1, "maxOpenLogs": 0, "text": 20, "quota": 0},
    }
