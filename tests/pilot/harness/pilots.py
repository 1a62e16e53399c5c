# SPDX-License-Identifier: GPL-3.0-only
"""A pilot that can be started, by a wrapper as DIRAC's."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.waiting import PATIENCE

from .runs import Result, Running

_WRAPPER = Path(__file__).resolve().parent / "wrapper.py"


@dataclass
class Pilot:
    """A pilot that is ready to start, once or several times.

    Attributes:
        folder: Holds the working directory, and the output of each run.
        stamp: DIRAC_PILOT_STAMP and --pilotUUID.
        environment: All that the wrapper has in its environment.
    """

    folder: Path
    python: Path
    stamp: str
    words: list[str]
    environment: dict[str, str]
    _runs: int = field(default=0)

    @property
    def directory(self) -> Path:
        """The working directory."""
        return self.folder / "work"

    def start(
        self,
        *,
        stdin: str = "wrapper",
        output: str = "file",
        separate_errors: bool = False,
        remove: bool = False,
        stamp: str | None = None,
    ) -> Running:
        """Start it. Use the result as a context manager: it ends what is left.

        Args:
            stdin: ``wrapper``: the wrapper's log through a pipe, as DIRAC does; ``open``: the same, but the pipe stays
                open; ``null``: /dev/null; ``closed``: none at all.
            output: What the classic output is to the pilot: a ``file``, as under most batch systems; ``append``, a file
                that has something in it and is opened for appending; or a ``pipe``.
            separate_errors: Standard error goes to a file of its own.
            remove: The wrapper removes the working directory at the end, as DIRAC's does.
            stamp: Another one than the pilot was prepared with: its successor in the same directory.
        """
        self._runs += 1
        run = self.folder / f"run-{self._runs}"
        run.mkdir()
        stamp = stamp or self.stamp
        classic, errors = run / "output", run / "errors" if separate_errors else None
        command = [str(self.python), "dirac-pilot.py", *self.words, "--pilotUUID", stamp]
        order = {
            "pilot": command,
            "directory": str(self.directory),
            "report": str(run / "report"),
            "stdin": stdin,
            "remove": remove,
        }
        if output == "append":
            classic.write_text("the batch system was here\n")
        with ExitStack() as files:
            out = files.enter_context(classic.open("ab" if output == "append" else "wb"))
            copier = None
            if output == "pipe":
                copier = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=out)
                out = files.enter_context(copier.stdin)
            err = files.enter_context(errors.open("wb")) if errors else out
            process = subprocess.Popen(
                [self.python, _WRAPPER, json.dumps(order)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment | {"DIRAC_PILOT_STAMP": stamp},
                cwd=self.folder,
                start_new_session=True,
            )
        return Running(process, copier, stamp, classic, errors, run / "report")

    def run(self, seconds: float = PATIENCE, **how: Any) -> Result:
        """Start it as ``start`` does, wait for its end, and give the ``Result``."""
        with self.start(**how) as running:
            return running.wait(seconds)
