# SPDX-License-Identifier: GPL-3.0-only
"""Lines of many logs that fit a query, the log that began last first, a piece of the work at each call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection

from ..documents import accept_cursor, read_argument
from ..lines.header import Header
from ..lines.parser import Line, LineParser, State, last_header
from ..model import LogKey
from ..store import logs
from ..store.chunks import Moved
from ..store.quiet import Quietness
from .find import PIECE
from .line_window import ShownLine
from .log_text import LogText
from .look_time import LookTime, TimeIsOver
from .query import Query
from .reader import Reader
from .screening import Screening
from .sliced_parsing import find_block, find_in_slices, slices_of
from .time_slice import time_slice

_FROM_EACH = 20
"""Lines that are given of one log."""
_LOGS_AT_ONCE = 100
_MOST_BYTES = 64 * 2**20
"""Text that one call looks through."""
_NEWEST = 10**18 - 1


@dataclass(slots=True)
class SearchCursor:
    """How far a search has come.

    Attributes:
        below: Logs with a smaller id are still to be looked through.
        line: The line to go on with in the log that is next; 0 to begin it.
        looked: Logs looked through, or passed over.
        total: Logs that were selected when it began.
        archived: Logs passed over because their text has left the database.
    """

    below: int
    line: int
    looked: int
    total: int
    archived: int

    @classmethod
    def parse(cls, cursor: Any) -> SearchCursor | None:
        """What a reader brings back; None for the beginning.

        Raises:
            Rejected: It is not one of ours.
        """
        accept = partial(accept_cursor, numbers=5, method="searchLogs", doing="search")
        parts = read_argument("The cursor", accept, cursor)
        return None if parts is None else cls(*parts)

    def __str__(self) -> str:
        return f"{self.below}.{self.line}.{self.looked}.{self.total}.{self.archived}"


@dataclass(slots=True)
class Hit:
    """A log with lines that fit.

    Attributes:
        more: Whether it has others.
    """

    row: Mapping[str, Any]
    lines: list[ShownLine] = field(default_factory=list)
    more: bool = False


@dataclass(slots=True)
class Search:
    """What one call of a search may do, and has done.

    Attributes:
        reader: Where text comes from; only what the database has is looked at.
        limit: Lines that are given.
        seconds: After this time no further piece of text is looked at.
        quietness: Gives what counts as quiet; without it logs cannot be selected by that.
    """

    reader: Reader
    query: Query
    limit: int
    seconds: float
    most_bytes: int = _MOST_BYTES
    clock: Callable[[], float] = time.monotonic
    quietness: Callable[[Connection], Quietness] | None = None
    hits: list[Hit] = field(default_factory=list)
    _begun: bool = False
    _lines: int = 0
    _bytes: int = 0
    _time: LookTime = field(default_factory=lambda: LookTime(0.0))
    _screening: Screening = field(init=False)

    def run(
        self, selection: Mapping[str, Any], vo: str | None, progress: SearchCursor | None
    ) -> tuple[SearchCursor, bool]:
        """Look on from where the last call stopped, through one piece of text at least.

        Args:
            selection, vo: As for :func:`..store.logs.list_page`.
            progress: What the last call gave; None for a new search.

        Returns:
            How far it has come, and whether that is the end.

        Raises:
            Rejected: A condition is unknown or ill-typed.
        """
        self._time = LookTime(self.seconds, self.clock)
        database = self.reader.database
        self._screening = Screening(database, self.query, self.clock)
        if progress is None:
            with database.reading() as connection:
                total = logs.count_logs(connection, selection, vo, self._quietness(connection))
            progress = SearchCursor(_NEWEST, 0, 0, total, 0)
        while True:
            with database.reading() as connection:
                quietness = self._quietness(connection)
                rows = logs.newest_first(connection, selection, vo, progress.below, _LOGS_AT_ONCE, quietness)
            for place, (log_id, in_archive, row) in enumerate(rows):
                if self._is_over():
                    return progress, False
                if in_archive:
                    progress.archived += 1
                elif self._is_without(rows[place:], progress):
                    self._bytes += row["Bytes"]
                elif not self._look_through(row, progress):
                    return progress, False
                self._begun = True
                progress.below, progress.line = log_id, 0
                progress.looked += 1
            if len(rows) < _LOGS_AT_ONCE:
                progress.total = progress.looked
                return progress, True

    def _quietness(self, connection: Connection) -> Quietness | None:
        return self.quietness(connection) if self.quietness else None

    def _is_over(self) -> bool:
        # Each call comes further, by a log or a piece of text.
        return self._begun and (self._lines >= self.limit or self._bytes >= self.most_bytes or self._time.is_over)

    def _is_without(self, rows: Sequence[logs.Selected], progress: SearchCursor) -> bool:
        """Whether the first of these logs needs no look."""
        if not rows[0][2]["Bytes"]:
            return True
        if progress.line or self._time.is_over:
            return False
        return self._screening.excludes((log_id, row["Bytes"]) for log_id, in_archive, row in rows if not in_archive)

    def _look_through(self, row: Mapping[str, Any], progress: SearchCursor) -> bool:
        """Whether it came to the log's end, or had enough of it."""
        hit = Hit(row)
        try:
            with self.reader.opened_in_database(LogKey(row["VO"], row["Stamp"])) as text:
                come_to_end = self._look(text, progress, hit)
        except Moved:
            # It has just left the database, or was shortened.
            progress.archived += 1
            come_to_end = True
        if hit.lines:
            self.hits.append(hit)
        return come_to_end

    def _look(self, text: LogText, progress: SearchCursor, hit: Hit) -> bool:
        try:
            return self._look_until(text, progress, hit)
        except TimeIsOver:
            progress.line = max(progress.line, self._time.line - 1)
            return False

    def _look_until(self, text: LogText, progress: SearchCursor, hit: Hit) -> bool:
        place = _Place()
        begun = 0 if self._begun else progress.line + 1
        while place.position < text.size:
            if not place.inside and self._is_over():
                progress.line = max(progress.line, place.line)
                return False
            data = _whole_lines(text.read(place.position, place.position + PIECE))
            last = place.line_behind(data)
            can_be = None
            if last > progress.line:
                can_be = find_block(data, place.inside, progress.line, self.query, self._time, place.line, begun)
                self._begun = True
                self._bytes += len(data)
            if can_be is None:
                with time_slice():
                    place.pass_over(data, last)
                continue
            above = max(progress.line, can_be - 1)
            for line in self._fitting(data, place, above, begun):
                if len(hit.lines) >= _FROM_EACH:
                    hit.more = True
                    return True
                if self._lines >= self.limit:
                    return False
                hit.lines.append(ShownLine(line, len(line.data)))
                progress.line = line.number
                self._lines += 1
        return True

    def _fitting(self, data: bytes, place: _Place, above: int, begun: int) -> Iterator[Line]:
        """The lines of a piece that fit; of a long line's pieces the first."""
        parser = LineParser(State(place.line, place.message, place.inside, place.own), PIECE)
        yield from find_in_slices(parser, slices_of(data), self.query, above + 1, self._time, begun)
        place.go_behind(data, parser.state)


