# SPDX-License-Identifier: GPL-3.0-only
"""A pilot that runs, and what became of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.stacks import of_session
from harness.waiting import PATIENCE


@dataclass(frozen=True)
class Result:
    """How a pilot ended.

    Attributes:
        stamp: The stamp that it ran under.
        output: The classic log: standard output of wrapper and pilot, and their standard error, unless it was separate.
        errors: Standard error, if that went to a file of its own.
        pilot_out: The content of pilot.out.
        status: What ``subprocess`` says of the pilot process: its exit code, or minus the number of a signal.
        wrapper_status: The wrapper's exit code.
        seconds: From the pilot's start to its end.
        cpu_seconds: User and system time of the pilot and its children.
        memory_kib: Peak memory of the largest of them.
        left: The files that stood in the working directory after the pilot's end.
    """

    stamp: str
    output: str
    errors: str
    pilot_out: str
    status: int
    wrapper_status: int
    seconds: float
    cpu_seconds: float
    memory_kib: int
    left: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The status as a shell shows it: 128 and more for a signal."""
        return self.status if self.status >= 0 else 128 - self.status


class Running:
    """A pilot that was started. As a context manager it ends whatever is left of the pilot, by process id.

    Args:
        process: The wrapper.
        copier: What takes the output from a pipe, if it is one.
        output, errors, report: Where these are, or will be.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        copier: subprocess.Popen[bytes] | None,
        stamp: str,
        output: Path,
        errors: Path | None,
        report: Path,
    ) -> None:
        self.process = process
        self._copier = copier
        self.stamp = stamp
        self._output = output
        self._errors = errors
        self._report = report

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The process id of the pilot itself, not of its wrapper."""
        file = self._report.with_name(f"{self._report.name}.pid")
        self._until(file.exists, PATIENCE, "the wrapper starts the pilot")
        return int(file.read_text())

    @property
    def output_file(self) -> Path:
        """Where the classic output is."""
        return self._output

    @property
    def said(self) -> str:
        """The classic output so far."""
        return text_of(self._output)

    def wait_for(self, text: str, seconds: float = PATIENCE) -> None:
        """Until a text stands in the classic output.

        Raises:
            AssertionError: It did not within so many seconds, or the pilot has ended without it.
        """
        self._until(lambda: text in self.said, seconds, f"the pilot says {text!r}")

    def send(self, number: signal.Signals) -> None:
        """A signal to the pilot process alone."""
        os.kill(self.pid, number)

    def send_to_all(self, number: signal.Signals) -> None:
        """A signal to wrapper, pilot and its commands, as batch systems do. ``wait`` is of no use after that."""
        os.killpg(self.process.pid, number)

    def wait(self, seconds: float = PATIENCE) -> Result:
        """Until pilot and wrapper have ended.

        Raises:
            AssertionError: They have not within so many seconds. They are killed.
        """
        try:
            wrapper_status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"the pilot did not end within {seconds:g} s:\n{self.said[-5000:]}") from None
        if self._copier is not None:
            self._copier.wait(PATIENCE)
        assert self._report.exists(), f"the wrapper failed:\n{self.said}{text_of(self._errors)}"
        report = json.loads(self._report.read_text())
        report["left"] = tuple(report["left"])
        return Result(
            stamp=self.stamp,
            output=self.said,
            errors=text_of(self._errors),
            wrapper_status=wrapper_status,
            **report,
        )

    def end(self) -> None:
        """Make sure that it is gone, with all that it started: they have a session of their own."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in of_session(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._copier is not None:
            self._copier.kill()
            self._copier.wait()

    def _until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            ended = self.process.poll() is not None and not condition()
            assert not ended, f"the pilot has ended; not {what}:\n{self.said}"
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}:\n{self.said}"
            time.sleep(0.02)


def text_of(file: Path | None) -> str:
    """The text of a file as a pilot wrote it: bytes that are no UTF-8 are kept as surrogates, line ends as they are."""
    return "" if file is None else file.read_bytes().decode("utf-8", "surrogateescape")
