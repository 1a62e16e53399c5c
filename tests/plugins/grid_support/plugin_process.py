# SPDX-License-Identifier: GPL-3.0-only
"""The test's end of ``serve_plugin.py``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from harness.stacks import RunningStack

from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ClosedLog
from PilotLoggingDIRAC.errors import NotFound, Unavailable
from PilotLoggingDIRAC.settings import Settings
from PilotLoggingDIRAC.storage.vo_process import STORAGE_DEFAULTS

_SERVER = Path(__file__).with_name("serve_plugin.py")
_KINDS = {kind.__name__: kind for kind in (NotFound, Unavailable)}


class UnexpectedError(Exception):
    """The plugin raised what no plugin may raise."""


class PluginProcess(ArchivePlugin[Settings]):
    """A plugin that lives in a process of its own.

    Attributes:
        temporary: The process's folder for temporary files.
    """

    def __init__(self, stack: RunningStack, vo: str, *options: str, name: str = "StorageElement") -> None:
        super().__init__(vo, Settings())
        home = f"plugin-{vo}"
        self.temporary = Path(tempfile.mkdtemp(dir=stack.layout.home(home), prefix="tmp-"))
        own = stack.environment(home, DIRACSYSCONFIG=str(stack.layout.configuration), TMPDIR=str(self.temporary))
        own = STORAGE_DEFAULTS | own
        self._log = (self.temporary.parent / "plugin.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, str(_SERVER), vo, name, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=own,
        )

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the server."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([method, *arguments]).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the plugin's process has ended; see {self._log.name}"
        answer = json.loads(line)
        if "error" in answer:
            raise _KINDS.get(answer["error"], UnexpectedError)(answer["message"])
        return answer["value"]

    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        more = asdict(log)
        del more["keep_progress"]
        more["begun"] = log.begun and log.begun.isoformat()
        return str(self.ask("store", content.name, more.pop("key"), more))

    @contextmanager
    def fetch(self, reference: str) -> Iterator[BinaryIO]:
        with tempfile.NamedTemporaryFile() as file:
            self.ask("fetch", reference, file.name)
            yield file  # type: ignore[misc]

    def locate(self, stamp: str) -> str | None:
        found: str | None = self.ask("locate", stamp)
        return found

    def remove(self, reference: str) -> None:
        self.ask("remove", reference)

    def end(self) -> None:
        """Make sure that it is gone."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
