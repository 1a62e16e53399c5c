# SPDX-License-Identifier: GPL-3.0-only
"""Those who read without a pause, and a pilot that waits for its acknowledgements; each in a process of its own."""

import multiprocessing
import random
import signal
import ssl
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.client import message_text
from parts.calls import Connection, tls_context
from parts.senders import NumberedSender
from parts.state import Stack

from .contents import VO, Log

READERS = 4
USER, OPERATOR = f"{VO}_user", "operator"
ABSENT = "in no line of any log"
MODES = ("", "findLines", "searchLogs", "readLines", "readLog")
"""What readers do; the first: there are none."""
_A_SECOND = 20
"""Messages of the pilot."""
_SETTLING = 2.0
"""Seconds in which the readers begin, before anything is measured."""
_PATIENCE = 120.0


@dataclass(frozen=True)
class Access:
    """The way to a collector.

    Attributes:
        credentials: a folder with proxies
    """

    url: str
    authorities: str
    credentials: str

    @classmethod
    def to(cls, stack: Stack) -> "Access":
        return cls(stack.collector_urls[0], str(stack.layout.certificates), str(stack.layout.credentials))

    def context(self, who: str) -> ssl.SSLContext:
        return tls_context(self.authorities, f"{self.credentials}/{who}.pem")

    def caller(self, who: str) -> Connection:
        """Somebody with a connection of his own, which he keeps."""
        return Connection(self.url, self.context(who))


@dataclass(frozen=True)
class Acknowledged:
    """What a pilot saw while others read.

    Attributes:
        latencies: of its messages in seconds, ascending
        calls: of all readers together, a second
    """

    latencies: Sequence[float]
    calls: float


def measure(access: Access, log: Log, seconds: float) -> dict[str, Acknowledged]:
    """The acknowledgements of one pilot while readers look through a log, for each of MODES.

    Raises:
        Refused, OSError: the collector failed
    """
    measured = {}
    settling = min(_SETTLING, seconds)
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(READERS + 2)
    # A terminal's Ctrl-C reaches them too, but it is for their parent to end them; a blocked signal is inherited.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with context.Pool(READERS + 1, ready.wait, (_PATIENCE,)) as pool:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        ready.wait(_PATIENCE)  # processes take time from everybody while they begin
        for mode in MODES:
            begin = time.monotonic() + settling
            until = begin + seconds
            readers = [pool.apply_async(_read_on, (access, mode, log, until)) for _ in range(READERS if mode else 0)]
            latencies = pool.apply_async(_send, (access, begin, until)).get(seconds + _PATIENCE)
            calls = sum(reader.get(_PATIENCE) for reader in readers)
            measured[mode] = Acknowledged(sorted(latencies), calls / (settling + seconds))
    return measured


def _send(access: Access, begin: float, until: float) -> list[float]:
    """Send 5 kB, 50 lines, over and over; of a slow collector's missed beats none is made up for."""
    stamp = uuid.uuid4().hex
    text = message_text(stamp, VO, "0")
    sender = NumberedSender(access.url, access.context(f"{VO}_pilot"), stamp, VO)
    sender.send(text)  # it connects
    latencies = []
    due = begin
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.monotonic()
        sender.send(text)
        ended = time.monotonic()
        latencies.append(ended - begun)
        due = max(due + 1 / _A_SECOND, ended)
    sender.finalise("", 0)
    return latencies


def _read_on(access: Access, method: str, log: Log, until: float) -> int:
    """Ask until then, again from the beginning when the end has come; gives how often."""
    caller = access.caller(USER)
    calls, place = 0, None
    while time.monotonic() < until:
        place = _ask(caller, method, log, place)
        calls += 1
    caller.close()
    return calls


def _ask(caller: Connection, method: str, log: Log, place: Any) -> Any:
    """One call; gives the place where the next one goes on, None for the beginning."""
    if method == "findLines":
        answer = caller.ask(method, log.stamp, VO, {"text": ABSENT}, place or 1)
        return None if answer["done"] else answer["next"]
    if method == "searchLogs":
        answer = caller.ask(method, ABSENT, {}, place or "")
        return None if answer["done"] else answer["cursor"]
    if method == "readLines":
        caller.ask(method, log.stamp, VO, random.randint(1, log.lines))
        return None
    answer = caller.ask(method, log.stamp, VO, place)
    return answer["cursor"] if answer["more"] else None
