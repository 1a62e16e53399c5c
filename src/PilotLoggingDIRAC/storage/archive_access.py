# SPDX-License-Identifier: GPL-3.0-only
"""Archived logs as open files, for readers: from a plugin directly, or through a process that has the VO's proxy."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cachetools import TTLCache

from ..dirac_bridge import cs
from ..errors import ConfigurationError, NotFound, NotKept, Unavailable
from ..model import Delivery, LogKey
from .archive_places import ArchivePlaces
from .plugin_loading import is_stream, load_archives, load_plugin, open_located
from .vo_process import VOProcess

_FETCH_SECONDS = 300.0
_KEPT_SECONDS = 600.0
"""A fetched log stays on local disk for so long: it is read page by page."""
_KEPT_BYTES = 2 * 2**30
_UNKNOWN_SECONDS = 60.0
"""A stamp that no archive knows is not asked for again for so long."""
_MOST_UNKNOWN = 10_000
_PART = ".part"


class ArchiveAccess:
    """Opens archived logs; the same object serves all threads of a process.

    What needs a proxy is fetched once into a folder of local copies, which is kept small.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cs.work_folder() / "FetchedPilotLogs"
        self._places = ArchivePlaces()
        self._lock = threading.Lock()
        self._unknown: TTLCache[LogKey, bool] = TTLCache(_MOST_UNKNOWN, _UNKNOWN_SECONDS)

    def open_archived(self, vo: str, delivery: Delivery) -> AbstractContextManager[BinaryIO]:
        """Open what a plugin stored for a VO.

        Raises:
            NotFound: The archive does not have it any more.
            NotKept: It is a stream, which gives nothing back.
            Unavailable: It cannot be had now.
        """
        if is_stream(vo, delivery.plugin):
            raise NotKept(f"The text of the log was sent on to {delivery.plugin}, which cannot give it back.")
        try:
            plugin = load_plugin(vo, delivery.plugin)
        except ConfigurationError as error:
            raise Unavailable(str(error)) from error
        if not plugin.needs_proxy:
            return plugin.fetch(delivery.reference)
        # The cursor is part of the name: a later, longer copy has the same reference.
        return self._fetched(vo, "fetch", [delivery.plugin, delivery.reference], str(delivery.cursor))

    @contextmanager
    def open_forgotten(self, key: LogKey) -> Iterator[BinaryIO]:
        """Open the archived log of a stamp that the database does not know, found by the plugins' own naming.

        Raises:
            NotFound: No archive of the VO has one.
            Unavailable: It cannot be said now.
        """
        missing = NotFound(f"There is no log {key.stamp} of VO {key.vo}.")
        with self._lock:
            if key in self._unknown:
                raise missing
        try:
            with self._located(key) as file:
                yield file
        except NotFound:
            with self._lock:
                self._unknown[key] = True
            raise missing from None

    def _located(self, key: LogKey) -> AbstractContextManager[BinaryIO]:
        try:
            plugins = load_archives(key.vo)
        except ConfigurationError as error:
            raise Unavailable(str(error)) from error
        if any(plugin.needs_proxy for plugin in plugins):
            return self._fetched(key.vo, "find", [key.stamp], "")
        return open_located(plugins, key.stamp)

    @contextmanager
    def _fetched(self, vo: str, task: str, arguments: Sequence[str], version: str) -> Iterator[BinaryIO]:
        name = hashlib.sha256("\0".join([vo, task, *arguments, version]).encode()).hexdigest()
        file = self._opened(name)
        if file is None:
            with self._places.fetch(vo, name):
                # It may have come just before.
                file = self._opened(name)
                if file is None:
                    self._fetch(name, vo, task, arguments)
                    file = self._opened(name)
        if file is None:
            raise Unavailable("The local copy of the log was removed at once: the disk may be full.")
        with file:
            yield file

    def _opened(self, name: str) -> BinaryIO | None:
        try:
            return (self._folder / name).open("rb")
        except FileNotFoundError:
            return None

    def drop_copies(self) -> None:
        """Remove all local copies: text of them was erased. Open ones stay readable."""
        with suppress(FileNotFoundError):
            for file in self._folder.iterdir():
                if not file.name.endswith(_PART):
                    file.unlink(missing_ok=True)

    def _fetch(self, name: str, vo: str, task: str, arguments: Sequence[str]) -> None:
        partial = self._folder / f"{name}{_PART}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._tidy()
            VOProcess(vo, task, [*arguments, str(partial)]).wait(_FETCH_SECONDS)
            partial.replace(self._folder / name)
            # Also where nothing else is fetched: text of it may be erased, and another collector told.
            later = threading.Timer(_KEPT_SECONDS + 1, self._tidy)
            later.daemon = True
            later.start()
        except OSError as error:
            raise Unavailable(f"The log cannot be copied from the archive: {error}.") from error
        finally:
            partial.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove local copies that are old, and the oldest of those that are too many. Open ones stay readable."""
        copies = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
        size = 0
        for file in copies:
            status = file.stat()
            size += status.st_size
            if size > _KEPT_BYTES or status.st_mtime < time.time() - _KEPT_SECONDS:
                file.unlink(missing_ok=True)
