# SPDX-License-Identifier: GPL-3.0-only
"""What a command says beside its result: its own sentences, what DIRAC logs, and Python's tracebacks.

All of them quote what servers, logs and the CS say; none of it may steer the terminal.
"""

from __future__ import annotations

import io
import logging
import sys
from typing import TextIO

from ..text import escape_controls


class HarmlessStream(io.TextIOWrapper):
    """A text stream in whose text nothing steers a terminal."""

    def write(self, text: str) -> int:
        super().write(escape_controls(text))
        return len(text)

    def steer(self, text: str) -> None:
        """Write a sequence of ours as it is, and show it at once."""
        super().write(text)
        self.flush()


def make_streams_harmless() -> None:
    """Let all that this process prints from now on pass through :class:`HarmlessStream`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_harmless(stream) for stream in before)
    # DIRAC's loggers took hold of the streams when it was imported.
    for name in (None, "dirac"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream in before:
                handler.setStream(sys.stdout if handler.stream is before[0] else sys.stderr)


def _harmless(stream: TextIO) -> TextIO:
    if isinstance(stream, HarmlessStream) or not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return HarmlessStream(stream.buffer, encoding=stream.encoding, errors="backslashreplace", line_buffering=True)
