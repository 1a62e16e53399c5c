# SPDX-License-Identifier: GPL-3.0-only
"""What goes wrong between the agent and a storage element, done to the real parts.

Each time the log stays in the database, the reason can be read in PilotLogDeliveries, there is a pause, the other
community's logs are delivered in the same cycle, and after the repair the next attempt that is due delivers.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

import pytest
from grid_support.grid import Grid
from grid_support.plugin_process import PluginProcess

from PilotLoggingDIRAC.deliver.conformance import store
from PilotLoggingDIRAC.errors import Unavailable

_OTHER = {"alpha": "beta", "beta": "alpha"}
_TEXT = "a log that must not be lost\n" * 50
_LONGEST_CYCLE = 150.0
"""Seconds; with the libraries' own figures a file alone takes 200 s and more."""


@contextmanager
def _expired_proxy(grid: Grid) -> Iterator[None]:
    """The proxy that the shifter has uploaded has expired, and so has the one that the agent has fetched."""
    change = "UPDATE ProxyDB_CleanProxies SET ExpirationTime = ExpirationTime {} INTERVAL 100 DAY"
    grid.sql("ProxyDB", change.format("-"))
    grid.forget_proxies()
    try:
        yield
    finally:
        grid.sql("ProxyDB", change.format("+"))


_LOCALLY = "/Operations/{}/Pilot/LoggingPlugins"
# S3's comes last: an earlier one's run would carry its log to beta's LocalDirectory, and settle it.
_FAULTS: dict[str, tuple[str, Callable[[Grid], AbstractContextManager[None]], dict[str, str], str]] = {
    "the storage element is down": (
        "alpha",
        lambda grid: grid.without("xrootd"),
        {},
        r"Looking for \S+ on SE-XROOT failed: ",
    ),
    "catalogue and ProxyManager are down": (
        "alpha",
        lambda grid: grid.without("services"),
        {_LOCALLY.format("beta"): "LocalDirectory"},
        r"(Looking for \S+ in the file catalogue|Getting a proxy of .* from ProxyManager) failed: ",
    ),
    "the shifter's proxy has expired": (
        "alpha",
        _expired_proxy,
        {_LOCALLY.format("beta"): "LocalDirectory"},
        r"Getting a proxy of alpha_user \(alpha_user\), the shifter of VO alpha, from ProxyManager failed: ",
    ),
    "S3 refuses the key": (
        "beta",
        lambda grid: nullcontext(),
        {"/Resources/StorageElements/SE-S3/S3/Aws_secret_access_key": "wrong"},
        r"Looking for \S+ on SE-S3 failed: .*40[03]",
    ),
}


@pytest.fixture(scope="module")
def delayed() -> list[tuple[str, str]]:
    """VO and stamp of the logs that faults have delayed: one run of the agent delivers them all at the end."""
    return []


@pytest.mark.parametrize("fault", _FAULTS)
def test_a_fault_is_a_delay_and_not_a_loss(grid: Grid, fault: str, delayed: list[tuple[str, str]]) -> None:
    vo, break_it, options, reason = _FAULTS[fault]
    stamp = grid.send(vo, _TEXT)
    with break_it(grid):
        unharmed = grid.send(_OTHER[vo], _TEXT)
        begun = time.monotonic()
        grid.run_agent(options)
        took = time.monotonic() - begun

        delivery = grid.delivery(vo, stamp)
        assert (delivery["State"], delivery["Attempts"]) == ("Pending", 1)
        grid.assert_says(delivery["LastError"], reason)
        pause = (datetime.fromisoformat(delivery["NextAttempt"]) - grid.now()).total_seconds()
        assert 45 - took < pause <= 60
        assert grid.log(vo, stamp)["State"] == "Complete"
        assert grid.read(vo, stamp) == _TEXT
        assert grid.log(_OTHER[vo], unharmed)["State"] == "Archived"
        assert took < _LONGEST_CYCLE
    delayed.append((vo, stamp))


def test_the_next_attempt_after_the_repair_delivers(grid: Grid, delayed: list[tuple[str, str]]) -> None:
    if len(delayed) != len(_FAULTS):
        pytest.skip("the tests of the faults were not all run before this one, or failed")
    grid.end_pauses()
    grid.run_agent()
    for vo, stamp in delayed:
        delivery = grid.delivery(vo, stamp)
        assert (delivery["State"], delivery["Attempts"], delivery["LastError"]) == ("Delivered", 0, "")
        assert grid.log(vo, stamp)["State"] == "Archived"
        assert grid.file(vo, stamp).read_bytes() == _TEXT.encode()
        assert len(grid.catalogued(vo, stamp)) == 1
    assert grid.left_behind("test-agent") == []


