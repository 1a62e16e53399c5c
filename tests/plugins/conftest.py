# SPDX-License-Identifier: GPL-3.0-only
"""The grid stack that the tests of the storage element plugin share: one for the whole session."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "dirac"), str(_HERE.parent.parent / "dev")]

# The folders above make these importable.
from grid_support.grid import Grid  # noqa: E402
from harness.stacks import running  # noqa: E402

_PROGRAMS = {
    "mariadbd": "the Debian package mariadb-server-core",
    "xrootd": "the Debian package xrootd-server",
}


@pytest.fixture(scope="session")
def grid() -> Iterator[Grid]:
    """CS, file catalogue, ProxyManager, xrootd and S3, and a collector."""
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}: install {package}, or run dev/install test")
    # Not below pytest's own folder, which is closed to the user that root's xrootd has to become.
    with tempfile.TemporaryDirectory(prefix="pilotlogging-grid-") as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder), "--grid") as stack:
            yield Grid(stack)
