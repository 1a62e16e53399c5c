# SPDX-License-Identifier: GPL-3.0-only
"""A pilot's log goes through the collector and the agent to a storage element, and back to its readers.

The tests share few runs of the agent, since each takes seconds; each test has logs of its own.
"""

from __future__ import annotations

import time
import uuid
import zlib
from collections.abc import Callable

import pytest
from grid_support.grid import VOS, Grid
from harness.client import UNAVAILABLE

from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.FileCacheDownloadPlugin import ONE_STREAM

_EXPIRE_AT_ONCE = {f"/Operations/{vo}/Pilot/KeepDelivered": 0 for vo in VOS}
_TEXT = "".join(f"2026-11-22T12:00:00Z INFO [Pilot] line {number}: \u00fcber \u2603\n" for number in range(200))
_LATE = "a late line\n"
_LONGEST_REFUSAL = 150.0
"""Seconds; with the libraries' own figures it takes 200 s and more."""

Logs = Callable[[str], list[tuple[str, str]]]
"""VO and stamp of the logs of one test, one a VO."""


@pytest.fixture(scope="module")
def delivered(grid: Grid) -> Logs:
    """Logs of both communities, all with the same text, carried by one run of the agent."""
    tests = ("guid", "twin", "read", "portal", "down", "late")
    logs = {test: [(vo, grid.send(vo, _TEXT)) for vo in VOS] for test in tests}
    logs["goodbye"] = [(vo, grid.send(vo, "")) for vo in VOS]
    grid.run_agent()
    return logs.__getitem__


@pytest.fixture(scope="module")
def expired(grid: Grid, delivered: Logs) -> Logs:
    """The same logs, which only the archive has now; the late ones got another line, and were delivered again."""
    grid.run_agent(_EXPIRE_AT_ONCE)
    for vo, stamp in delivered("late"):
        grid.send(vo, _LATE, stamp)
        assert grid.read(vo, stamp) == _TEXT + _LATE
    grid.run_agent()
    grid.run_agent(_EXPIRE_AT_ONCE)
    return delivered


def test_a_delivered_log_is_a_catalogued_file(grid: Grid, delivered: Logs) -> None:
    guids = set()
    logs = delivered("guid") + delivered("twin")
    for vo, stamp in logs:
        assert grid.file(vo, stamp).read_bytes() == _TEXT.encode()
        (entry,) = grid.catalogued(vo, stamp)
        guids.add(entry.pop("GUID"))
        assert entry == {
            "FileName": f"{stamp}.log",
            "Size": str(len(_TEXT.encode())),
            "Checksum": f"{zlib.adler32(_TEXT.encode()):08x}",
            "Owner": f"{vo}_user",
        }
        delivery = grid.delivery(vo, stamp)
        assert (delivery["Plugin"], delivery["State"], delivery["Attempts"]) == ("StorageElement", "Delivered", 0)
        assert delivery["Reference"] == f"/{vo}/pilotlogs/{stamp}.log"
        assert grid.log(vo, stamp)["State"] == "Archived"
    assert len(guids) == len(logs), "equal logs are files of their own"


def test_a_pilot_that_said_only_goodbye_leaves_no_file(grid: Grid, delivered: Logs) -> None:
    for vo, stamp in delivered("goodbye"):
        assert grid.log(vo, stamp)["State"] == "Archived"
        assert list(grid.folder(vo).glob(f"*{stamp}*")) == []


def test_the_agent_leaves_nothing_behind(grid: Grid, delivered: Logs) -> None:
    assert grid.left_behind("test-agent") == []


def test_readers_get_what_only_the_archive_has(grid: Grid, expired: Logs) -> None:
    for vo, stamp in expired("read"):
        log = grid.log(vo, stamp)
        assert log["ExpiredBytes"] == log["Bytes"] == len(_TEXT.encode())
        assert grid.stack.rows("SELECT * FROM PilotLogChunks WHERE LogID = ?", log["LogID"]) == []
        assert grid.read(vo, stamp) == _TEXT
        assert grid.get_logs(vo, stamp).value == {"StdOut": _TEXT}
    assert grid.left_behind("collector-0") == []


def test_readers_get_what_the_database_has_forgotten(grid: Grid, expired: Logs) -> None:
    for vo, stamp in expired("twin"):
        grid.forget(vo, stamp)
        assert grid.read(vo, stamp) == _TEXT
        assert grid.get_logs(vo, f"{stamp}.log").value == {"StdOut": _TEXT}
    assert "There is no log" in grid.get_logs("alpha", uuid.uuid4().hex)["Message"]
    assert not grid.get_logs("alpha", expired("twin")[1][1])["OK"], "another community's log"
    assert grid.left_behind("collector-0") == []


def test_the_portal_reads_from_the_collector_and_without_one_from_the_archive(grid: Grid, expired: Logs) -> None:
    vo, stamp = expired("portal")[1]
    whole = {"OK": True, "Value": {"StdOut": _TEXT, "StdErr": ONE_STREAM + _TEXT}}
    assert grid.as_portal(vo, stamp) == whole
    with grid.without_collector():
        assert grid.as_portal(vo, stamp) == whole
    assert grid.left_behind("portal") == []


def test_a_storage_element_that_is_down_is_a_delay_for_readers(grid: Grid, expired: Logs) -> None:
    vo, stamp = expired("down")[0]
    _, seen = expired("guid")[0]
    user = grid.stack.client(f"{vo}_user")
    outline = user("outlineLog", seen).value
    with grid.without("xrootd"):
        # What somebody looks at has been fetched once, and is there.
        assert (outline["lines"], outline["version"]) == (200, user("outlineLog", seen).value["version"])
        lines = user("readLines", seen, "", 100, 2).value["lines"]
        assert [line["text"] for line in lines] == _TEXT.splitlines()[99:101]
        assert user("findLines", seen, "", {"text": "line 77:"}).value["numbers"] == [78]
        begun = time.monotonic()
        number, sentence = grid.get_logs(vo, stamp).refusal
        assert time.monotonic() - begun < _LONGEST_REFUSAL
        assert number == UNAVAILABLE
        assert f"Downloading /{vo}/pilotlogs/{stamp}.log failed" in sentence
    assert grid.read(vo, stamp) == _TEXT
    assert grid.left_behind("collector-0") == []


def test_a_late_line_joins_what_only_the_archive_has(grid: Grid, expired: Logs) -> None:
    whole = _TEXT + _LATE
    for vo, stamp in expired("late"):
        assert grid.log(vo, stamp)["ExpiredBytes"] == len(whole.encode())
        assert grid.read(vo, stamp) == whole
        (copy,) = grid.folder(vo).glob(f"*{stamp}*")
        assert copy.read_bytes() == whole.encode()
        assert [entry["FileName"] for entry in grid.catalogued(vo, stamp)] == [copy.name]
        grid.forget(vo, stamp)
        assert grid.read(vo, stamp) == whole
