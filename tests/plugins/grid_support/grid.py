# SPDX-License-Identifier: GPL-3.0-only
"""A grid stack: its storage as an administrator sees it, logs that are due, and its parts being taken away."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.client import Client
from harness.stacks import Program, RunningStack
from parts import grid as grid_parts
from parts import mariadb, processes, s3, xrootd
from parts.grid_configuration import BUCKET, STORAGE_ELEMENTS, upload_path

from PilotLoggingDIRAC.deliver.archive_names import list_names

from .plugin_process import PluginProcess

_PORTAL = Path(__file__).with_name("read_as_portal.py")
VOS = ("alpha", "beta")
_A_WHILE_AGO = 1_700_000_000


class Grid:
    """A grid stack; alpha's logs go to xrootd and beta's to S3."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self._pilots = {vo: stack.client(f"{vo}_pilot") for vo in VOS}
        self._users = {vo: stack.client(f"{vo}_user") for vo in VOS}

    # Logs.

    @staticmethod
    def _fresh(client: Client) -> Client:
        """With a new connection: the collector closes one that has been idle for as long as these tests take."""
        client.close()
        return client

    def send(self, vo: str, text: str, stamp: str | None = None, final: bool = True) -> str:
        """Send a log as a stock pilot does; gives its stamp."""
        stamp = stamp or uuid.uuid4().hex
        pilot = self._fresh(self._pilots[vo])
        if text:
            assert pilot("sendMessage", json.dumps(text), stamp, vo)["OK"]
        if final:
            assert pilot("finaliseLogs", json.dumps({"retCode": "0"}), stamp, vo)["OK"]
        return stamp

    def read(self, vo: str, stamp: str) -> str:
        """A log as a user of the VO reads it, from the collector."""
        return self._fresh(self._users[vo]).text_of(stamp, vo)

    def get_logs(self, vo: str, stamp: str) -> Any:
        """A log as DIRAC's own client asks for it."""
        return self._fresh(self._users[vo])("getLogs", stamp, vo)

    def log(self, vo: str, stamp: str) -> dict[str, Any]:
        (row,) = self.stack.rows("SELECT * FROM PilotLogs WHERE VO = ? AND Stamp = ?", vo, stamp)
        return row

    def delivery(self, vo: str, stamp: str) -> dict[str, Any]:
        (row,) = self.stack.rows(
            "SELECT d.* FROM PilotLogDeliveries d JOIN PilotLogs USING (LogID) "
            "WHERE VO = ? AND Stamp = ? AND Plugin = 'StorageElement'",
            vo,
            stamp,
        )
        return row

    def end_pauses(self) -> None:
        """Let the pauses after failed deliveries be over."""
        with self.stack.database() as connection:
            connection.execute("UPDATE PilotLogDeliveries SET NextAttempt = '2020-01-01 00:00:00.000000'")

    def forget(self, vo: str, stamp: str) -> None:
        """Remove all that the database knows of a log, as after ClearPilotsDelay."""
        with self.stack.database() as connection:
            log = self.log(vo, stamp)["LogID"]
            for table in ("PilotLogChunks", "PilotLogDeliveries", "PilotLogs"):
                connection.execute(f"DELETE FROM {table} WHERE LogID = ?", (log,))

    def run_agent(self, options: Mapping[str, Any] | None = None) -> Program:
        """One cycle of the agent, which waits as long as the deliveries take."""
        patient = {"/Systems/WorkloadManagement/Agents/PilotLoggingAgent/PollingTime": 60}
        agent = self.stack.start_agent(options=patient | dict(options or {}))
        assert agent.wait(300) == 0, agent.said
        return agent

    @staticmethod
    def assert_says(error: str, reason: str) -> None:
        """An error is one sentence that matches a pattern."""
        assert re.match(reason, error), error
        assert "\n" not in error and len(error) < 1000, error

    @staticmethod
    def now() -> datetime:
        """As the database has its times."""
        return datetime.now(UTC).replace(tzinfo=None)

    def forget_proxies(self) -> None:
        """Remove the proxies that the agent has fetched."""
        for proxy in self.stack.layout.home("test-agent").rglob("*.proxy"):
            proxy.unlink()

    def left_behind(self, home: str) -> list[Path]:
        """Files in an installation's work folder, but for fetched proxies and the copies for readers."""
        work = Path(self.stack.layout.home(home), "work", "WorkloadManagement")
        return [
            path
            for path in work.rglob("*")
            if path.is_file() and path.suffix != ".proxy" and path.parent.name != "FetchedPilotLogs"
        ]

    def as_portal(self, vo: str, stamp: str) -> dict[str, Any]:
        """What DIRAC's portal back end gets from its download plugin, with the host's certificate."""
        own = self.stack.environment("portal", DIRACSYSCONFIG=str(self.stack.layout.configuration))
        done = subprocess.run(
            [sys.executable, str(_PORTAL), stamp, vo], env=own, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    # Storage.

    def folder(self, vo: str) -> Path:
        """Where the storage element of a VO has its logs, on its disk."""
        storage = {"alpha": "xrootd/storage/store", "beta": f"s3/storage/{BUCKET}"}[vo]
        return Path(self.stack.directory, storage + upload_path(vo))

    def file(self, vo: str, stamp: str) -> Path:
        return self.folder(vo) / f"{stamp}.log"

    def sql(self, database: str, statement: str) -> str:
        """A statement on one of the grid's databases, as the administrator; the output is tab-separated."""
        return mariadb.run_sql(self.stack.plan, statement, database)

    def catalogued(self, vo: str, stamp: str) -> list[dict[str, str]]:
        """What the database of the file catalogue has of a log."""
        columns = ("FileName", "Size", "Checksum", "GUID", "Owner")
        answer = self.sql(
            "FileCatalogDB",
            "SELECT f.FileName, f.Size, f.Checksum, f.GUID, u.UserName FROM FC_Files f JOIN FC_Users u USING (UID) "
            f"WHERE f.FileName LIKE '{stamp}%' ORDER BY f.FileName",
        )
        return [dict(zip(columns, line.split("\t"), strict=True)) for line in answer.splitlines()]

    # Faults.

    @contextmanager
    def without_collector(self) -> Iterator[None]:
        """No collector answers while the block runs."""
        self.stack.collector(0, "stop")
        for client in (*self._pilots.values(), *self._users.values()):
            client.close()
        try:
            yield
        finally:
            self.stack.collector(0, "start")

    @contextmanager
    def without(self, component: str) -> Iterator[None]:
        """A component is down while the block runs: ``xrootd``, ``s3`` or ``services``."""
        stack = self.stack.plan
        processes.end([stack.processes[component]], stack.mark, patience=5)
        try:
            yield
        finally:
            if component == "services":
                grid_parts.start_dirac(stack, component)
                grid_parts.wait_for_dirac(stack, component)
            else:
                part = {"xrootd": xrootd, "s3": s3}[component]
                part.start(stack)
                part.wait_for(stack)

    @contextmanager
    def stalled(self, component: str) -> Iterator[None]:
        """A component takes connections and does nothing while the block runs."""
        process = self.stack.plan.processes[component]
        process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send(signal.SIGCONT)


class StorageElement:
    """The storage element and the catalogue of one VO, past the plugin.

    Args:
        catalogued: Whether somebody else's files are in the catalogue as well.
    """

    def __init__(self, grid: Grid, plugin: PluginProcess, folder: Path, catalogued: bool = True) -> None:
        self._grid, self._plugin, self._folder = grid, plugin, folder
        self._catalogued = catalogued
        self._strays: set[str] = set()

    def files(self, stamp: str) -> dict[str, bytes]:
        """What is on the storage element; it and the catalogue must agree."""
        path = upload_path(self._plugin.vo)
        found = {file.name: file.read_bytes() for file in self._grid.folder(self._plugin.vo).glob(f"*{stamp}*")}
        known = {
            lfn.removeprefix(f"{path}/"): entry
            for lfn, entry in self._plugin.ask("catalogued", [f"{path}/{name}" for name in list_names(stamp)]).items()
        }
        expected = {name: [len(data), f"{zlib.adler32(data):08x}"] for name, data in found.items()}
        assert known == {name: entry for name, entry in expected.items() if name not in self._strays}
        return found

    def put_foreign(self, stamp: str, data: bytes) -> None:
        vo, name = self._plugin.vo, f"{stamp}.log"
        path = self._folder / f"foreign-{name}"
        path.write_bytes(data)
        method = "upload" if self._catalogued else "put_uncatalogued"
        self._plugin.ask(method, f"{upload_path(vo)}/{name}", str(path), STORAGE_ELEMENTS[vo])
        if not self._catalogued:
            self._strays.add(name)
            if vo == "alpha":
                # xrootd remembers checksums, and takes what was written in the same second for the same content.
                os.utime(self._grid.file(vo, stamp), (_A_WHILE_AGO, _A_WHILE_AGO))
