# SPDX-License-Identifier: GPL-3.0-only
"""The low-water mark: new text is refused before the disk of the database is full, not when it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import Unavailable

_LOOK_SECONDS = 1.0


class DiskGuard:
    """Knows how much room the database has left, on its disk and in its own files; too little, and it refuses new text.

    A thread of its own looks each second: a disk or a server that does not answer holds up no request.
    """

    def __init__(self, look: Callable[[], int | None], least: int, every: float = _LOOK_SECONDS) -> None:
        """Look once, then go on looking.

        Args:
            look: Gives the bytes left, or None where they cannot be seen: :meth:`.engine.Database.disk_left`.
            least: ``MinFreeDisk``: with fewer bytes left than this new text is refused; 0 for never.
            every: Seconds between two looks.
        """
        self.least = least
        self.left: int | None = None
        """Bytes left at the last look; None where they cannot be seen."""
        self._look = look
        self._every = every
        self._ended = threading.Event()
        self._looked = threading.Event()
        threading.Thread(target=self._run, name="PilotLogDB-disk", daemon=True).start()
        self._looked.wait(_LOOK_SECONDS)

    def check(self) -> None:
        """Pass if new text may be stored; to be called for each request, it only compares two numbers.

        Goodbyes, reading and delivery need not ask: they take next to no room, and delivery makes some.

        Raises:
            Unavailable: The disk is nearly full. Its reason is "disk".
        """
        left = self.left
        if left is not None and left < self.least:
            raise Unavailable(
                f"The collector's disk has only {left} bytes left (MinFreeDisk), free places in the database included: "
                "send it later, or to another collector.",
                reason="disk",
            )

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _run(self) -> None:
        while True:
            self.left = self._look()
            self._looked.set()
            if self._ended.wait(self._every):
                return
