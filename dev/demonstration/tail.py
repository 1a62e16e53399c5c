# SPDX-License-Identifier: GPL-3.0-only
"""Reading a log while its pilot writes, with the command that people use."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Self

from parts.failure import Failure
from parts.layout import Layout

from .crowd import Pilot

_PATIENCE = 180.0
_SHOWN_COLUMNS = 96


class Tail:
    """``dirac-pilot-logs-show STAMP --follow --tail=all``, as a user of the pilot's VO, until the log is closed.

    As a context manager it leaves no process behind.
    """

    def __init__(self, layout: Layout, pilot: Pilot, show: Callable[[str], None]) -> None:
        """Args:
        show: called with the first line of what the reader gets at a time
        """
        self._pilot, self._show = pilot, show
        self._layout = layout
        self._read = bytearray()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Wait for the pilot's first line, for before it there is no such log, and follow."""
        self._wait_for_first_line()
        reader = self._layout.credentials / f"{self._pilot.vo}_user.pem"
        with self._layout.log("tail").open("w") as errors:
            command = '. "$0" && exec dirac-pilot-logs-show "$1" --follow --tail=all'
            self._process = subprocess.Popen(
                ["bash", "-c", command, str(self._layout.environment), self._pilot.stamp],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "X509_USER_PROXY": str(reader)},
            )
        self._thread.start()

    def __exit__(self, *_exception: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> None:
        """Wait for the end of the log, and compare what was read with what was sent.

        Raises:
            Failure: it is not the same, or the command failed
        """
        assert self._process is not None
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure("dirac-pilot-logs-show --follow goes on though the pilot has said goodbye") from None
        self._thread.join()
        if code != 0:
            complaints = self._layout.log("tail").read_text().strip().splitlines() or ["it said nothing"]
            raise Failure(f"dirac-pilot-logs-show --follow ended with code {code}: {complaints[-1]}")
        if bytes(self._read) != self._pilot.sent:
            raise Failure(
                f"dirac-pilot-logs-show --follow gave {len(self._read)} bytes of log {self._pilot.stamp}, "
                f"and {len(self._pilot.sent)} others were sent"
            )

    def _wait_for_first_line(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._pilot.record.exists() or not self._pilot.sent:
            if self._pilot.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"pilot {self._pilot.stamp} sends nothing: {self._pilot.complaints.read_text()}")
            time.sleep(0.05)

    def _take(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while piece := self._process.stdout.read1():
            if not self._read or self._read.endswith(b"\n"):
                self._show(piece.decode(errors="replace").partition("\n")[0][:_SHOWN_COLUMNS])
            self._read += piece
