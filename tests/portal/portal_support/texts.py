# SPDX-License-Identifier: GPL-3.0-only
"""Text as pilots write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_BEGIN = datetime(2026, 6, 10, 11, 0, 0, tzinfo=UTC)


def message(
    number: int, level: str = "INFO", text: str = "", command: str = "CheckWorkerNode", seconds: float = 0
) -> str:
    """One line with a header, so many seconds after eleven o'clock."""
    time = _BEGIN + timedelta(seconds=seconds)
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z {level} [{command}] {text or f'message {number}'}\n"


def messages(count: int) -> str:
    """Several lines."""
    return "".join(message(number, seconds=number) for number in range(1, count + 1))
