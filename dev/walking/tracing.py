# SPDX-License-Identifier: GPL-3.0-only
"""The processes of a stack, told to note what they run (``compat/walked.py``), and what they noted."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parts.layout import PROJECT
from parts.state import Stack
from parts.waiting import until

_PATIENCE = 60.0
_SETTLING = 0.05
"""Seconds in which a process does what follows a reply: a line in its log, the end of the request."""


@dataclass(frozen=True)
class Walked:
    """What one process ran for one request.

    Attributes:
        functions: how many ran of each file below ``src/PilotLoggingDIRAC``, in the order of their first touch
        before_commit: how many of them had been touched when the database had committed; None without a commit
    """

    functions: dict[str, int]
    before_commit: int | None = None


@dataclass
class Tracing:
    """Says when the processes note; before a stack starts, :meth:`prepare` must have been called."""

    folder: Path
    sources: Path = PROJECT / "src"
    noted: dict[str, list[Walked]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Let the components that are started from now on watch the folder, and run these sources."""
        self.folder.mkdir(parents=True)
        os.environ["WALK"], os.environ["WALK_SOURCES"] = str(self.folder), str(self.sources)

    @contextmanager
    def on(self, stack: Stack, components: Iterable[str]) -> Iterator[None]:
        """Note what these components run within the block, which is to be one request."""
        pids = {component: stack.processes[component].pid for component in components}
        switch = self.folder / "on"
        time.sleep(_SETTLING)
        switch.touch()
        _wait(lambda: all((self.folder / f"{pid}.on").exists() for pid in pids.values()))
        yield
        time.sleep(_SETTLING)
        switch.unlink()
        _wait(lambda: not any((self.folder / f"{pid}.on").exists() for pid in pids.values()))
        for component, pid in pids.items():
            walked = Walked(**json.loads((self.folder / f"{pid}.json").read_text()))
            self.noted.setdefault(component, []).append(walked)

    def common(self, component: str) -> Walked:
        """What every one of the requests ran: what the clock had a process do meanwhile drops out."""
        first, *others = self.noted[component]
        kept = {
            file: min(number, *(other.functions[file] for other in others))
            for file, number in first.functions.items()
            if all(file in other.functions for other in others)
        }
        if first.before_commit is None:
            return Walked(kept)
        return Walked(kept, sum(file in kept for file in list(first.functions)[: first.before_commit]))


def _wait(condition: Callable[[], bool]) -> None:
    until(condition, _PATIENCE, "a process does not say what it runs; does its environment reach dev/compat?", 0.002)
