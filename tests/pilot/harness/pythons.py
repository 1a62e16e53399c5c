# SPDX-License-Identifier: GPL-3.0-only
"""The Python interpreters of this machine that a pilot could meet on a worker node: 3.6 and later."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_OLDEST = (3, 6)
_QUESTION = "import os, ssl, sys; print('%d %d %s' % (sys.version_info[:2] + (os.path.realpath(sys.executable),)))"


@functools.cache
def pythons() -> dict[tuple[int, int], Path]:
    """Versions and programs, oldest first; one of each version that runs and has TLS.

    They are looked for as ``python3.N`` on the PATH and in pyenv, if there is one.
    """
    found: dict[tuple[int, int], Path] = {}
    for candidate in _candidates():
        answer = _said([str(candidate), "-c", _QUESTION])
        if answer:
            major, minor, program = answer.split(maxsplit=2)
            version = (int(major), int(minor))
            if version >= _OLDEST:
                found.setdefault(version, Path(program))
    return dict(sorted(found.items()))


def oldest() -> Path:
    """The interpreter of the oldest version here."""
    return next(iter(pythons().values()))


def newest() -> Path:
    """The interpreter of the newest version here."""
    return list(pythons().values())[-1]


def _candidates() -> Iterator[Path]:
    names = ["python3", *(f"python3.{minor}" for minor in range(_OLDEST[1], 30))]
    for folder in os.get_exec_path():
        for name in names:
            if os.access(Path(folder, name), os.X_OK):
                yield Path(folder, name)
    if shutil.which("pyenv"):
        for version in _said(["pyenv", "versions", "--bare"]).split():
            prefix = _said(["pyenv", "prefix", version])
            if prefix:
                yield Path(prefix, "bin", "python")


def _said(command: list[str]) -> str:
    """What a program says, or nothing if it cannot do what it is asked."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
