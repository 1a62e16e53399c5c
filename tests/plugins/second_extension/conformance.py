# SPDX-License-Identifier: GPL-3.0-only
"""The extension's own test of its plugin, as ``docs/add-a-plugin.md`` of PilotLoggingDIRAC says. It runs where the
extension is installed: ``pytest conformance.py``."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from SecondDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.ZippedFolderPlugin import (
    ZippedFolderPlugin,
    ZippedFolderSettings,
)

from PilotLoggingDIRAC.deliver.conformance import ArchiveConformance


class Folder:
    """The directory as its administrator sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, stamp: str) -> dict[str, bytes]:
        return {path.name: gzip.decompress(path.read_bytes()) for path in self.folder.rglob(f"*{stamp}*")}

    def put_foreign(self, stamp: str, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{stamp}.log.gz").write_bytes(gzip.compress(data))


class TestZippedFolder(ArchiveConformance):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> ZippedFolderPlugin:
        (tmp_path / "archive").mkdir()
        return ZippedFolderPlugin("alpha", ZippedFolderSettings(Path=str(tmp_path / "archive"), Level="1"))

    @pytest.fixture
    def far_side(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path / "archive" / "alpha")

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> ZippedFolderPlugin:
        (tmp_path / "no-folder").write_text("a file where the folder should be")
        return ZippedFolderPlugin("alpha", ZippedFolderSettings(Path=str(tmp_path / "no-folder")))
