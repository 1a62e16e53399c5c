# SPDX-License-Identifier: GPL-3.0-only
"""Small file systems in memory that can be filled up: a disk that gets full, without harm to the machine."""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILLER = ".filler"
_LEFT_BYTES = 16 * 1024
_LOOK_SECONDS = 0.1


class SmallDisks:
    """The file systems of one run; close() unmounts them."""

    def __init__(self) -> None:
        self._folders: list[Path] = []

    def mount(self, folder: Path, mebibytes: int) -> bool:
        """Mount one on a folder; False where that is not permitted."""
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", str(folder)]
        try:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return False
        except FileNotFoundError:
            return False
        self._folders.append(folder)
        return True

    def close(self, keep: bool) -> None:
        """Unmount all, at once for everybody who asks by name; what is still open goes with its last user.

        Args:
            keep: leave what is on them in the same folders, for somebody who wants to look at it
        """
        while self._folders:
            folder = self._folders.pop()
            kept = folder.with_name(f"{folder.name}.kept")
            if keep:
                with contextlib.suppress(OSError, shutil.Error):
                    shutil.copytree(folder, kept)
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
            if keep:
                with contextlib.suppress(OSError):
                    kept.rename(folder)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """A file system that is full, and stays so whatever others remove, while the block runs."""
    filler, done = folder / _FILLER, threading.Event()
    thread = threading.Thread(target=_keep_full, args=(filler, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        filler.unlink(missing_ok=True)


def _keep_full(filler: Path, done: threading.Event) -> None:
    with filler.open("wb") as file:
        while True:
            status = os.statvfs(filler.parent)
            free = status.f_bavail * status.f_frsize - _LEFT_BYTES
            if free > 0:
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), free)
            if done.wait(_LOOK_SECONDS):
                return
