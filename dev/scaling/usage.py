# SPDX-License-Identifier: GPL-3.0-only
"""What each process costs: CPU by phase, and the most memory it had."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping

import psutil

_EACH = 1.0
"""Seconds between two looks."""


class Usage:
    """Looks at processes by name while others work; one that was started again goes on under its name."""

    def __init__(self, pids: Callable[[], Mapping[str, int]]) -> None:
        """Args:
        pids: names and pids of what runs now
        """
        self._pids = pids
        self._phase = "ramp"
        self._known: dict[int, tuple[psutil.Process, float]] = {}
        self.cpu: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        """Seconds by phase and name."""
        self.memory: dict[str, int] = defaultdict(int)
        """The most bytes by name."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def enter(self, phase: str) -> None:
        """What is used from now on counts for this phase."""
        self._look()
        self._phase = phase

    def stop(self) -> None:
        """Look for the last time."""
        self._ended.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._ended.wait(_EACH):
            self._look()

    def _look(self) -> None:
        for name, pid in self._pids().items():
            with contextlib.suppress(psutil.Error):
                process, before = self._known.get(pid) or (psutil.Process(pid), 0.0)
                times = process.cpu_times()
                used = times.user + times.system
                self._known[pid] = process, used
                self.cpu[self._phase][name] += used - before
                self.memory[name] = max(self.memory[name], process.memory_info().rss)
