# SPDX-License-Identifier: GPL-3.0-only
"""Logs on a grid storage element, registered in the file catalogue.

Its options are DIRAC's own: ``UploadSE``, ``UploadPath`` and ``Shifter/DataManager``. A log is
``<UploadPath>/<stamp>.log``, so DIRAC's tools find it; its reference is that LFN. Only when that name is taken by
another log, or must not be touched before the new copy is safe, a number is added: ``<stamp>-2.log``. With ``Folders``
it is in a folder by date below ``UploadPath``, see :mod:`PilotLoggingDIRAC.deliver.dated_folders`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import BeforeValidator, Field

from PilotLoggingDIRAC.activation.guess import those_there
from PilotLoggingDIRAC.deliver.archive_names import begins_with, list_names
from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ArchiveSettings, ClosedLog
from PilotLoggingDIRAC.deliver.dated_folders import Folders, by_year, read_folders
from PilotLoggingDIRAC.dirac_bridge import cs
from PilotLoggingDIRAC.errors import ConfigurationError, NotFound, Unavailable
from PilotLoggingDIRAC.settings import Places
from PilotLoggingDIRAC.storage.transfers import CataloguedFiles, Registered, checksum_of

_AT_ONCE = 900
"""Names that the catalogue is asked for at a time: those of a log in 100 folders."""


class StorageElementSettings(ArchiveSettings):
    """``/Operations/<VO or Defaults>/Pilot`` (DIRAC's own options, which may also stand in ``StorageElement`` below)"""

    beside_the_pilots = True

    upload_se: str = Field(alias="UploadSE")
    """Name of the storage element."""

    upload_path: str = Field(alias="UploadPath")
    """Folder of the logs in the file catalogue; it begins with the VO: ``/<VO>/pilotlogs``."""

    folders: Annotated[Folders, BeforeValidator(read_folders)] = Field(Folders.NONE, alias="Folders")
    """Folders by date in it, of when a log began: ``none``, ``month`` or ``day``."""

    transfers: Places = Field(8, alias="Transfers")
    """Logs that are on the way to the storage element at one time; from 1 to 64."""


class StorageElementPlugin(ArchivePlugin[StorageElementSettings]):
    """Stores each log as one catalogued file, with the proxy of the VO's shifter."""

    Settings = StorageElementSettings
    needs_proxy = True

    def __init__(self, vo: str, settings: StorageElementSettings) -> None:
        super().__init__(vo, settings)
        if not settings.upload_path.startswith("/"):
            raise ConfigurationError(
                f"/Operations/{vo}/Pilot/UploadPath", f"= {settings.upload_path!r} does not begin with /{vo}/."
            )
        self._folder = settings.upload_path.rstrip("/")
        self._files = CataloguedFiles(vo)

    def examine(self) -> None:
        name, known = self.settings.upload_se, cs.option_sections("/Resources/StorageElements")
        if name not in known:
            raise ConfigurationError(
                f"/Operations/{self.vo}/Pilot/UploadSE",
                f"= {name!r}, and /Resources/StorageElements has no such storage element: {those_there(name, known)}",
            )
        if not f"{self._folder}/".startswith(f"/{self.vo}/"):
            # DIRAC's storage elements refuse it.
            raise ConfigurationError(
                f"/Operations/{self.vo}/Pilot/UploadPath",
                f"= {self.settings.upload_path!r} does not begin with /{self.vo}/.",
            )

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        file = Path(content.name)
        whole = Registered(log.size, checksum_of(file))
        for lfn in self._names(log.key.stamp, self.settings.folders.of(log.begun)):
            if lfn == log.previous and log.previous_is_needed:
                continue
            registered = self._files.find([lfn]).get(lfn)
            if registered == whole:
                # An earlier attempt of ours whose confirmation was lost.
                return lfn
            # To replace a copy is to remove it first. Should the upload then fail, the database has all of the log.
            if lfn == log.previous or self._is_ours(lfn, registered, content, log.erased):
                self._files.upload(lfn, file, self.settings.upload_se, overwrite=True)
                return lfn
        raise Unavailable(f"All names for the log, up to {lfn}, are taken by files with another content.")

    @contextmanager
    def fetch(self, reference: str) -> Iterator[BinaryIO]:
        if reference not in self._files.find([reference]):
            raise NotFound(f"There is no {reference} in the file catalogue.")
        with self._files.download(reference) as path, path.open("rb") as file:
            yield file

    def locate(self, stamp: str) -> str | None:
        found = self._largest(self._names(stamp))
        if found or self.settings.folders is Folders.NONE:
            return found
        for folders in by_year(datetime.now(UTC).date()):
            there = self._files.find_folders([f"{self._folder}/{folder}" for folder in folders])
            prefix = len(self._folder) + 1
            names = [name for folder in there for name in self._names(stamp, folder[prefix:])]
            for start in range(0, len(names), _AT_ONCE):
                if found := self._largest(names[start : start + _AT_ONCE]):
                    return found
        return None

    def _largest(self, names: Sequence[str]) -> str | None:
        """Of several copies that is the whole one."""
        found = self._files.find(names)
        return max(found, key=lambda lfn: found[lfn].size, default=None)

    def remove(self, reference: str) -> None:
        self._files.remove(reference)

    def _names(self, stamp: str, folder: str = "") -> list[str]:
        path = f"{self._folder}/{folder}" if folder else self._folder
        return [f"{path}/{name}" for name in list_names(stamp)]

    def _is_ours(
        self, lfn: str, registered: Registered | None, content: BinaryIO, erased: Sequence[tuple[int, int]]
    ) -> bool:
        """Whether a name is free, or has an earlier copy of this log: of an attempt that failed half-way, or whose
        confirmation was lost before the log grew."""
        if registered:
            if registered.size > os.fstat(content.fileno()).st_size:
                return False
        elif not self._files.is_on(self.settings.upload_se, lfn):
            return True
        with self._files.download(lfn, None if registered else self.settings.upload_se) as path:
            return begins_with(content, path, erased)
