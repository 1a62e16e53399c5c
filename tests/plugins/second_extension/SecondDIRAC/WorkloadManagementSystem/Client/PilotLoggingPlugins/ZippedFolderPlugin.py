# SPDX-License-Identifier: GPL-3.0-only
"""Logs as compressed files below one directory, ``<Path>/<VO>/<stamp>.log.gz``."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from PilotLoggingDIRAC.deliver.archive_names import list_names
from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ClosedLog
from PilotLoggingDIRAC.errors import NotFound, Unavailable
from PilotLoggingDIRAC.settings import Number, Settings


class ZippedFolderSettings(Settings):
    """Read from /Operations/<VO or Defaults>/Pilot/ZippedFolder."""

    path: str = Field(alias="Path")
    level: Number = Field(6, alias="Level")


class ZippedFolderPlugin(ArchivePlugin[ZippedFolderSettings]):
    Settings = ZippedFolderSettings

    @property
    def _folder(self) -> Path:
        return Path(self.settings.path) / self.vo

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        with _disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            for name in self._names(log.key.stamp):
                if not (self._folder / name).exists() or self._begins(content, name):
                    break
            else:
                raise Unavailable(f"All names for log {log.key.stamp} are taken.")
            partial = self._folder / f".{log.key.stamp}.{os.getpid()}"
            content.seek(0)
            with partial.open("wb") as file:
                with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=self.settings.level) as zipped:
                    shutil.copyfileobj(content, zipped)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._folder / name)
            return name

    @contextmanager
    def fetch(self, reference: str) -> Iterator[BinaryIO]:
        try:
            file = (self._folder / reference).open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"There is no {reference} in the folder of VO {self.vo}.") from error
        with file, gzip.GzipFile(fileobj=file) as text:
            yield text

    def locate(self, stamp: str) -> str | None:
        if not Path(self.settings.path).is_dir():
            raise Unavailable(f"There is no directory {self.settings.path}.")
        with _disk_errors():
            sizes = {name: self._size(name) for name in self._names(stamp) if (self._folder / name).exists()}
        # The largest: of several copies that is the whole one.
        return max(sizes, key=lambda name: sizes[name], default=None)

    def remove(self, reference: str) -> None:
        with _disk_errors():
            (self._folder / reference).unlink(missing_ok=True)

    def _names(self, stamp: str) -> list[str]:
        return [f"{name}.gz" for name in list_names(stamp)]

    def _size(self, name: str) -> int:
        with gzip.open(self._folder / name, "rb") as file:
            return file.seek(0, os.SEEK_END)

    def _begins(self, content: BinaryIO, name: str) -> bool:
        """Whether the log begins with what stands in a file: then that is an earlier copy of it."""
        content.seek(0)
        with gzip.open(self._folder / name, "rb") as earlier:
            while piece := earlier.read(2**20):
                if content.read(len(piece)) != piece:
                    return False
        return True


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError) as error:
        raise Unavailable(f"The folder of compressed logs failed: {error}.") from error
