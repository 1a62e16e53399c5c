# SPDX-License-Identifier: GPL-3.0-only
"""Senders of ``appendLog``."""

from __future__ import annotations

from typing import Any


def batch(stamp: str, seq: Any, text: Any, **more: Any) -> dict[str, Any]:
    """A batch of the session ``s`` of VO alpha, unless told otherwise."""
    return {"stamp": stamp, "vo": "alpha", "session": "s", "seq": seq, "text": text} | more
