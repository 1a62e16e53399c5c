# SPDX-License-Identifier: GPL-3.0-only
"""The pilots of the morning, each a process; two of them are killed."""

import subprocess
import sys
from typing import Self

from parts.failure import Failure
from parts.layout import PROJECT
from parts.state import Stack

from .content import MORNING


class Pilots:
    """All of them. As a context manager it leaves no process behind."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._processes: dict[int, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def start(self, *fates: str) -> None:
        """Start those with these fates."""
        layout = self._stack.layout
        proxy = layout.credentials / "alpha_pilot.pem"
        for number, log in enumerate(MORNING):
            if log.fate not in fates:
                continue
            words = (str(number), self._stack.pilots_url, str(proxy), str(layout.certificates))
            self._processes[number] = subprocess.Popen(
                [sys.executable, "-m", "pictures.pilot", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                cwd=PROJECT / "dev",
            )

    def kill(self, fate: str) -> str:
        """Kill (SIGKILL) the pilot with that fate when it has said all; gives its stamp."""
        number = next(number for number, log in enumerate(MORNING) if log.fate == fate)
        self._wait_until_said(number)
        process = self._processes[number]
        process.kill()
        process.wait()
        return MORNING[number].stamp

    def wait_until_all_is_said(self) -> None:
        """By those that end, and by those that run on."""
        for number, log in enumerate(MORNING):
            if not log.fate.startswith("killed"):
                self._wait_until_said(number)

    def _wait_until_said(self, number: int) -> None:
        output = self._processes[number].stdout
        assert output is not None
        if not output.readline():
            raise Failure(f"the pilot {MORNING[number].stamp} has failed")
