# SPDX-License-Identifier: GPL-3.0-only
"""StorageElement keeps the contract on real xrootd (root://, GSI) and real S3, through the real file catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from grid_support.grid import Grid, StorageElement
from grid_support.plugin_process import PluginProcess

from PilotLoggingDIRAC.deliver.conformance import ArchiveConformance, fetched, store
from PilotLoggingDIRAC.deliver.dated_folders import Folders

_NO_CATALOGUE = "/Systems/DataManagement/URLs/FileCatalog=https://localhost:1/DataManagement/TornadoFileCatalog"


class StorageElementConformance(ArchiveConformance):
    vo: str

    @pytest.fixture(scope="class")
    @classmethod
    def process(cls, grid: Grid) -> Iterator[PluginProcess]:
        process = PluginProcess(grid.stack, cls.vo)
        yield process
        process.end()

    @pytest.fixture
    def plugin(self, process: PluginProcess) -> Iterator[PluginProcess]:
        yield process
        assert list(process.temporary.iterdir()) == [], "files that the plugin has left behind"

    @pytest.fixture
    def far_side(self, grid: Grid, process: PluginProcess, tmp_path: Path) -> StorageElement:
        return StorageElement(grid, process, tmp_path)

    @pytest.fixture
    def unreachable(self, grid: Grid) -> Iterator[PluginProcess]:
        process = PluginProcess(grid.stack, self.vo, _NO_CATALOGUE)
        yield process
        process.end()

    def test_a_file_that_the_catalogue_does_not_know_is_never_destroyed(
        self, grid: Grid, plugin: PluginProcess, store: Callable[..., str], stamp: str, tmp_path: Path
    ) -> None:
        far_side = StorageElement(grid, plugin, tmp_path, catalogued=False)
        self.test_a_foreign_file_under_the_wanted_name_is_never_destroyed(
            plugin, far_side, store, stamp, b"somebody else's"
        )

    @pytest.mark.parametrize("left", [b"a lo", b"a log\n"], ids=["a part", "all"])
    def test_what_an_upload_left_that_was_never_catalogued_is_replaced(
        self, grid: Grid, plugin: PluginProcess, far_side: StorageElement, stamp: str, tmp_path: Path, left: bytes
    ) -> None:
        StorageElement(grid, plugin, tmp_path, catalogued=False).put_foreign(stamp, left)
        reference = store(plugin, stamp, b"a log\n", tmp_path)
        assert reference == f"/{self.vo}/pilotlogs/{stamp}.log"
        assert far_side.files(stamp) == {f"{stamp}.log": b"a log\n"}

    def test_each_log_has_a_guid_of_its_own_and_the_shifter_as_owner(
        self, grid: Grid, plugin: PluginProcess, tmp_path: Path
    ) -> None:
        stamps = [uuid.uuid4().hex for _ in range(2)]
        for stamp in stamps:
            store(plugin, stamp, b"equal\n", tmp_path)
        entries = [entry for stamp in stamps for entry in grid.catalogued(self.vo, stamp)]
        assert [entry["Owner"] for entry in entries] == [f"{self.vo}_user"] * 2
        assert len({entry["GUID"] for entry in entries}) == 2


class TestOnXrootd(StorageElementConformance):
    vo = "alpha"


class TestOnS3(StorageElementConformance):
    vo = "beta"


def test_folders_by_date(grid: Grid, tmp_path: Path) -> None:
    """Each log is in the folder of its own day, however late its lines come, and is found by its stamp alone."""
    flat, dated, monthly = uuid.uuid4().hex, uuid.uuid4().hex, uuid.uuid4().hex
    begun = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
    options = "/Operations/alpha/Pilot/Folders="
    plain, by_month, by_day = (PluginProcess(grid.stack, "alpha", f"{options}{kind}") for kind in Folders)
    try:
        assert store(plain, flat, b"flat\n", tmp_path, begun=begun) == f"/alpha/pilotlogs/{flat}.log"
        reference = store(by_day, dated, b"dated\n", tmp_path, begun=begun)
        assert reference == f"/alpha/pilotlogs/2024-02-29/{dated}.log"
        assert store(by_day, dated, b"dated\nlate\n", tmp_path, begun=begun, previous=reference) == reference
        assert fetched(by_day, reference) == b"dated\nlate\n"
        of_month = store(by_month, monthly, b"monthly\n", tmp_path, begun=begun)
        assert of_month == f"/alpha/pilotlogs/2024-02/{monthly}.log"
        for plugin in (by_day, by_month):
            located = [plugin.locate(stamp) for stamp in (flat, dated, monthly, uuid.uuid4().hex)]
            assert located == [f"/alpha/pilotlogs/{flat}.log", reference, of_month, None]
        by_day.remove(reference)
        assert by_day.locate(dated) is None
    finally:
        for plugin in (plain, by_day, by_month):
            plugin.end()
