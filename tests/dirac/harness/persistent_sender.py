# SPDX-License-Identifier: GPL-3.0-only
"""Pilots that go on sending whatever happens to the collectors, and know what was acknowledged."""

from __future__ import annotations

import contextlib
import http.client
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence

from .client import UNAVAILABLE, Client
from .sender import batch
from .stacks import RunningStack, dumped
from .waiting import PATIENCE, until

_BETWEEN_LINES = 0.1
"""Seconds: what is tested is what happens to them, not how many there may be."""


class PersistentSender(threading.Thread):
    """Sends numbered lines; what was not acknowledged is sent again, to the next URL.

    A stock pilot makes a new connection for each message, and what it sends again has one more line behind it. Ours
    keeps its connection and sends the same number again.

    Attributes:
        lines: How many lines have been acknowledged.
        errors: How many tries brought no reply.
        refusals: How many tries brought the reply to come back later.
        problem: Why it gave up: a reply that it must not get, or what ended its thread.
        limit: No line after this one is sent before the limit is raised.
        slowest: Seconds that the slowest line took from its first try to its acknowledgement.
    """

    def __init__(self, stack: RunningStack, urls: Sequence[str], stock: bool, first: int, timeout: float) -> None:
        super().__init__(daemon=True)
        self.stamp = uuid.uuid4().hex
        self.stock = stock
        self.lines = 0
        self.errors = 0
        self.refusals = 0
        self.limit = sys.maxsize
        self.slowest = 0.0
        self.problem: object = None
        self.last_error: Exception | None = None
        self.last_refusal = ""
        self._stop_sending = threading.Event()
        layout = stack.layout
        self._identity = (layout.certificates, layout.credentials / "alpha_pilot.pem")
        self._urls = list(urls)
        self._next = first
        self._timeout = timeout
        self._client: Client | None = None

    @property
    def text(self) -> str:
        """What its log must be."""
        return "".join(self._line(number) for number in range(1, self.lines + 1))

    def __str__(self) -> str:
        """Where it stands, for the message of a test that waits for it in vain."""
        state = {
            "kind": "stock" if self.stock else "ours",
            "alive": self.is_alive(),
            "collector": self._next % len(self._urls),
            "lines": self.lines,
            "limit": "none" if self.limit == sys.maxsize else self.limit,
            "errors": f"{self.errors} (last: {self.last_error!r})",
            "refusals": f"{self.refusals} (last: {self.last_refusal})",
            "problem": self.problem,
        }
        return ", ".join(f"{name} {value}" for name, value in state.items())

    def stop(self) -> None:
        """Send no new line; what is not acknowledged yet is still sent."""
        self._stop_sending.set()

    def run(self) -> None:
        try:
            self._send()
        except Exception as error:
            # A thread that died must not look like one that waits.
            self.problem = error
            raise

    def _send(self) -> None:
        while not self._stop_sending.is_set():
            if self.lines >= self.limit:
                time.sleep(_BETWEEN_LINES)
                continue
            begun, more = time.monotonic(), 1
            while self.problem is None and not self._acknowledged(more):
                more += self.stock
                time.sleep(0.05)
            if self.problem is not None:
                return
            self.lines += more
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(_BETWEEN_LINES)

    def _line(self, number: int) -> str:
        return f"2026-06-10T11:02:02.{number:06}Z INFO [Pilot] {self.stamp} line {number}\n"

    def _acknowledged(self, more: int) -> bool:
        text = "".join(self._line(self.lines + number) for number in range(1, more + 1))
        try:
            if self._client is None:
                self._client = Client(self._urls[self._next % len(self._urls)], *self._identity)
                self._client.connection.timeout = self._timeout
            if self.stock:
                answer = self._client("sendMessage", dumped(text), self.stamp, "alpha")
                self._leave()
            else:
                answer = self._client("appendLog", batch(self.stamp, self.lines + 1, text))
        except (OSError, http.client.HTTPException) as error:
            self.errors += 1
            self.last_error = error
            self._leave()
            self._next += 1
            return False
        if answer["OK"]:
            return True
        if answer.get("Errno") == UNAVAILABLE:
            self.refusals += 1
            self.last_refusal = answer["Message"]
        else:
            self.problem = answer
        return False

    def _leave(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


@contextlib.contextmanager
def sending(
    stack: RunningStack, urls: Sequence[str], count: int = 8, timeout: float = 60
) -> Iterator[list[PersistentSender]]:
    """So many pilots, half of them stock, that send while the block runs; then each log is what was sent, and once.

    Args:
        timeout: Seconds after which a sender goes elsewhere.
    """
    senders = [PersistentSender(stack, urls, number % 2 == 0, number, timeout) for number in range(count)]
    for sender in senders:
        sender.start()
    go_on(senders)
    try:
        yield senders
        go_on(senders)
    finally:
        for sender in senders:
            sender.stop()
    for sender in senders:
        sender.join(PATIENCE)
        assert not sender.is_alive(), "a sender hangs"
        assert sender.problem is None, sender.problem
    reader = stack.client("alpha_user", 1)
    for sender in senders:
        assert reader.text_of(sender.stamp) == sender.text, "stock" if sender.stock else "ours"
        assert not reader("readLog", sender.stamp).value["gaps"]


@contextlib.contextmanager
def hanging(stack: RunningStack, collector: int, senders: Sequence[PersistentSender]) -> Iterator[None]:
    """A collector is stopped (SIGSTOP) while the block runs, and until all senders have gone on without it.

    They send a dozen lines meanwhile, and no more: a stock message that arrives after many later ones is new.
    """
    stack.collector(collector, "pause")
    try:
        for sender in senders:
            sender.limit = sender.lines + 12
        yield
        _wait(senders, [sender.limit for sender in senders])
    finally:
        stack.collector(collector, "resume")
        _work_through(stack, collector)
        for sender in senders:
            sender.limit = sys.maxsize


def _work_through(stack: RunningStack, collector: int) -> None:
    """Wait until a collector that was stopped has stored what it found when it went on."""
    operator = stack.client("operator", collector)
    for _ in range(3):  # what came before these is read before their answers are written
        assert operator("ping")["OK"]
    until(lambda: operator("getStatistics").value["pendingBytes"] == 0, what="nothing waits for its commit")
    operator.close()


def go_on(senders: Sequence[PersistentSender], lines: int = 5) -> None:
    """Wait until every sender has got some more lines acknowledged."""
    _wait(senders, [sender.lines + lines for sender in senders])


def _wait(senders: Sequence[PersistentSender], goals: Sequence[int]) -> None:
    def arrived() -> bool:
        return all(sender.problem or sender.lines >= goal for sender, goal in zip(senders, goals, strict=True))

    try:
        until(arrived, 30, "all senders go on")
    except AssertionError as error:
        error.add_note("\n".join(map(str, senders)))
        raise
