# SPDX-License-Identifier: GPL-3.0-only
"""How each fault is made, and ended."""

import contextlib
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from parts import agent, state
from parts import faults as component_faults
from parts.failure import Failure
from parts.processes import Process

from . import database, disks
from .plan import Fault

_START_TRIES = 4


class Injector:
    """Makes the faults of a plan happen to a stack.

    Args:
        directory: of the stack
        say: takes one line for people
    """

    def __init__(self, directory: Path, say: Callable[[str], None]) -> None:
        self._directory, self._say = directory, say
        self._layout = state.load(directory).layout
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._suffering: set[str] = set()
        self.happened: Counter[str] = Counter()
        self.remarks: list[str] = []
        self._makers = {
            "kill": lambda name: self._absent(name, "kill"),
            "stop": lambda name: self._absent(name, "stop"),
            "orphan": self._orphaned,
            "pause": self._paused,
            "second": lambda _: agent.beside(self._layout, self._remark),
            "lock": self._locked,
            "replace": self._replaced,
            "fill": self._full,
        }

    def run(self, faults: Sequence[Fault], begun: float) -> None:
        """Run the plan; returns when the last fault is over.

        Args:
            begun: the plan's zero, by time.monotonic()
        """
        threads = []
        for fault in faults:
            time.sleep(max(0.0, begun + fault.at - time.monotonic()))
            thread = threading.Thread(target=self._happen, args=(fault,), name=str(fault))
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """Let running faults end now."""
        self._done.set()

    def _happen(self, fault: Fault) -> None:
        with self._lock:
            if fault.target in self._suffering:
                self._remark(f"{fault}: left out, for what went before is not over on this slow machine")
                return
            self._suffering.add(fault.target)
        try:
            with self._makers[fault.kind](fault.target):
                self.happened[
                    f"{fault.kind} {fault.target if fault.kind == 'fill' else fault.target.partition('-')[0]}"
                ] += 1
                self._done.wait(fault.seconds)
        except (Failure, OSError, sqlite3.Error) as error:
            self._remark(f"{fault}: {error}")
        finally:
            with self._lock:
                self._suffering.discard(fault.target)

    def _remark(self, text: str) -> None:
        self.remarks.append(text)
        self._say(text)

    @contextmanager
    def _absent(self, component: str, action: str) -> Iterator[None]:
        self._change(component, action)
        try:
            yield
        finally:
            self.start(component)

    @contextmanager
    def _orphaned(self, component: str) -> Iterator[None]:
        """The process is killed, and what it started goes on alone."""
        process = self._process(component)
        process.send(signal.SIGKILL)
        while process.is_running():
            time.sleep(0.02)
        try:
            yield
        finally:
            self.start(component)

    @contextmanager
    def _paused(self, component: str) -> Iterator[None]:
        process = self._process(component)
        process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send(signal.SIGCONT)

    @contextmanager
    def _locked(self, _target: str) -> Iterator[None]:
        """Somebody looks at the SQLite file by hand, and holds its lock."""
        connection = sqlite3.connect(self._layout.sqlite, timeout=10, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()

    @contextmanager
    def _replaced(self, target: str) -> Iterator[None]:
        """The folder of a VO in the archive is away, and a file has its name."""
        folder = self._layout.archive / target.removeprefix("archive-")
        away = folder.with_name(f".{folder.name}.away")
        folder.mkdir(parents=True, exist_ok=True)
        folder.rename(away)
        folder.write_text("not a folder\n")
        try:
            yield
        finally:
            folder.unlink()
            away.rename(folder)
            self._try_at_once()

    @contextmanager
    def _full(self, target: str) -> Iterator[None]:
        with disks.full(disk_folder(state.load(self._directory), target)):
            yield
        if target == "archive-disk":
            self._try_at_once()
            return
        mariadb = state.load(self._directory).processes.get("mariadb")
        if mariadb is not None and not mariadb.is_running():
            self._remark("mariadb ended when its disk was full; it is started again")
            self.start("mariadb")

    def _process(self, component: str) -> Process:
        process = state.load(self._directory).processes.get(component)
        if process is None or not process.is_running():
            raise Failure(f"{component} is not running")
        return process

    def _try_at_once(self) -> None:
        with contextlib.suppress(Failure, sqlite3.Error):
            database.try_at_once(state.load(self._directory))

    def _change(self, component: str, action: str) -> None:
        with state.alone(self._directory):
            component_faults.change(state.load(self._directory), component, action)

    def start(self, component: str) -> None:
        """Start a component, more than once if need be: what it needs may be away at the moment."""
        for attempt in range(_START_TRIES):
            try:
                self._change(component, "start")
                return
            except Failure as failure:
                if attempt == _START_TRIES - 1:
                    raise
                self._remark(f"{component} did not start, once more: {str(failure).splitlines()[0]}")
                with contextlib.suppress(Failure):
                    self._change(component, "kill")


def disk_folder(stack: state.Stack, target: str) -> Path:
    """Where a small disk is mounted."""
    if target == "archive-disk":
        return stack.layout.archive
    return stack.layout.home("mariadb") if stack.plan.database == "mariadb" else stack.layout.sqlite.parent


def heal(directory: Path, injector: Injector) -> None:
    """All that should run does, whatever the faults have left behind."""
    stack = state.load(directory)
    for component in stack.components:
        process = stack.processes.get(component)
        if process is None or not process.is_running():
            injector.start(component)
        else:
            process.send(signal.SIGCONT)
    for away in stack.layout.archive.glob(".*.away"):
        folder = away.with_name(away.name.removeprefix(".").removesuffix(".away"))
        if folder.is_file():
            folder.unlink()
        if not folder.exists():
            shutil.move(away, folder)