@dataclass(slots=True)
class _Place:
    """Where a search is in a log.

    Attributes:
        position: In bytes.
        line: The last line that was begun before.
        inside: Whether that line goes on here.
        own: Whether it has a header.
        message: To which raw output here belongs, as far as is known.
    """

    position: int = 0
    line: int = 0
    inside: bool = False
    own: bool = False
    message: Header | None = None

    def line_behind(self, data: bytes) -> int:
        """The last line that is begun in a piece: whole lines, or a part of one."""
        ends = data.count(b"\n")
        return self.line + (ends or 1) - self.inside

    def pass_over(self, data: bytes, last: int) -> None:
        """Nothing in this piece is wanted."""
        begin = data.find(b"\n") + 1 if self.inside else 0
        if begin or not self.inside:
            found = last_header(data[begin:])
            self.message, self.own = found or self.message, found is not None
        self.position += len(data)
        self.line, self.inside = last, not data.endswith(b"\n")

    def go_behind(self, data: bytes, state: State) -> None:
        """This piece has been looked through, with that in the end."""
        self.position += len(data)
        self.line, self.inside, self.own, self.message = state.lines, state.inside, state.own, state.message


def _whole_lines(data: bytes) -> bytes:
    """What ends in a line's end; all of it if there is none."""
    return data[: data.rfind(b"\n") + 1] or data
