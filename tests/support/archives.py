# SPDX-License-Identifier: GPL-3.0-only
"""Archives that can be told to fail, and who brings logs there and reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ClosedLog
from PilotLoggingDIRAC.deliver.courier import Courier
from PilotLoggingDIRAC.errors import NotFound
from PilotLoggingDIRAC.model import Delivery, LogKey
from PilotLoggingDIRAC.read.reader import Reader
from PilotLoggingDIRAC.settings import Settings
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.text import decode

from .store import KEY


class NoOptions(Settings):
    """The folder archive has none."""


class FolderArchive(ArchivePlugin[NoOptions]):
    """An archive that keeps logs as files, and can be told to be down.

    Attributes:
        problem: What :meth:`store` and :meth:`fetch` raise, while it is set.
        during_store: Called in the middle of each :meth:`store`.
        stored: What was stored, in order.
        new_name_each_time: True makes each copy a file of its own.
    """

    Settings = NoOptions

    def __init__(self, vo: str, folder: Path, new_name_each_time: bool = False) -> None:
        super().__init__(vo, NoOptions())
        self.folder = folder / vo
        self.folder.mkdir(parents=True, exist_ok=True)
        self.problem: BaseException | None = None
        self.during_store: Callable[[ClosedLog], object] = lambda _log: None
        self.stored: list[ClosedLog] = []
        self.new_name_each_time = new_name_each_time

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        if self.problem:
            raise self.problem
        number = f".{len(self.stored)}" if self.new_name_each_time else ""
        path = self.folder / f"{log.key.stamp}{number}.log"
        data = content.read()
        assert len(data) == log.size > 0
        self.during_store(log)
        partial = path.with_suffix(".part")
        partial.write_bytes(data)
        os.replace(partial, path)
        self.stored.append(log)
        return str(path)

    @contextmanager
    def fetch(self, reference: str) -> Iterator[BinaryIO]:
        if self.problem:
            raise self.problem
        if not Path(reference).exists():
            raise NotFound(f"There is no {reference}.")
        with Path(reference).open("rb") as file:
            yield file

    def locate(self, stamp: str) -> str | None:
        path = self.folder / f"{stamp}.log"
        return str(path) if path.exists() else None

    def remove(self, reference: str) -> None:
        Path(reference).unlink(missing_ok=True)

    def content(self, key: LogKey = KEY) -> str:
        """The text of a stored log."""
        reference = self.locate(key.stamp)
        assert reference is not None
        return decode(Path(reference).read_bytes())

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


class Archives:
    """The archives of one VO, a courier to them, and a reader from them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.plugins: dict[str, FolderArchive] = {}

    def add(self, name: str = "Folder", **options: Any) -> FolderArchive:
        """Configure one more plugin for the VO."""
        self.plugins[name] = FolderArchive("alpha", self.folder / name, **options)
        return self.plugins[name]

    def courier(self, owner: str = "agent", **more: Any) -> Courier:
        return Courier(self.database, dict(self.plugins), owner, self.folder, **more)

    def deliver(self, log_id: int) -> list[bool | None]:
        """Deliver one log to each plugin."""
        return [self.courier().deliver(log_id, name) for name in self.plugins]

    @property
    def reader(self) -> Reader:
        def open_archived(vo: str, delivery: Delivery) -> AbstractContextManager[BinaryIO]:
            if delivery.plugin not in self.plugins:
                raise NotFound(f"VO {vo} has no plugin {delivery.plugin}.")
            return self.plugins[delivery.plugin].fetch(delivery.reference)

        def open_forgotten(key: LogKey) -> AbstractContextManager[BinaryIO]:
            for plugin in self.plugins.values():
                if reference := plugin.locate(key.stamp):
                    return plugin.fetch(reference)
            raise NotFound(f"There is no log {key.stamp} of VO {key.vo}.")

        return Reader(self.database, open_archived, open_forgotten)
