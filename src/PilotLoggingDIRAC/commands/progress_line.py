# SPDX-License-Identifier: GPL-3.0-only
"""Progress of a long command: on standard error, and on a terminal only."""

from __future__ import annotations

import sys
from types import TracebackType

from .harmless_streams import HarmlessStream

_CLEAR = "\r\x1b[K"


class ProgressLine:
    """One line that is written over.

    Args:
        what: What is counted.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    @property
    def _shows(self) -> bool:
        # Looked at each time: with a pager, standard error goes through it too.
        return sys.stderr.isatty()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, done: int, total: int, more: str = "") -> None:
        """So many of so many."""
        if self._shows:
            share = f" ({100 * done // total} %)" if total else ""
            _steer(_CLEAR)
            sys.stderr.write(f"{done} of {total} {self._what}{share}{more}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Make room for something else."""
        if self._shows:
            _steer(_CLEAR)


def _steer(sequence: str) -> None:
    if isinstance(sys.stderr, HarmlessStream):
        sys.stderr.steer(sequence)
    else:
        sys.stderr.write(sequence)
