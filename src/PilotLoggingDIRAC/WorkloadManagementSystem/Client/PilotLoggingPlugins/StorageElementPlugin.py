"""Logs on a grid storage element, registered in the file catalogue.

Its options are DIRAC's own: ``UploadSE``, ``UploadPath`` and ``Shifter/DataManager``. A log is
``<UploadPath>/<stamp>.log``, so DIRAC's tools find it; its reference is that LFN. Only when that name is taken by
another log, or must not be touched before the new copy is safe, a number is added: ``<stamp>-2.log``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ClosedLog
from PilotLoggingDIRAC.dirac_bridge.transfers import CataloguedFiles, checksum_of
from PilotLoggingDIRAC.errors import ConfigurationError, NotFound
from PilotLoggingDIRAC.settings import Settings


class StorageElementSettings(Settings):
    """``/Operations/<VO or Defaults>/Pilot`` (DIRAC's own options, which may also stand in ``StorageElement`` below)"""

    upload_se: str = Field(alias="UploadSE")
    """Name of the storage element."""

    upload_path: str = Field(alias="UploadPath")
    """Folder of the logs in the file catalogue; it begins with the VO: ``/<VO>/pilotlogs``."""


class StorageElementPlugin(ArchivePlugin[StorageElementSettings]):
    """Stores each log as one catalogued file, with the proxy of the VO's shifter."""

    Settings = StorageElementSettings
    needs_proxy = True

    def __init__(self, vo: str, settings: StorageElementSettings) -> None:
        super().__init__(vo, settings)
        if not settings.upload_path.startswith("/"):
            raise ConfigurationError(
                f"/Operations/{vo}/Pilot/UploadPath", f"= {settings.upload_path!r} does not begin with /<VO>/."
            )
        self._folder = settings.upload_path.rstrip("/")
        self._files = CataloguedFiles(vo)

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        file = Path(content.name)
        if log.previous is not None and not log.previous_is_needed:
            # The database has all of the log: if this fails half-way, the next attempt makes it whole.
            self._files.upload(log.previous, file, self.settings.upload_se, overwrite=True)
            return log.previous
        for number in count(1):
            lfn = self._name(log.key.stamp, number)
            known = self._files.find(lfn)
            if known is None:
                self._files.upload(lfn, file, self.settings.upload_se)
                return lfn
            if known == (log.size, checksum_of(file)):
                # An earlier attempt of ours whose confirmation was lost.
                return lfn
        raise AssertionError("unreachable")

    @contextmanager
    def fetch(self, reference: str) -> Iterator[BinaryIO]:
        if self._files.find(reference) is None:
            raise NotFound(f"There is no {reference} in the file catalogue.")
        with self._files.download(reference) as path, path.open("rb") as file:
            yield file

    def locate(self, stamp: str) -> str | None:
        lfn = self._name(stamp, 1)
        return lfn if self._files.find(lfn) is not None else None

    def remove(self, reference: str) -> None:
        self._files.remove(reference)

    def _name(self, stamp: str, number: int) -> str:
        return f"{self._folder}/{stamp}.log" if number == 1 else f"{self._folder}/{stamp}-{number}.log"
