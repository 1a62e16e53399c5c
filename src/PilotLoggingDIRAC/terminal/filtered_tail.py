# SPDX-License-Identifier: GPL-3.0-only
"""Lines of a log, all or by what is in them, from the beginning or the last ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..model import LogState
from .follow import FollowedLog, pass_over

_AT_ONCE = 2000

Ask = Callable[..., Mapping[str, Any]]
"""Calls a method of the collector about the log: ``ask("readLines", 1, 500)``."""
Line = Mapping[str, Any]
"""As ``readLines`` gives it; or one with ``gap``, which stands where messages are missing."""


class LogLines(FollowedLog[Line]):
    """The lines of one log, as they come.

    Args:
        query: As ``findLines`` takes it; empty for all lines.
        tail: How many of those that there are by now, the last ones; None for all.
        tell: Is told when the log becomes quiet, and when it has a line again.
        unfinished: Gets a line that may still grow, whenever it has grown.
    """

    def __init__(
        self,
        ask: Ask,
        query: Mapping[str, Any],
        tail: int | None = None,
        tell: Callable[[str], None] = pass_over,
        unfinished: Callable[[Line], None] = lambda _: None,
    ) -> None:
        super().__init__(tell)
        self._unfinished = unfinished
        self._ask = ask
        self._query = query
        self._tail = tail
        self._line = 1
        self._version = ""
        self._marked = 0

    @property
    def begun(self) -> bool:
        return bool(self._version)

    def poll(self, follow: bool) -> Iterator[Line]:
        """A line that may still grow is left to the next call."""
        outline = self._ask("outlineLog", self._version)
        row = outline["row"]
        self._say(self._notices.of_row(row))
        is_open = row is not None and row["State"] == LogState.OPEN
        if outline["version"] != self._version:
            if self._tail is not None:
                self._line = self._first_of_tail(outline["lines"], self._tail)
                self._tail, self._marked = None, self._line
            lines = self._found() if self._query else self._all(outline)
            for line in lines:
                if line.get("unfinished") and follow and is_open:
                    self._unfinished(line)
                else:
                    yield line
            self._version = outline["version"]
        self.open = is_open

    def _first_of_tail(self, lines: int, tail: int) -> int:
        if not self._query:
            return max(1, lines - tail + 1)
        last: deque[int] = deque(maxlen=tail)
        line = 1
        while True:
            reply = self._ask("findLines", self._query, line, _AT_ONCE)
            last.extend(reply["numbers"])
            if reply["total"] > len(reply["numbers"]):
                line = reply["numbers"][-1] + 1
            elif reply["done"]:
                return last[0] if last else int(reply["next"])
            else:
                line = reply["next"]

    def _all(self, outline: Mapping[str, Any]) -> Iterator[Line]:
        gaps = [mark for mark in outline["marks"] if mark["kind"] == "gap" and mark["line"] > self._marked]
        while self._line <= outline["lines"]:
            reply = self._ask("readLines", self._line, min(_AT_ONCE, outline["lines"] - self._line + 1))
            for line in reply["lines"]:
                while gaps and gaps[0]["line"] <= line["n"]:
                    yield self._gap(gaps.pop(0))
                self._line = line["n"] + (not line.get("unfinished"))
                yield line
            if not reply["lines"] or reply["lines"][-1].get("unfinished"):
                return
        for gap in gaps:
            yield self._gap(gap)

    def _gap(self, mark: Mapping[str, Any]) -> Line:
        self._marked = mark["line"]
        sentence = str(mark["sentence"]).removesuffix(".")
        text = f"[... {sentence[:1].lower()}{sentence[1:]} ...]"
        return {"n": mark["line"], "text": text, "level": None, "time": None, "command": "", "gap": True}

    def _found(self) -> Iterator[Line]:
        while True:
            reply = self._ask("findLines", self._query, self._line, _AT_ONCE)
            numbers = reply["numbers"]
            while numbers:
                lines = self._ask("readLines", 1, 1, numbers)["lines"]
                for line in lines:
                    self._line = line["n"] + (not line.get("unfinished"))
                    yield line
                numbers = numbers[len(lines) :] if lines else []
            if reply["total"] > len(reply["numbers"]):
                self._line = reply["numbers"][-1] + 1
                continue
            self._line = reply["next"]
            if reply["done"]:
                return
