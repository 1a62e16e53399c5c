# SPDX-License-Identifier: GPL-3.0-only
"""A command that must succeed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def run(command: list[str | Path], **more: Any) -> str:
    """Run it; gives what it printed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=600, check=False, **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
