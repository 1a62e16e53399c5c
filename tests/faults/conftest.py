# SPDX-License-Identifier: GPL-3.0-only
"""The driver of ``make faults`` is a program of ``dev``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "dev"))
