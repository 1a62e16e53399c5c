# SPDX-License-Identifier: GPL-3.0-only
"""The benchmark of fairness measures what it says. No times are compared."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from harness.stacks import DEV


def bench(folder: Path, only: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DEV / "bench-fair", "--seconds", "0.5", "--only", only],
        capture_output=True,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
        check=False,
    )


def test_each_line_has_its_figures(tmp_path: Path) -> None:
    """With an archive that hangs: its readers are still there when the benchmark ends."""
    done = bench(tmp_path, "hangs")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line[:34].strip(): line[34:].split() for line in done.stdout.splitlines()}
    for name in ("alone", "7 an archive that hangs"):
        assert len([float(figure.rstrip("!")) for figure in lines[name][:6]]) == 6
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    done = bench(tmp_path, "nothing of that name")
    assert done.returncode == 1
    assert "7 an archive that hangs" in done.stderr
