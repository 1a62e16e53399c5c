"""Pages and rows as plain values, for a reply: times as ISO 8601 in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ..model import LogKey, LogState
from ..settings import CommunitySettings
from ..store.deliveries import Backlog
from ..store.usage import Usage
from .reader import Page


def of_page(key: LogKey, page: Page) -> dict[str, Any]:
    """The reply of ``readLog``. Of a log that only its archive knows, most is None."""
    record = page.record
    return {
        "vo": key.vo,
        "stamp": key.stamp,
        "text": page.text,
        "cursor": str(page.cursor),
        "more": page.more,
        "gaps": [asdict(gap) for gap in page.gaps],
        "state": LogState.ARCHIVED if record is None else record.state,
        "finalised": None if record is None else record.finalised is not None,
        "exitCode": None if record is None else record.exit_code,
        "lines": None if record is None else record.lines,
        "bytes": None if record is None else record.bytes,
        "truncated": None if record is None else record.truncated,
        "firstArrival": None if record is None else record.first_arrival.isoformat(),
        "lastArrival": None if record is None else record.last_arrival.isoformat(),
    }


def of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a list of logs."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def of_states(states: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """How many logs each VO has in each state."""
    answer: dict[str, dict[str, int]] = {}
    for (vo, state), number in states.items():
        answer.setdefault(vo, {})[state] = number
    return answer


NOTHING_STANDS: Mapping[str, Any] = {"logs": {}, "deliveries": [], "usage": {}}
"""For a database that does not answer."""


def of_usage(usage: Mapping[str, Usage], limits: Mapping[str, CommunitySettings]) -> dict[str, dict[str, int]]:
    """What each VO has in the database, and how much it may have (0: no limit)."""
    return {
        vo: {
            "openLogs": used.open_logs,
            "maxOpenLogs": limits[vo].max_open_logs if vo in limits else 0,
            "text": used.text,
            "quota": limits[vo].quota if vo in limits else 0,
        }
        for vo, used in usage.items()
    }


def of_backlog(entry: Backlog, now: datetime) -> dict[str, Any]:
    """What a VO's plugin has not confirmed yet. ``oldest`` is in seconds."""
    return {
        "vo": entry.vo,
        "plugin": entry.plugin,
        "logs": entry.logs,
        "failing": entry.failing,
        "untried": entry.untried,
        "oldest": (now - entry.oldest).total_seconds(),
        "lastError": entry.last_error,
    }
