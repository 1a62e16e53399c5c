# SPDX-License-Identifier: GPL-3.0-only
"""Each source file says what its license is."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_each_source_file_says_its_license():
    done = subprocess.run(
        [sys.executable, PROJECT / "dev" / "spdx", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "run dev/spdx"
