# SPDX-License-Identifier: GPL-3.0-only
"""The lives of the pilots: what each writes, how it ends, and what it does after its end."""

import contextlib
import math
import random
import time
from dataclasses import dataclass

from . import lines
from .senders import NumberedSender, Sender, StockSender, Surroundings, insist
from .truth import Key

_LONG_LINES = (3_000, 9_000)
_BIG_MESSAGE_BYTES = 2**20
_BIG_LINE = 4_000
_HANGS = 0.01


@dataclass(frozen=True)
class Life:
    """What becomes of one pilot; drawn before it begins.

    Attributes:
        stock: sends as DIRAC's own pilot does
        seconds: until its end
        interval: between two messages, on average
        end: ``goodbye``, ``killed`` (without a word) or ``empty`` (a goodbye and no line)
        afterwards: ``late lines``, ``second goodbye``, or nothing
        pause: before that, in seconds
    """

    key: Key
    stock: bool
    seconds: float
    interval: float
    end: str
    afterwards: str
    pause: float
    big: bool
    code: int


def draw(key: Key, chance: random.Random, longest: float, interval: float) -> Life:
    """A life of up to ``longest`` seconds; the shorter ones are more."""
    shortest = min(4.0, longest)
    return Life(
        key=key,
        stock=chance.random() < 0.5,
        seconds=math.exp(chance.uniform(math.log(shortest), math.log(longest))),
        interval=interval,
        end=chance.choices(("goodbye", "killed", "empty"), (75, 22, 3))[0],
        afterwards=chance.choices(("", "late lines", "second goodbye"), (60, 25, 15))[0],
        pause=chance.uniform(0, 45),
        big=chance.random() < 0.03,
        code=chance.choice((0, 0, 0, 1, 64)),
    )


class _Killed(Exception):
    """The pilot is gone in the middle of what it did."""


class Pilot:
    """One pilot, or what goes on in its name after its end."""

    def __init__(self, life: Life, around: Surroundings, chance: random.Random) -> None:
        self._life, self._around, self._chance = life, around, chance
        self._number = 0
        self._killed_at = math.inf

    def live(self, until: float) -> None:
        """Live until its own end, or until ``until`` by :func:`time.monotonic`."""
        life, end = self._life, min(time.monotonic() + self._life.seconds, until)
        self._killed_at = end if life.end == "killed" else math.inf
        sender = self._sender()
        try:
            if life.end == "killed":
                with contextlib.suppress(_Killed):
                    self._write_until(sender, math.inf)
                return
            if life.end == "goodbye":
                sender = self._write_until(sender, end)
                if not insist(sender.try_to_flush, sender):
                    return
                if not life.stock:
                    self._write(sender, 1)
            insist(lambda: sender.try_goodbye(life.code), sender)
        finally:
            sender.close()
        self._afterwards(until)

    def _write_until(self, sender: Sender, end: float) -> Sender:
        life, chance = self._life, self._chance
        self._rest(chance.uniform(0, min(life.interval, 2)))
        while True:
            self._write(sender, chance.choice((1, 1, 2, 3, 5, 8, 13, 30)))
            if life.big and chance.random() < 0.1:
                self._write(sender, _BIG_MESSAGE_BYTES // _BIG_LINE, _BIG_LINE)
            sender.try_to_flush()
            sender = self._disturb(sender)
            pause = max(1.0, life.interval * chance.uniform(0.4, 1.6))
            if chance.random() < _HANGS:
                pause = chance.uniform(20, 45)  # its log is closed as silent meanwhile, and opened again
            if time.monotonic() + pause > end:
                self._rest(max(0.0, end - time.monotonic()))
                return sender
            self._rest(pause)

    def _rest(self, seconds: float) -> None:
        left = self._killed_at - time.monotonic()
        time.sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise _Killed

    def _disturb(self, sender: Sender) -> Sender:
        """Now and then a pilot turns to another collector, gives a batch up, or begins a new session."""
        chance = self._chance
        if chance.random() < 0.1:
            sender.close()  # the next call chooses one
        if isinstance(sender, NumberedSender):
            if chance.random() < 0.02:
                self._write(sender, 2)
                sender.skip()
            if chance.random() < 0.02:
                sender.close()
                return self._sender()
        return sender

    def _afterwards(self, until: float) -> None:
        life, chance = self._life, self._chance
        if not life.afterwards or time.monotonic() + life.pause > until:
            return
        self._rest(life.pause)
        sender = self._sender()
        try:
            if life.afterwards == "second goodbye":
                insist(lambda: sender.try_goodbye(life.code), sender)
                return
            for _ in range(chance.choice((1, 1, 2, 3))):
                self._write(sender, chance.choice((1, 2, 5)))
                if not insist(sender.try_to_flush, sender):
                    return
                self._rest(chance.uniform(1, 4))
        finally:
            sender.close()

    def _sender(self) -> StockSender | NumberedSender:
        kind = StockSender if self._life.stock else NumberedSender
        sender = kind(self._life.key, self._around, self._chance, self._number + 1)
        sender.killed_at = self._killed_at
        return sender

    def _write(self, sender: Sender, count: int, size: int = 0) -> None:
        for _ in range(count):
            self._number += 1
            length = size or (
                self._chance.randrange(*_LONG_LINES) if self._chance.random() < 0.02 else self._chance.randrange(5, 120)
            )
            sender.write(lines.write(*self._life.key, self._number, self._chance, length))
