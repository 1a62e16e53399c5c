# SPDX-License-Identifier: GPL-3.0-only
"""A command's result: how it may look where it goes, and the pager that it goes through on a terminal."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from typing import IO, BinaryIO

from ..terminal.appearance import Look, choose_look
from ..text import escape_controls

_USUAL_PAGER = "less"
_PAGER_SETTINGS = {"LESS": "FRX", "LV": "-c"}
"""As git has it: a text that fits the screen ends the pager, colours pass, and the screen is left as it is."""


class Output:
    """Standard output.

    Args:
        stream: As :func:`..dirac_bridge.stdout.take_stdout` gives it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._target: IO[bytes] = stream
        self._pager: subprocess.Popen[bytes] | None = None
        self._saved: list[tuple[int, int]] = []
        self._pages = False
        self._passing = False
        self.terminal = stream.isatty()
        self.look = choose_look(self.terminal)

    @property
    def width(self) -> int:
        """Characters of a line."""
        with contextlib.suppress(ValueError):
            if (columns := int(os.environ.get("COLUMNS", "0"))) > 0:
                return columns
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:
            return 80

    def begin(self, colour: str = "auto", pages: bool = False) -> None:
        """Before anything is written.

        Args:
            colour: One of :data:`..terminal.appearance.WISHES`.
            pages: Whether it is something to page through, if this is a terminal.
        """
        self.look = choose_look(self.terminal, colour)
        self._pages = pages and self.terminal

    def write(self, text: str, errors: str = "replace") -> None:
        """Write and show at once, on a terminal so that nothing of it steers the terminal.

        Raises:
            BrokenPipeError: The reader has seen enough.
        """
        self._send(escape_controls(text) if self.look.harmless else text, errors)

    def write_rendered(self, text: str, errors: str = "replace") -> None:
        """The same for what :mod:`..terminal` has made: its colours stay.

        Raises:
            BrokenPipeError: The reader has seen enough.
        """
        self._send(escape_controls(text, colours=True) if self.look.harmless else text, errors)

    def write_passing(self, text: str) -> None:
        """Show a text, on a terminal only, until something else is shown, or said beside it."""
        if not self.terminal or not self.look.harmless:
            return
        from rich.cells import set_cell_size

        text = escape_controls(text).replace("\t", " ").replace("\n", " ")
        self.clear_passing()
        self._passing = bool(text)
        self._target.write(set_cell_size(text, self.width - 1).rstrip(" ").encode("utf-8", "replace"))
        self._target.flush()

    def clear_passing(self) -> None:
        """Make room for something else."""
        if self._passing:
            self._passing = False
            self._target.write(b"\r\x1b[K")
            self._target.flush()

    def _send(self, text: str, errors: str) -> None:
        self.clear_passing()
        if self._pages:
            self._pages = False
            self._start_pager()
        self._target.write(text.encode("utf-8", errors))
        self._target.flush()

    def _start_pager(self) -> None:
        command = _pager()
        if not command:
            return
        environment = _PAGER_SETTINGS | dict(os.environ)
        try:
            # By a shell, as every program takes PAGER.
            self._pager = subprocess.Popen(
                ["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=self._stream, env=environment
            )
        except OSError:
            return  # then without one
        assert self._pager.stdin
        self._target = self._pager.stdin
        # What is said meanwhile would go over what the pager shows: it goes through it as well.
        for number in (1, 2):
            if os.isatty(number):
                self._saved.append((number, os.dup(number)))
                os.dup2(self._target.fileno(), number)

    def close(self) -> None:
        """After the last write: wait for the person at the pager."""
        with contextlib.suppress(BrokenPipeError):
            self.clear_passing()
        if self._pager is None:
            with contextlib.suppress(BrokenPipeError):
                self._stream.flush()
            return
        sys.stderr.flush()
        for number, saved in self._saved:
            os.dup2(saved, number)
            os.close(saved)
        self._saved.clear()
        with contextlib.suppress(BrokenPipeError):
            self._target.close()
        # Ctrl-C is for the pager, which goes on.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._pager.wait()
        signal.signal(signal.SIGINT, before)
        self._pager = None
        self._target = self._stream

    def give_back(self) -> None:
        """Let everything that the process prints be the result."""
        os.dup2(self._stream.fileno(), 1)


def _pager() -> str:
    """The pager's command; empty for none."""
    named = os.environ.get("PAGER")
    command = _USUAL_PAGER if named is None else named.strip()
    if named is None and os.environ.get("TERM", "dumb") == "dumb":
        return ""  # less would ask whether to go on
    try:
        words = [word for word in shlex.split(command) if "=" not in word]
    except ValueError:
        words = command.split()
    if not words or command == "cat" or shutil.which(words[0]) is None:
        return ""
    return command


__all__ = ["Look", "Output"]
