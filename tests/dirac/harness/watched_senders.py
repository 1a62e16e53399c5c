# SPDX-License-Identifier: GPL-3.0-only
"""Pilots that go on sending to one collector, and note how long each answer took and what was acknowledged."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .client import UNAVAILABLE, Client
from .sender import batch
from .stacks import RunningStack
from .waiting import PATIENCE, until


class WatchedSender(threading.Thread):
    """Sends numbered messages; one that was refused is sent again.

    Attributes:
        acknowledged: How many messages have been.
        refusals: The sentences with which messages were refused.
        slowest: Seconds that the slowest answer took, of whatever kind.
        wrong: The first answer that was neither an S_OK nor Unavailable.
    """

    def __init__(self, stack: RunningStack, size: int) -> None:
        super().__init__(daemon=True)
        self.stamp = uuid.uuid4().hex
        self.acknowledged = 0
        self.refusals: list[str] = []
        self.slowest = 0.0
        self.wrong: object = None
        self.stop = threading.Event()
        self._filler = "x" * size
        self._client: Client = stack.client("alpha_pilot")

    def line(self, number: int) -> str:
        return f"line {number} {self._filler}\n"

    def run(self) -> None:
        while not self.stop.is_set():
            number = self.acknowledged + 1
            begun = time.monotonic()
            try:
                answer = self._client("appendLog", batch(self.stamp, number, self.line(number)))
            except OSError as error:
                self.wrong = error
                return
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if answer["OK"]:
                self.acknowledged = number
                time.sleep(0.05)
            elif answer.get("Errno") == UNAVAILABLE:
                self.refusals.append(answer["Message"])
                time.sleep(0.1)
            else:
                self.wrong = answer
                return


@contextmanager
def watched(stack: RunningStack, count: int = 4, size: int = 0) -> Iterator[list[WatchedSender]]:
    """So many senders while the block runs. Afterwards each gets on again, without a restart of anything, and each
    message that was acknowledged is stored once and in order, with at most one behind it whose answer got lost."""
    senders = [WatchedSender(stack, size) for _ in range(count)]
    for sender in senders:
        sender.start()
    get_on(senders)
    try:
        yield senders
        get_on(senders)
    finally:
        for sender in senders:
            sender.stop.set()
    for sender in senders:
        sender.join(PATIENCE)
        assert not sender.is_alive(), "a sender hangs"
    reader = stack.client("alpha_user")
    for sender in senders:
        lines = reader.text_of(sender.stamp).splitlines(keepends=True)
        assert lines[: sender.acknowledged] == [sender.line(n) for n in range(1, sender.acknowledged + 1)]
        assert len(lines) <= sender.acknowledged + 1


def get_on(senders: list[WatchedSender], messages: int = 3, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Wait until every sender has some more messages acknowledged; ``meanwhile`` is called now and then."""
    goals = [(sender, sender.acknowledged + messages) for sender in senders]

    def done() -> bool:
        meanwhile()
        for sender in senders:
            assert sender.wrong is None, sender.wrong
        return all(sender.acknowledged >= goal for sender, goal in goals)

    until(done, 30, "all senders get on")
