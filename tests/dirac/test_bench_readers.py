# SPDX-License-Identifier: GPL-3.0-only
"""The benchmark of readers measures what it says, and leaves nothing behind. No times are compared."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from harness.stacks import DEV
from harness.waiting import PATIENCE, until

_ALL = 8
"""The command, its collector, four readers, a pilot, and what multiprocessing has besides."""


def started(folder: Path, seconds: float) -> subprocess.Popen[str]:
    tiny = {"--rounds": 1, "--lines": 1000, "--logs": 500, "--seconds": seconds}
    return subprocess.Popen(
        [str(DEV / "bench-readers"), *(str(word) for option in tiny.items() for word in option)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )


def processes_of(folder: Path) -> list[str]:
    """Those whose environment names the folder: the command's own, and its stack's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has just ended, or is somebody else's
    return found


def nothing_is_left(folder: Path) -> None:
    assert list(folder.iterdir()) == []
    until(lambda: not processes_of(folder), PATIENCE, "its processes have ended")


def test_each_table_has_its_figures(tmp_path: Path) -> None:
    with started(tmp_path, 0.3) as bench:
        said, _ = bench.communicate(timeout=5 * PATIENCE)
    assert bench.returncode == 0, said
    rows = {line[:44].strip(): line[44:].split() for line in said.splitlines() if re.search(r"\d\.\d +\d+\.\d", line)}
    readings = ["outlineLog, cold", "outlineLog, warm", "outlineLog, its version is still right"]
    readings += ["readLines, 500 lines anywhere", "findLines, a text that is not there"]
    pilots = ["without readers", *(f"4 readers: {how}" for how in ("findLines", "searchLogs", "readLines", "readLog"))]
    assert list(rows)[: len(readings + pilots)] == readings + pilots
    assert {"latest of a VO", "the same, from row 300", "silent", "listValues of four columns"} <= rows.keys()
    assert all(float(figure) > 0 for what, row in rows.items() for figure in row[:3]), said
    assert all(float(rows[how][3]) > 0 for how in pilots[1:]), said
    nothing_is_left(tmp_path)


def test_sigterm_ends_all_of_it(tmp_path: Path) -> None:
    with started(tmp_path, 600) as bench:
        until(lambda: len(processes_of(tmp_path)) >= _ALL, PATIENCE, "the pilot and the readers are there")
        bench.send_signal(signal.SIGTERM)
        said, _ = bench.communicate(timeout=5 * PATIENCE)
    assert bench.returncode == 130, said
    nothing_is_left(tmp_path)
