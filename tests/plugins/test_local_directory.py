# SPDX-License-Identifier: GPL-3.0-only
"""LocalDirectory on a real file system, healthy and not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from PilotLoggingDIRAC.deliver.conformance import ArchiveConformance, fetched, store
from PilotLoggingDIRAC.errors import ConfigurationError, NotFound, Unavailable
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.LocalDirectoryPlugin import (
    LocalDirectoryPlugin,
    LocalDirectorySettings,
)

_LINES = b"a line of a pilot\n" * 1000


def plugin_for(root: Path, vo: str = "alpha") -> LocalDirectoryPlugin:
    return LocalDirectoryPlugin(vo, LocalDirectorySettings(Path=str(root)))


class Folder:
    """The folder of one VO, as its administrator sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, stamp: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.rglob(f"*{stamp}*")}

    def put_foreign(self, stamp: str, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{stamp}.log").write_bytes(data)


class TestConformance(ArchiveConformance):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> LocalDirectoryPlugin:
        return plugin_for(tmp_path / "archive")

    @pytest.fixture
    def far_side(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path / "archive" / "alpha")

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> LocalDirectoryPlugin:
        (tmp_path / "no-folder").write_text("a file where the folder should be")
        return plugin_for(tmp_path / "no-folder")


@pytest.fixture
def stamp() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("no root: a small file system cannot be mounted")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_log_is_a_plain_file_with_the_stock_name(archive: Path, stamp: str, tmp_path: Path) -> None:
    assert store(plugin_for(archive), stamp, _LINES, tmp_path) == f"alpha/{stamp}.log"
    assert (archive / "alpha" / f"{stamp}.log").read_bytes() == _LINES


def test_communities_are_apart(archive: Path, stamp: str, tmp_path: Path) -> None:
    alpha, beta = plugin_for(archive), plugin_for(archive, "beta")
    reference = store(alpha, stamp, _LINES, tmp_path)
    assert beta.locate(stamp) is None
    for stolen in (reference, f"beta/../{reference}", f"/{archive}/{reference}", "alpha", ""):
        with pytest.raises(NotFound):
            fetched(beta, stolen)
        beta.remove(stolen)
    assert fetched(alpha, reference) == _LINES


def test_a_path_that_is_not_full_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"/Operations/alpha/Pilot/LocalDirectory/Path .*'here' is not a full"):
        plugin_for(Path("here"))


def test_a_full_disk_is_unavailable_and_leaves_no_half_file(small_disk: Path, stamp: str, tmp_path: Path) -> None:
    plugin = plugin_for(small_disk)
    small = store(plugin, uuid.uuid4().hex, _LINES, tmp_path)
    with pytest.raises(Unavailable, match="No space left on device"):
        store(plugin, stamp, b"x" * 2_000_000, tmp_path)
    assert Folder(small_disk).files(stamp) == {}
    assert plugin.locate(stamp) is None
    # There is room again for others at once, and for the log itself when it fits.
    assert fetched(plugin, small) == _LINES
    assert fetched(plugin, store(plugin, stamp, b"x" * 500_000, tmp_path)) == b"x" * 500_000


def test_a_full_disk_does_not_harm_the_earlier_copy(small_disk: Path, stamp: str, tmp_path: Path) -> None:
    plugin = plugin_for(small_disk)
    previous = store(plugin, stamp, b"x" * 600_000, tmp_path)
    with pytest.raises(Unavailable):
        store(plugin, stamp, b"x" * 900_000, tmp_path, previous=previous)
    assert fetched(plugin, previous) == b"x" * 600_000


def test_a_file_in_the_place_of_the_folder_is_unavailable_until_it_is_mended(
    archive: Path, stamp: str, tmp_path: Path
) -> None:
    plugin = plugin_for(archive)
    archive.mkdir()
    (archive / "alpha").write_text("not a folder")
    with pytest.raises(Unavailable, match=r"The local directory failed in storing the log: .*/archive/alpha"):
        store(plugin, stamp, _LINES, tmp_path)
    (archive / "alpha").unlink()
    assert fetched(plugin, store(plugin, stamp, _LINES, tmp_path)) == _LINES


_STORE_AND_STALL = """
import sys, time
from pathlib import Path
from PilotLoggingDIRAC.deliver.contract import ClosedLog
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.LocalDirectoryPlugin import *

class Slow:
    "The log's file, whose disk hangs after the first megabyte."
    def __init__(self, file): self.file = file
    def seek(self, place): return self.file.seek(place)
    def read(self, size):
        if self.file.tell() >= 2**20:
            print("half way", flush=True)
            time.sleep(60)
        return self.file.read(size)

root, stamp, content = sys.argv[1:]
plugin = LocalDirectoryPlugin("alpha", LocalDirectorySettings(Path=root))
log = ClosedLog(LogKey("alpha", stamp), Path(content).stat().st_size, 1, True, 0)
plugin.store(log, Slow(open(content, "rb")))
"""


def test_killed_in_the_middle_it_leaves_no_half_log(archive: Path, stamp: str, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(b"y" * 3 * 2**20)
    process = subprocess.Popen(
        [sys.executable, "-c", _STORE_AND_STALL, str(archive), stamp, str(content)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half way\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    plugin = plugin_for(archive)
    assert plugin.locate(stamp) is None
    assert list((archive / "alpha").glob("*.log")) == []

    (leftover,) = (archive / "alpha").rglob(f"*{stamp}*")
    a_while_ago = time.time() - 2 * 86400
    os.utime(leftover, (a_while_ago, a_while_ago))
    assert fetched(plugin, store(plugin, stamp, content.read_bytes(), tmp_path)) == content.read_bytes()
    assert list(Folder(archive / "alpha").files(stamp)) == [f"{stamp}.log"]
