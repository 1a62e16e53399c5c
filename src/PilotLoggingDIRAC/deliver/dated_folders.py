# SPDX-License-Identifier: GPL-3.0-only
"""Folders by date in an archive of files: a catalogue is slow with hundreds of thousands of files in one folder.

A log's folder is that of the day or month (UTC) in which its first text came. Whoever knows the stamp alone goes
through the folders that there may be, the latest first.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

_YEARS = 20
"""So far back logs are looked for."""


class Folders(enum.StrEnum):
    """What each folder is for."""

    NONE = "none"  # one for all logs
    MONTH = "month"
    DAY = "day"

    def of(self, begun: datetime | None) -> str:
        """The folder of a log: ``2026-11``, ``2026-11-28``; empty for none of its own.

        Args:
            begun: When its first text came; None where that is not known.
        """
        if self is Folders.NONE or begun is None:
            return ""
        return begun.astimezone(UTC).strftime("%Y-%m" if self is Folders.MONTH else "%Y-%m-%d")


def read_folders(value: Any) -> Folders:
    """For settings: what an operator wrote."""
    word = str(value).strip().lower()
    if word not in set(Folders):
        raise ValueError(f"one of {', '.join(Folders)}")
    return Folders(word)


def by_year(today: date) -> Iterator[list[str]]:
    """All folders by day and by month that a log may be in, those of the latest year first; the option may have had
    another value when it was stored.

    Args:
        today: By our clock. The database's may be ahead.
    """
    latest = today + timedelta(days=1)
    for year in range(latest.year, latest.year - _YEARS, -1):
        last = latest if year == latest.year else date(year, 12, 31)
        days = [last - timedelta(days=before) for before in range(last.timetuple().tm_yday)]
        yield list(dict.fromkeys([f"{day:%Y-%m-%d}" for day in days] + [f"{day:%Y-%m}" for day in days]))
