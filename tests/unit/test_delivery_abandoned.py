# SPDX-License-Identifier: GPL-3.0-only
"""What killed processes left behind is removed, what living ones have is not."""

from __future__ import annotations

import os
import time
from pathlib import Path

from PilotLoggingDIRAC.deliver.stale_files import remove_stale


def test_only_what_is_old_is_removed(tmp_path: Path) -> None:
    for name in ("new", "old"):
        (tmp_path / f"{name}.log").write_text("half a log")
        (tmp_path / name).mkdir()
        (tmp_path / name / "dirac.cfg").touch()
    two_days_ago = time.time() - 2 * 86400
    for name in ("old", "old.log"):
        os.utime(tmp_path / name, (two_days_ago, two_days_ago))
    remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "new.log"]
    assert (tmp_path / "new" / "dirac.cfg").exists()
