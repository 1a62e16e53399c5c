# SPDX-License-Identifier: GPL-3.0-only
"""``dev/walk``: what a message passes is seen by running it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_a_message_passes_writer_and_transaction_before_the_commit() -> None:
    done = subprocess.run(
        [PROJECT / "dev" / "walk", "message"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = re.findall(r"^- to the commit \(.*", done.stdout, re.MULTILINE)
    files = re.findall(r"`([\w/.]+)` \d+/\d+", line)
    for file in ("ingest/stock_protocol.py", "store/writer.py", "store/append.py"):
        assert file in files
    assert files.index("ingest/stock_protocol.py") < files.index("store/append.py")
    assert f"the commit: {len(files)} files" in done.stdout
