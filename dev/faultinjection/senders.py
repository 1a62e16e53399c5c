# SPDX-License-Identifier: GPL-3.0-only
"""Pilots' senders to whom things happen, and who note what they know for the oracle."""

import contextlib
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from parts import senders
from parts.calls import Refused
from parts.senders import Piece

from .truth import Key, Record
from .wire import MISHAPS, UnluckyConnection


@dataclass
class Figures:
    """What all senders of a process have lived through."""

    messages: int = 0
    lines: int = 0
    resends: int = 0
    goodbyes: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[str] = field(default_factory=Counter)
    rejections: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Surroundings:
    """What all pilots of a process share.

    Attributes:
        urls: of all collectors
        contexts: TLS, by VO
        mishap_share: of all calls, how many come to grief on purpose
        give_up_at: by :func:`time.monotonic`: after this nobody tries again
        lock: for the record and the figures
    """

    urls: Sequence[str]
    contexts: dict[str, ssl.SSLContext]
    mishap_share: float
    give_up_at: float
    record: Record
    figures: Figures
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sender(senders.Sender):
    """What both kinds share: time-outs, mishaps, and another collector after a failure.

    Attributes:
        killed_at: by :func:`time.monotonic`: no call goes on after this
    """

    def __init__(self, key: Key, around: Surroundings, chance: random.Random, first: int, **more: Any) -> None:
        super().__init__("", around.contexts[key.vo], key.stamp, key.vo, first=first, **more)
        self.key, self.around, self.chance = key, around, chance
        self.killed_at = float("inf")
        self._connection: UnluckyConnection | None = None

    def try_to_flush(self) -> bool:
        """Send one piece once; False when it has to be sent again."""
        return self._succeeds(self.flush)

    def try_goodbye(self, code: int) -> bool:
        """Say goodbye once; False when it was not acknowledged."""
        with self.around.lock:
            self.around.record.goodbye(self.key, code, acknowledged=False)
        if not self._succeeds(lambda: self.goodbye(code)):
            return False
        with self.around.lock:
            self.around.record.goodbye(self.key, code, acknowledged=True)
            self.around.figures.goodbyes += 1
        return True

    @staticmethod
    def _succeeds(attempt: Callable[[], None]) -> bool:
        with contextlib.suppress(Refused, OSError):
            attempt()
            return True
        return False

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() > self.around.give_up_at

    def close(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    def begins(self, piece: Piece) -> None:
        with self.around.lock:
            self.around.figures.resends += piece.tried
            self._note("sent", piece)

    def arrived(self, piece: Piece) -> None:
        lines = piece.last - piece.first + 1
        if lines:
            with self.around.lock:
                self._note("acknowledged", piece)
                self.around.figures.messages += 1
                self.around.figures.lines += lines

    def _note(self, event: str, piece: Piece) -> None:
        if piece.last >= piece.first:
            self.around.record.piece(event, self.key, piece.source, piece.seq, piece.first, piece.last)

    def _call(self, body: bytes, fields: str = "") -> Any:
        """One call that may come to grief.

        Raises:
            Refused, OSError: it was not acknowledged
        """
        figures, chance, lock = self.around.figures, self.chance, self.around.lock
        mishap = chance.choice(MISHAPS) if chance.random() < self.around.mishap_share else ""
        if mishap:
            with lock:
                figures.mishaps[mishap] += 1
        if self._connection is None:
            self._connection = UnluckyConnection(chance.choice(self.around.urls), self._context, chance)
        seconds = chance.uniform(4, 12) if self.keeps_connection else chance.uniform(6, 15)
        seconds = min(seconds, self.killed_at - time.monotonic())
        connection = self._connection
        if not self.keeps_connection or chance.random() < 0.05:
            self._connection = None
        try:
            return connection.call_with(mishap, seconds, body, keep=self.keeps_connection, fields=fields)
        except Refused as refusal:
            with lock:
                figures.refused[refusal.kind] += 1
                if refusal.kind != "Unavailable" and len(figures.rejections) < 20:
                    figures.rejections.append(f"{self.key.vo}/{self.key.stamp}: {refusal.kind}: {refusal}")
            self.close()
            raise
        except OSError as error:
            with lock:
                figures.failed["cut on purpose" if mishap and str(error) == mishap else type(error).__name__] += 1
            self.close()
            raise
        finally:
            if connection is not self._connection:
                connection.close()


class StockSender(Sender, senders.StockSender):
    """The stock pilot does not read replies, so a refusal is a loss to it; half of these pilots are a little better, so
    that the collector meets whole buffers again after an outage."""

    def __init__(self, key: Key, around: Surroundings, chance: random.Random, first: int) -> None:
        super().__init__(key, around, chance, first)
        self._heeds_refusals = chance.random() < 0.5

    def flush(self, *, reply_lost: bool = False) -> None:
        try:
            super().flush(reply_lost=reply_lost)
        except Refused:
            if self._heeds_refusals:
                raise
            self._buffer = None


class NumberedSender(Sender, senders.NumberedSender):
    """Sends as the worker-node module does."""

    compresses = False

    def __init__(self, key: Key, around: Surroundings, chance: random.Random, first: int) -> None:
        super().__init__(key, around, chance, first, session=f"{chance.getrandbits(64):016x}")

    def skip(self) -> None:
        """Give the next batch up before it was ever sent, as a pilot does that has no room for it."""
        if self._batch is None and self._waiting:
            batch = self._next_batch()
            with self.around.lock:
                self._note("skipped", batch)


def insist(attempt: Callable[[], bool], sender: Sender) -> bool:
    """Try again until it works; False when time is over."""
    pause = 0.5
    while not attempt():
        if sender.out_of_time:
            return False
        time.sleep(sender.chance.uniform(0.5, 1.5) * pause)
        pause = min(2 * pause, 4.0)
    return True