def test_a_storage_element_that_hangs_is_unavailable(grid: Grid, tmp_path: Path) -> None:
    plugin = PluginProcess(grid.stack, "alpha")
    try:
        with grid.stalled("xrootd"), pytest.raises(Unavailable) as caught:
            begun = time.monotonic()
            store(plugin, uuid.uuid4().hex, _TEXT.encode(), tmp_path)
        assert time.monotonic() - begun < _LONGEST_CYCLE
    finally:
        plugin.end()
    grid.assert_says(str(caught.value), r"Looking for \S+ on SE-XROOT failed: ")


_MISTAKES: dict[str, tuple[str, dict[str, str], str]] = {
    "the catalogue gives no right": (
        "alpha",
        {"/Operations/alpha/Pilot/UploadPath": "/alpha"},
        r"Uploading /alpha/\S+ to SE-XROOT failed: Write access not permitted for this credential",
    ),
    "another community's folder is named": (
        "alpha",
        {"/Operations/alpha/Pilot/UploadPath": "/beta/pilotlogs"},
        r"Looking for /beta/pilotlogs/\S+ on SE-XROOT failed: .*path must start with VO name \(alpha\)",
    ),
    "the storage element gives no right": (
        "alpha",
        {"/Resources/StorageElements/SE-XROOT/XROOT/Path": "/store/beta"},
        r"Looking for \S+ on SE-XROOT failed: .*[Pp]ermission denied",
    ),
    "there is no such storage element": (
        "alpha",
        {"/Operations/alpha/Pilot/UploadSE": "SE-NOWHERE"},
        r"Looking for \S+ on SE-NOWHERE failed: .*Failed to get storage options",
    ),
    "no shifter is named": (
        "alpha",
        {"/Operations/alpha/Shifter/DataManager/User": ""},
        r"/Operations/alpha/Shifter/DataManager does not name a User\.",
    ),
    "the shifter has not uploaded a proxy": (
        "alpha",
        {f"/Operations/alpha/Shifter/DataManager/{name}": "alpha_admin" for name in ("User", "Group")},
        r"Getting a proxy of alpha_admin \(alpha_admin\), the shifter of VO alpha, from ProxyManager failed: ",
    ),
    "the shifter is not registered": (
        "alpha",
        {"/Operations/alpha/Shifter/DataManager/User": "nobody"},
        r"Getting a proxy of nobody \(alpha_user\), the shifter of VO alpha, from ProxyManager failed: .*nobody",
    ),
    "nothing answers on S3's port": (
        "beta",
        {"/Resources/StorageElements/SE-S3/S3/Port": "1"},
        r"Looking for \S+ on SE-S3 failed: .*Could not connect",
    ),
}


@pytest.mark.parametrize("mistake", _MISTAKES)
def test_a_mistake_is_explained(grid: Grid, mistake: str, tmp_path: Path) -> None:
    vo, options, reason = _MISTAKES[mistake]
    plugin = PluginProcess(grid.stack, vo, *(f"{path}={value}" for path, value in options.items()))
    try:
        with pytest.raises(Unavailable) as caught:
            store(plugin, uuid.uuid4().hex, _TEXT.encode(), tmp_path)
    finally:
        plugin.end()
    grid.assert_says(str(caught.value), reason)


def test_an_upload_that_the_catalogue_does_not_register_is_made_good(grid: Grid, tmp_path: Path) -> None:
    """The file is on the storage element then, and nobody knows; the next attempt takes its place."""
    stamp = uuid.uuid4().hex
    plugin = PluginProcess(grid.stack, "alpha")
    grid.sql(
        "FileCatalogDB",
        "CREATE TRIGGER refuse BEFORE INSERT ON FC_Files FOR EACH ROW "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more files today'",
    )
    try:
        with pytest.raises(Unavailable) as caught:
            store(plugin, stamp, b"a log\n", tmp_path)
        grid.assert_says(str(caught.value), r"Registering \S+, which is on SE-XROOT now, .* failed: ")
        assert grid.file("alpha", stamp).read_bytes() == b"a log\n"
        assert grid.catalogued("alpha", stamp) == []
    finally:
        grid.sql("FileCatalogDB", "DROP TRIGGER refuse")
    time.sleep(1.1)  # xrootd takes what was written in the same second for the same content
    try:
        assert store(plugin, stamp, b"a log\nand a late line\n", tmp_path) == f"/alpha/pilotlogs/{stamp}.log"
    finally:
        plugin.end()
    assert [file.read_bytes() for file in grid.folder("alpha").glob(f"*{stamp}*")] == [b"a log\nand a late line\n"]
    assert [entry["Size"] for entry in grid.catalogued("alpha", stamp)] == ["22"]
