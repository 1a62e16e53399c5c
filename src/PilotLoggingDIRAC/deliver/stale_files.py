# SPDX-License-Identifier: GPL-3.0-only
"""Files left behind by processes that were killed at work."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

_ABANDONED_SECONDS = 86400.0
"""No process of ours works for so long on one thing."""


def remove_stale(folder: Path) -> None:
    """Remove the files and folders below ``folder`` that nobody has touched for a day.

    Several processes may do it at once.

    Raises:
        OSError: A file cannot be removed.
    """
    for left in folder.iterdir():
        with suppress(FileNotFoundError):
            if left.stat().st_mtime > time.time() - _ABANDONED_SECONDS:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
