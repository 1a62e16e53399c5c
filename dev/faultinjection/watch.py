# SPDX-License-Identifier: GPL-3.0-only
"""Memory and open files of a stack's components, looked at once a second while it runs."""

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from parts import state

_EVERY_SECONDS = 1.0


@dataclass
class Usage:
    """One component with its children.

    Attributes:
        memory: moments in seconds, and resident bytes
        files: the most open files of one of its processes
    """

    memory: list[tuple[float, int]] = field(default_factory=list)
    files: int = 0

    @property
    def most(self) -> int:
        """Resident bytes at the worst moment."""
        return max((size for _, size in self.memory), default=0)

    @property
    def growth(self) -> int:
        """Most bytes in the last third of the time, less those in the first third."""
        if not self.memory:
            return 0
        begin, end = self.memory[0][0], self.memory[-1][0]
        third = (end - begin) / 3
        first = max((size for moment, size in self.memory if moment <= begin + third), default=0)
        last = max((size for moment, size in self.memory if moment >= end - third), default=0)
        return last - first


class Watch:
    """A thread that looks, for as long as the block runs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.usage: dict[str, Usage] = {}

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            with contextlib.suppress(ValueError, OSError):  # stack.json is being replaced
                self._look(state.load(self._directory))

    def _look(self, stack: state.Stack) -> None:
        sessions = {process.pid: name for name, process in stack.processes.items()}
        memory = dict.fromkeys(sessions.values(), 0)
        for pid in psutil.pids():
            with contextlib.suppress(psutil.Error, OSError):
                name = sessions.get(os.getsid(pid))
                if name is None:
                    continue
                process = psutil.Process(pid)
                memory[name] += process.memory_info().rss
                usage = self.usage.setdefault(name, Usage())
                usage.files = max(usage.files, process.num_fds())
        now = time.monotonic()
        for name, size in memory.items():
            if size:
                self.usage.setdefault(name, Usage()).memory.append((now, size))
