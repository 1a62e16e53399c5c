# SPDX-License-Identifier: GPL-3.0-only
"""Logs as plain files below one directory: the embedded default, and the example to copy for a plugin of your own.

A log is ``<Path>/<VO>/<stamp>.log``, and its reference is the part behind ``<Path>/``. Collectors and agents must all
see the directory, so it is for one host, or for a file system that all of them mount.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from PilotLoggingDIRAC.deliver.archive_names import begins_with, list_names
from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ArchiveSettings, ClosedLog
from PilotLoggingDIRAC.deliver.stale_files import remove_stale
from PilotLoggingDIRAC.dirac_bridge import cs
from PilotLoggingDIRAC.errors import ConfigurationError, NotFound, Unavailable

_COPIED_BYTES = 2**20
_PARTIAL = ".partial"
"""Below the folder of a VO: logs that are being stored."""


class LocalDirectorySettings(ArchiveSettings):
    """``/Operations/<VO or Defaults>/Pilot/LocalDirectory``"""

    path: str = Field("", alias="Path")
    """Full path of the directory. Empty: ``work/WorkloadManagement/PilotLogs`` below DIRAC's root path."""


class LocalDirectoryPlugin(ArchivePlugin[LocalDirectorySettings]):
    """Stores each log as one file; a file is complete or not there, also after a power cut."""

    Settings = LocalDirectorySettings

    def __init__(self, vo: str, settings: LocalDirectorySettings) -> None:
        super().__init__(vo, settings)
        self._root = Path(settings.path or cs.work_folder() / "PilotLogs")
        if not self._root.is_absolute():
            raise ConfigurationError(
                f"/Operations/{vo}/Pilot/LocalDirectory/Path", f"= {settings.path!r} is not a full path."
            )

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        with _disk_errors("storing the log"):
            folder = self._root / self.vo
            partial = folder / _PARTIAL
            _make_durably(partial)
            remove_stale(partial)
            target = self._name_for(log, content, folder)
            content.seek(0)
            with tempfile.NamedTemporaryFile(dir=partial, prefix=f"{log.key.stamp}.", delete=False) as file:
                try:
                    shutil.copyfileobj(content, file, _COPIED_BYTES)
                    file.flush()
                    os.fchmod(file.fileno(), 0o644)
                    os.fsync(file.fileno())
                    # One step from the old copy to the new one: a reader never meets half a log.
                    Path(file.name).replace(target)
                except BaseException:
                    with suppress(OSError):
                        Path(file.name).unlink()
                    raise
            _sync(folder)
            return str(target.relative_to(self._root))

    @contextmanager
    def fetch(self, reference: str) -> Iterator[BinaryIO]:
        path = self._file(reference)
        with _disk_errors("reading the log"):
            try:
                file = path.open("rb")
            except FileNotFoundError as error:
                raise NotFound(f"There is no {reference} in the local directory.") from error
        with file:
            yield file

    def locate(self, stamp: str) -> str | None:
        sizes = {}
        with _disk_errors("looking for the log"):
            for name in list_names(stamp):
                with suppress(FileNotFoundError):
                    sizes[name] = (self._root / self.vo / name).stat().st_size
        # The largest: of several copies that is the whole one.
        largest = max(sizes, key=lambda name: sizes[name], default=None)
        return f"{self.vo}/{largest}" if largest else None

    def remove(self, reference: str) -> None:
        with _disk_errors("removing the log"), suppress(NotFound):
            self._file(reference).unlink(missing_ok=True)

    def _name_for(self, log: ClosedLog, content: BinaryIO, folder: Path) -> Path:
        """The log's own name, unless somebody else's log has it: that is never overwritten."""
        for name in list_names(log.key.stamp):
            file = folder / name
            if not file.exists() or begins_with(content, file, log.erased):
                return file
        raise Unavailable(f"All names for the log, up to {file}, are taken by files with another content.")

    def _file(self, reference: str) -> Path:
        file = self._root / reference
        if ".." in file.parts or file.parent != self._root / self.vo:
            raise NotFound(f"There is no log {reference} of VO {self.vo} in the local directory.")
        return file


def _make_durably(folder: Path) -> None:
    """Make a folder and those above it, so that they are there after a power cut too."""
    if not folder.is_dir():
        _make_durably(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The local directory failed in {doing}: {error}.") from error
