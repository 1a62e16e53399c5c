# SPDX-License-Identifier: GPL-3.0-only
"""Pages and rows as plain values, for a reply: times as ISO 8601 in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ..lines.header import time_of
from ..model import Gap, LogKey, LogState
from ..settings import VOSettings
from ..store.deliveries import Backlog
from ..store.logs import ListPage
from ..store.usage import Usage
from .find import Found
from .line_window import ShownLine, in_last_state
from .outline import Block, Mark, Numbers, Outline
from .reader import Page
from .search import Hit, SearchCursor


def render_page(key: LogKey, page: Page, row: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The reply of ``readLog``. Of a log that only its archive knows, most is None.

    Args:
        row: As in a list of logs, which tells whether it is quiet; None where there is more to read at once.
    """
    record = page.record
    quiet_since = row["QuietSince"] if row else None
    return {
        "vo": key.vo,
        "stamp": key.stamp,
        "text": page.text,
        "cursor": str(page.cursor),
        "more": page.more,
        "gaps": [_render_gap(gap) for gap in page.gaps],
        "state": LogState.ARCHIVED if record is None else record.state,
        "finalised": None if record is None else record.finalised is not None,
        "exitCode": None if record is None else record.exit_code,
        "lines": None if record is None else record.lines,
        "bytes": None if record is None else record.bytes,
        "truncated": None if record is None else record.truncated,
        "firstArrival": None if record is None else record.first_arrival.isoformat(),
        "lastArrival": None if record is None else record.last_arrival.isoformat(),
        "quietSince": None if quiet_since is None else quiet_since.isoformat(),
        "usualSeconds": row["UsualSeconds"] if row else None,
    }


def _render_gap(gap: Gap) -> dict[str, Any]:
    return {name: value for name, value in asdict(gap).items() if name != "erased" or value}


def render_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a list of logs."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def render_list(page: ListPage, now: datetime) -> dict[str, Any]:
    """The reply of ``listLogs``.

    Args:
        now: By the database's clock, when the page was read.
    """
    rows = [render_row(row) for row in page.rows]
    return {"rows": rows, "start": page.start, "total": page.total, "next": page.key, "now": now.isoformat()}


def render_states(states: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """How many logs each VO has in each state."""
    answer: dict[str, dict[str, int]] = {}
    for (vo, state), number in states.items():
        answer.setdefault(vo, {})[state] = number
    return answer


NO_DATABASE_STATUS: Mapping[str, Any] = {"logs": {}, "quiet": {}, "deliveries": [], "usage": {}}
"""For a database that does not answer."""


def render_usage(usage: Mapping[str, Usage], limits: Mapping[str, VOSettings]) -> dict[str, dict[str, int]]:
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


def render_backlog(entry: Backlog, now: datetime) -> dict[str, Any]:
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


_MOST_COMMANDS = 200
_FOUND_CHARACTERS = 1000
"""Of a line that a search across logs has found."""


def render_outline(key: LogKey, row: Mapping[str, Any] | None, outline: Outline) -> dict[str, Any]:
    """The reply of ``outlineLog``."""
    return render_unchanged(row, outline) | {
        "vo": key.vo,
        "stamp": key.stamp,
        "unchanged": False,
        "lines": outline.lines,
        "bytes": outline.size,
        "ended": outline.ended,
        "blocks": [_render_block(block) for block in outline.blocks],
        "warnings": _render_numbers(outline.warnings),
        "errors": _render_numbers(outline.errors),
        "commands": [list(pair) for pair in outline.commands[:_MOST_COMMANDS]],
        "marks": [_render_mark(mark) for mark in outline.marks],
    }


def render_unchanged(row: Mapping[str, Any] | None, outline: Outline) -> dict[str, Any]:
    """The reply of ``outlineLog`` to somebody who has the rest."""
    return {
        "row": None if row is None else render_row(row),
        "version": outline.version,
        "edition": outline.edition,
        "unchanged": True,
    }


def _render_block(block: Block) -> list[Any]:
    return [block.line, _milliseconds(block.earliest), _milliseconds(block.latest), *block.counts]


def _milliseconds(stamp: bytes) -> int | None:
    time = time_of(stamp) if stamp else None
    return None if time is None else int(time.timestamp() * 1000)


def _render_numbers(numbers: Numbers) -> dict[str, Any]:
    return {"total": numbers.total, "lines": list(numbers.first)}


def _render_mark(mark: Mark) -> dict[str, Any]:
    return {"line": mark.line, "kind": "gap" if mark.missing else "truncation", "sentence": mark.sentence}


def render_lines(outline: Outline, lines: Sequence[ShownLine], more: bool) -> dict[str, Any]:
    """The reply of ``readLines``."""
    return {
        "lines": [render_line(shown, outline) for shown in lines],
        "more": more,
        "total": outline.lines,
        "version": outline.version,
        "edition": outline.edition,
    }


def render_line(shown: ShownLine, outline: Outline | None = None) -> dict[str, Any]:
    """A line."""
    line = shown.line
    answer = {
        "n": line.number,
        "text": line.text,
        "level": None if line.level is None else line.level.name,
        "time": None if line.time is None else line.time.isoformat(),
        "command": line.command,
        "own": line.own,
        "at": line.at,
    }
    if shown.cut:
        answer["size"] = shown.size
    if shown.last_state:
        answer["lastState"] = True
    if outline is not None and line.number == outline.lines and not outline.ended:
        answer["unfinished"] = True
    return answer


def render_found(outline: Outline, found: Found) -> dict[str, Any]:
    """The reply of ``findLines``."""
    return {
        "numbers": found.numbers,
        "total": found.total,
        "done": found.next is None,
        # The last line may not have come whole.
        "next": found.next or outline.lines + outline.ended,
        "version": outline.version,
        "edition": outline.edition,
    }


def render_search(hits: Sequence[Hit], progress: SearchCursor, done: bool) -> dict[str, Any]:
    """The reply of ``searchLogs``."""
    number = progress.archived
    what = "One log is" if number == 1 else f"{number} logs are"
    return {
        "found": [
            {"row": render_row(hit.row), "lines": [_render_short_line(shown) for shown in hit.lines], "more": hit.more}
            for hit in hits
        ],
        "cursor": str(progress),
        "done": done,
        "looked": progress.looked,
        "total": progress.total,
        "archived": number,
        "sentence": f"{what} in the archive only, and not searched." if number else "",
    }


def _render_short_line(shown: ShownLine) -> dict[str, Any]:
    if len(shown.line.text) > _FOUND_CHARACTERS:
        shown = in_last_state(shown)
    answer = render_line(shown)
    if len(answer["text"]) > _FOUND_CHARACTERS:
        answer |= {"text": answer["text"][:_FOUND_CHARACTERS], "size": shown.size}
    return answer
