# SPDX-License-Identifier: GPL-3.0-only
"""Chunks of logs, and who sends them until all are confirmed, as the agent does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from PilotLoggingDIRAC.deliver.contract import Chunk, End
from PilotLoggingDIRAC.deliver.queue.publisher import Publisher
from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import LogKey

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def numbered_lines(stamp: str, number: int, size: int) -> bytes:
    """About so many bytes of a pilot's lines, of some 100 bytes each, that nobody else writes."""
    lines = (
        f"2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] {stamp[:8]} {number} {line} ".ljust(99, "x") + "\n"
        for line in range(size // 100)
    )
    return "".join(lines).encode()


def log(key: LogKey, number: int, size: int = 1000, ended: bool = True) -> list[Chunk]:
    """A log of so many chunks, a numbered line each."""
    chunks = []
    for chunk_id in range(1, number + 1):
        line = f"2026-06-10T11:02:02.823512Z INFO [Command] {key.stamp} {chunk_id} ".encode()
        chunks.append(Chunk(key, chunk_id, line.ljust(size - 1, b"x") + b"\n", chunk_id, NOW))
    return [*chunks, Chunk(key, number, b"", number + 1, NOW, end=End(True, 0))] if ended else chunks


def mixed(logs: Iterable[list[Chunk]]) -> Iterator[Chunk]:
    """The chunks of several logs, each log's in order."""
    waiting = [iter(chunks) for chunks in logs]
    while waiting:
        for chunks in list(waiting):
            chunk = next(chunks, None)
            if chunk is None:
                waiting.remove(chunks)
            else:
                yield chunk


class Sender(threading.Thread):
    """Sends logs through a publisher until each chunk is confirmed, whatever happens to the broker.

    Attributes:
        confirmed_chunks: How many are.
        held_at: With so many confirmed it waits until ``go_on`` is set.
        problems: What went wrong on the way.
        failure: What should not have happened.
    """

    def __init__(self, publisher: Publisher, logs: list[list[Chunk]]) -> None:
        super().__init__(daemon=True)
        self._publisher = publisher
        self._logs = {chunks[0].key: chunks for chunks in logs}
        self._cursors = dict.fromkeys(self._logs, 0)
        self.stopping = threading.Event()
        self.confirmed_chunks = 0
        self.held_at, self.go_on = 0, threading.Event()
        self.problems: list[str] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while self._left() and not self.stopping.is_set():
                try:
                    self._publisher.publish(mixed(self._left()), self)
                except Unavailable as problem:
                    self.problems.append(str(problem))
                    time.sleep(0.2)
            self._publisher.close()
        except BaseException as error:
            self.failure = error

    def _left(self) -> list[list[Chunk]]:
        return [left for key, chunks in self._logs.items() if (left := chunks[self._cursors[key] :])]

    def confirmed(self, chunk: Chunk) -> None:
        expected = self._logs[chunk.key][self._cursors[chunk.key]]
        assert chunk == expected, f"{chunk.key} {chunk.chunk_id} was confirmed, and not {expected.chunk_id}"
        self._cursors[chunk.key] += 1
        self.confirmed_chunks += 1
        if self.confirmed_chunks == self.held_at:
            assert self.go_on.wait(300)

    def refused(self, chunk: Chunk, reason: str) -> None:
        raise AssertionError(f"{chunk.key} {chunk.chunk_id} was refused: {reason}")

    def go_on_until(self, chunks: int) -> None:
        """Let it go on, and wait again with so many confirmed; 0 for no more waiting."""
        self.held_at, held, self.go_on = chunks, self.go_on, threading.Event()
        held.set()

    def wait_for(self, chunks: int, seconds: float = 120) -> None:
        """Until so many are confirmed."""
        end = time.monotonic() + seconds
        while self.confirmed_chunks < chunks:
            assert self.failure is None, self.failure
            assert self.is_alive() or self.confirmed_chunks >= chunks, self.problems
            assert time.monotonic() < end, f"{self.confirmed_chunks} of {chunks} are confirmed; {self.problems[-1:]}"
            time.sleep(0.01)

    def finish(self, seconds: float = 300) -> None:
        """Wait until all are confirmed."""
        self.join(seconds)
        assert self.failure is None, self.failure
        assert not self.is_alive(), f"{self.confirmed_chunks} are confirmed; {self.problems[-1:]}"
