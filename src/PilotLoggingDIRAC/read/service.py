# SPDX-License-Identifier: GPL-3.0-only
"""What readers ask a collector for, as plain values. Who may read what is decided before it comes here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from ..documents import accept_list, accept_string, read_argument
from ..model import LogKey
from ..store import logs
from ..store.quiet import Quietness
from . import limits, replies
from .arguments import check_number
from .cursor import Cursor
from .find import find_lines
from .line_window import LEAST_OF_LINE, LONGEST_LINE, read_lines
from .outline_cache import OutlineCache
from .query import Query
from .reader import Reader
from .search import Search, SearchCursor


class ReadService:
    """Serves all threads of a collector. Its methods check what readers send, and raise Rejected for what is wrong in
    it; NotFound, NotKept and Unavailable come from :class:`.reader.Reader`.

    Args:
        reader: Where text comes from.
        max_reply_size: Bytes of text that one page has at most.
        max_log_reply_size: Bytes of a log that is given whole.
        quietness_at: Gives what counts as quiet at a time of the database's clock.
    """

    def __init__(
        self,
        reader: Reader,
        max_reply_size: int,
        max_log_reply_size: int,
        quietness_at: Callable[[datetime], Quietness],
    ) -> None:
        self._reader = reader
        self._database = reader.database
        self._outline_cache = OutlineCache(reader)
        self._max_reply_size = max_reply_size
        self._max_log_reply_size = max_log_reply_size
        self._quietness_at = quietness_at

    def read_whole(self, key: LogKey) -> str:
        """A log as it is now; of a very large one the beginning and the end."""
        return self._reader.whole(key, self._max_log_reply_size)

    def read_page(self, key: LogKey, cursor: Any, max_bytes: Any) -> dict[str, Any]:
        """The next piece of a log: ``readLog``."""
        size = min(check_number("maxBytes", max_bytes, 0) or self._max_reply_size, self._max_reply_size)
        page = self._reader.page(key, Cursor.parse(cursor), size)
        if page.more:
            return replies.render_page(key, page)
        with self._database.reading() as connection:
            row = logs.find_row(connection, key, self._quietness(connection))
        return replies.render_page(key, page, row)

    def list_logs(
        self, selection: Mapping[str, Any], vo: str | None, sort: Any, start: Any, limit: Any, after: Any = None
    ) -> dict[str, Any]:
        """A page of the list of logs: ``listLogs``.

        Args:
            selection: See :func:`PilotLoggingDIRAC.store.selection.where`.
            vo: Only logs of this VO; None for all.
            after: The ``next`` of the page before; nothing for a page by its number of rows to pass over.
        """
        sort = read_argument("The sort", accept_list, sort or [])
        start, limit = check_number("start", start, 0), check_number("limit", limit, 1, limits.LARGEST_PAGE)
        with self._database.reading() as connection:
            now = self._database.now(connection)
            page = logs.list_page(connection, selection, sort, start, limit, vo, self._quietness_at(now), after)
        return replies.render_list(page, now)

    def list_values(self, selection: Mapping[str, Any], vo: str | None, columns: Any, limit: Any) -> dict[str, Any]:
        """The most frequent values of some columns: ``listValues``."""
        columns = read_argument("The columns", partial(accept_list, form="are not a list"), columns)
        limit = check_number("limit", limit, 1, limits.MOST_VALUES)
        with self._database.reading() as connection:
            quietness = self._quietness(connection)
            values, looked_at = logs.list_values(connection, selection, columns, limit, vo, quietness=quietness)
        return {"values": values, "logs": looked_at, "all": looked_at < logs.MOST_COUNTED}

    def count_logs(self, selection: Mapping[str, Any], vo: str | None, column: Any, limit: Any) -> dict[str, Any]:
        """How many logs have which value of a column: ``countLogs``."""
        limit = check_number("limit", limit, 1, limits.LARGEST_PAGE)
        with self._database.reading() as connection:
            quietness = self._quietness(connection)
            rows, values, looked_at = logs.count_by(connection, selection, column, limit, vo, quietness=quietness)
        rendered = [replies.render_row(row) for row in rows]
        return {"rows": rendered, "total": values, "logs": looked_at, "all": looked_at < logs.MOST_GROUPED}

    def outline(self, key: LogKey, version: Any) -> dict[str, Any]:
        """What a log looks like from afar: ``outlineLog``."""
        version = read_argument("The version", partial(accept_string, form="is not a text"), version or "")
        outline = self._outline_cache.unchanged(key, version) if version else None
        unchanged = outline is not None
        if outline is None:
            outline = self._outline_cache.look(key, lambda _, outline: outline)
            unchanged = outline.version == version
        with self._database.reading() as connection:
            row = logs.find_row(connection, key, self._quietness(connection))
        return replies.render_unchanged(row, outline) if unchanged else replies.render_outline(key, row, outline)

    def read_lines(
        self, key: LogKey, first: Any, count: Any, numbers: Any = None, longest: Any = LONGEST_LINE
    ) -> dict[str, Any]:
        """Some lines of a log: ``readLines``."""
        first = check_number("first", first, 1)
        wanted: Any = range(first, first + check_number("count", count, 1, limits.MOST_LINES))
        if numbers is not None:
            form = f"are not a list of at most {limits.MOST_LINES}"
            accept = partial(accept_list, form=form, most=limits.MOST_LINES)
            wanted = sorted(
                {check_number("numbers", each, 1) for each in read_argument("The numbers", accept, numbers)}
            )
        longest = check_number("longest", longest, LEAST_OF_LINE, limits.LINES_SIZE)
        bounds = (limits.LINES_GIVEN, limits.LINES_SIZE, limits.LOOK_SECONDS, longest)
        return self._outline_cache.look(
            key, lambda text, outline: replies.render_lines(outline, *read_lines(text, outline, wanted, *bounds))
        )

    def find_lines(self, key: LogKey, query: Any, first: Any, limit: Any) -> dict[str, Any]:
        """The numbers of those lines of a log that fit a query: ``findLines``."""
        parsed = Query.parse(query)
        first, limit = check_number("first", first, 1), check_number("limit", limit, 1, limits.MOST_FOUND)
        return self._outline_cache.look(
            key,
            lambda text, outline: replies.render_found(
                outline, find_lines(text, outline, parsed, first, limit, limits.LOOK_SECONDS)
            ),
        )

    def search(
        self, query: Any, selection: Mapping[str, Any], vo: str | None, cursor: Any, limit: Any
    ) -> dict[str, Any]:
        """Lines of many logs that fit a query, a piece of the work at each call: ``searchLogs``."""
        parsed, limit = Query.parse(query), check_number("limit", limit, 1, limits.LARGEST_PAGE)
        search = Search(self._reader, parsed, limit, limits.LOOK_SECONDS, quietness=self._quietness)
        progress, done = search.run(selection, vo, SearchCursor.parse(cursor))
        return replies.render_search(search.hits, progress, done)

    def _quietness(self, connection: Connection) -> Quietness:
        return self._quietness_at(self._database.now(connection))
