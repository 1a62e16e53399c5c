# SPDX-License-Identifier: GPL-3.0-only
"""What is stored in the end: by the collectors, in the archive, in the database."""

import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from parts.calls import Connection, Refused, tls_context
from parts.state import Stack

from . import database
from .stored import Delivery, Gap, Row, Stored
from .truth import Key

_AT_ONCE = 6
_TRIES, _TRIES_ON_A_GRID = 4, 40
"""On a grid two logs at a time are fetched from the storage, and other readers are told to come again."""
_GAP_LINE = re.compile(r"\[\.\.\. messages? [0-9a-z ]+ missing here \(session [0-9a-f]+\) \.\.\.\]\n")
"""What ``getLogs`` shows in the place of a gap."""
_SECONDS = 60.0


def rows_of(stack: Stack) -> dict[Key, Row]:
    """All rows of the database."""
    deliveries: dict[Key, list[Delivery]] = defaultdict(list)
    logs: dict[Key, list[str]] = {}
    for vo, stamp, *values in database.rows(stack):
        key = Key(vo, stamp)
        logs[key] = values
        plugin, state, cursor, reference = values[-4:]
        if plugin != "NULL":
            deliveries[key].append(Delivery(plugin, state, int(cursor), reference))
    return {
        key: Row(
            state=state,
            finalised=finalised == "1",
            exit_code=None if code == "NULL" else int(code),
            lines=int(lines),
            size=int(size),
            truncated=int(truncated),
            last_chunk=int(last),
            deliveries=tuple(deliveries[key]),
        )
        for key, (state, finalised, code, lines, size, truncated, last, *_) in logs.items()
    }


def archive_files(archive: Path) -> list[str]:
    """All complete files of LocalDirectory, as it refers to them."""
    return [
        str(file.relative_to(archive))
        for file in archive.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(archive).parts)
    ]


def stored_logs(stack: Stack, keys: Iterable[Key], rows: Mapping[Key, Row], seed: int) -> dict[Key, Stored]:
    """Read all these logs, each page from a collector at random, as a user of its VO."""
    reading, ordered = _Reading(stack, rows, random.Random(f"reading {seed}")), sorted(keys)
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        return dict(zip(ordered, readers.map(reading.read, ordered), strict=True))


class _Reading:
    def __init__(self, stack: Stack, rows: Mapping[Key, Row], chance: random.Random) -> None:
        self._stack, self._rows, self._chance = stack, rows, chance
        self._contexts = {
            vo: tls_context(stack.layout.certificates, stack.layout.credentials / f"{vo}_user.pem")
            for vo in ("alpha", "beta")
        }
        self._idle: dict[tuple[str, str], list[Connection]] = defaultdict(list)
        self._lock = threading.Lock()

    def read(self, key: Key) -> Stored:
        row = self._rows.get(key)
        try:
            text, gaps = self._pages(key)
        except (Refused, OSError) as error:
            return Stored(None, row=row, why=f"{type(error).__name__}: {error}")
        return Stored(text, gaps, self._archived(key, row), row)

    def _pages(self, key: Key) -> tuple[str, list[Gap]]:
        text, gaps, cursor = "", [], None
        size = self._chance.choice((0, 0, 100_000, 20_000))
        while True:
            page = self._ask(key.vo, "readLog", key.stamp, key.vo, cursor, size)
            gaps += [Gap(len(text) + g["offset"], g["session"], g["first"], g["last"]) for g in page["gaps"]]
            text += page["text"]
            cursor = page["cursor"]
            if not page["more"]:
                return text, gaps

    def _archived(self, key: Key, row: Row | None) -> bytes | None:
        """The file itself; on a grid, where the text has left the database, what getLogs fetches from there."""
        references = [delivery.reference for delivery in row.deliveries if delivery.reference] if row else []
        if not references:
            return None
        if not self._stack.plan.grid:
            try:
                return (self._stack.layout.archive / references[0]).read_bytes()
            except FileNotFoundError:
                return None
        answer = self._ask(key.vo, "getLogs", f"{key.stamp}.log", key.vo)
        return _GAP_LINE.sub("", answer["StdOut"]).encode("utf-8", "surrogatepass")

    def _ask(self, vo: str, method: str, *arguments: Any) -> Any:
        """A call that is repeated when a collector asks for that."""
        tries = _TRIES_ON_A_GRID if self._stack.plan.grid else _TRIES
        for attempt in range(tries):
            url = self._chance.choice(self._stack.collector_urls)
            idle = self._idle[vo, url]
            with self._lock:
                connection = idle.pop() if idle else Connection(url, self._contexts[vo], _SECONDS)
            try:
                answer = connection.ask(method, *arguments)
            except (Refused, OSError) as error:
                if attempt == tries - 1 or (isinstance(error, Refused) and error.kind != "Unavailable"):
                    raise
                time.sleep(1 + min(attempt, 4))
                continue
            idle.append(connection)
            return answer
        raise AssertionError("not reached")
