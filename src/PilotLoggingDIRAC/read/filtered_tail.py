"""Some lines of a log, by what is in them, going on while the pilot writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import Unavailable
from ..model import LogState

_POLL_SECONDS = 1.0
_LONGEST_PAUSE = 30.0
_AT_ONCE = 2000

Ask = Callable[..., Mapping[str, Any]]
"""Calls a method of the collector about the log: ``ask("readLines", 1, 500)``."""


def filtered(
    ask: Ask, query: Mapping[str, Any], follow: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Mapping[str, Any]]:
    """Lines as ``readLines`` gives them.

    Args:
        query: As ``findLines`` takes it; empty for all lines.
        follow: Go on until the log is closed. A collector that is away meanwhile is waited for.

    Raises:
        NotFound, Rejected: There is no such log, or it may not be read.
        Unavailable: It cannot be read now; when following, only at the beginning.
    """
    line, version, pause = 1, None, _POLL_SECONDS
    while True:
        try:
            outline = ask("outlineLog", version or "")
            if version != outline["version"]:
                for found, behind in _from(ask, query, line):
                    if found is not None and not (found.get("unfinished") and follow and _is_open(outline)):
                        yield found
                    line = behind
                version = outline["version"]
        except Unavailable:
            if not follow or version is None:
                raise
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        pause = _POLL_SECONDS
        if not follow or not _is_open(outline):
            return
        sleep(pause)


def _is_open(outline: Mapping[str, Any]) -> bool:
    return outline["row"] is not None and outline["row"]["State"] == LogState.OPEN


def _from(ask: Ask, query: Mapping[str, Any], line: int) -> Iterator[tuple[Mapping[str, Any] | None, int]]:
    """Lines from a number on, each with the number to go on with; None where there is only the latter."""
    while True:
        if not query:
            reply = ask("readLines", line, _AT_ONCE)
            for found in reply["lines"]:
                line = found["n"] + (not found.get("unfinished"))
                yield found, line
            if not reply["lines"] or reply["lines"][-1]["n"] >= reply["total"]:
                return
            continue
        reply = ask("findLines", query, line, _AT_ONCE)
        numbers = reply["numbers"]
        while numbers:
            lines = ask("readLines", 1, 1, numbers)["lines"]
            for found in lines:
                line = found["n"] + (not found.get("unfinished"))
                yield found, line
            numbers = numbers[len(lines) :] if lines else []
        if reply["total"] > len(reply["numbers"]):
            line = reply["numbers"][-1] + 1
            continue
        line = reply["next"]
        yield None, line
        if reply["done"]:
            return
