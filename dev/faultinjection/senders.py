"""How pilots bring their lines to a collector: as DIRAC's own pilot does, and with numbered batches."""

import asyncio
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .truth import Key, Record
from .wire import MISHAPS, Connection, Refused


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
    """

    urls: Sequence[str]
    contexts: dict[str, ssl.SSLContext]
    mishap_share: float
    give_up_at: float
    record: Record
    figures: Figures


class Sender:
    """What both kinds share: calls, their time-outs, and another collector after a failure."""

    keeps_connection = False

    def __init__(self, key: Key, around: Surroundings, chance: random.Random) -> None:
        self.key, self.around, self.chance = key, around, chance
        self._connection: Connection | None = None

    async def goodbye(self, code: int) -> bool:
        """Say goodbye once; False when it was not acknowledged."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave without a word."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() > self.around.give_up_at

    def move(self) -> None:
        """Turn to a collector at random."""
        self.close()

    async def _call(self, body: bytes) -> None:
        """One call that may come to grief.

        Raises:
            Refused, OSError: it was not acknowledged
        """
        figures, chance = self.around.figures, self.chance
        mishap = chance.choice(MISHAPS) if chance.random() < self.around.mishap_share else ""
        if mishap:
            figures.mishaps[mishap] += 1
        if self._connection is None:
            self._connection = Connection(chance.choice(self.around.urls), self.around.contexts[self.key.vo])
        seconds = chance.uniform(4, 12) if self.keeps_connection else chance.uniform(6, 15)
        connection = self._connection
        if not self.keeps_connection or chance.random() < 0.05:
            self._connection = None
        try:
            await connection.call(body, keep=self.keeps_connection, seconds=seconds, mishap=mishap, chance=chance)
        except Refused as refusal:
            figures.refused[refusal.kind] += 1
            if refusal.kind != "Unavailable" and len(figures.rejections) < 20:
                figures.rejections.append(f"{self.key.vo}/{self.key.stamp}: {refusal.kind}: {refusal}")
            self.close()
            raise
        except OSError as error:
            figures.failed["cut on purpose" if mishap and str(error) == mishap else type(error).__name__] += 1
            connection.abort()
            self.close()
            raise
        finally:
            if connection is not self._connection:
                connection.close()


async def insist(attempt: Callable, sender: Sender) -> bool:
    """Try again until it works; False when time is over."""
    pause = 0.5
    while not await attempt():
        if sender.out_of_time:
            return False
        await asyncio.sleep(sender.chance.uniform(0.5, 1.5) * pause)
        pause = min(2 * pause, 4.0)
    return True
