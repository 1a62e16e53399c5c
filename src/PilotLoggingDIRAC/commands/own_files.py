# SPDX-License-Identifier: GPL-3.0-only
"""Whether a file of credentials is this user's: at a place that everybody knows another user may have put one."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def why_not_regular(file: str) -> str:
    """What speaks against reading a file; empty if nothing does. It is never waited for, as for a FIFO's writer.

    Raises:
        OSError: It is not there, or cannot be read.
    """
    return "" if stat.S_ISREG(_status(file).st_mode) else "is no regular file"


def why_not_own(file: str) -> str:
    """The same, and whether it is this user's.

    Where everybody may make files (/tmp) it has to be the user's own, no link, and nobody else may write to it.
    Elsewhere it may be root's and a link too: so secrets are brought into containers.

    Raises:
        OSError: It is not there, or cannot be read.
    """
    shared = bool(Path(file).parent.stat().st_mode & stat.S_IWOTH)
    if shared and Path(file).is_symlink():
        return "is a link"
    status = _status(file, os.O_NOFOLLOW if shared else 0)
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_uid != os.geteuid() and (shared or status.st_uid):
        return f"belongs to another user ({status.st_uid})"
    if status.st_mode & (stat.S_IWOTH | (stat.S_IWGRP if shared else 0)):
        return "can be written to by other users"
    return "has another name beside this one" if shared and status.st_nlink > 1 else ""


def _status(file: str, flags: int = 0) -> os.stat_result:
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | flags)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)
