"""How a sender of ``appendLog`` sends."""

import random

from .senders import Sender, Surroundings
from .truth import Key
from .wire import Refused, body_of


class NumberedSender(Sender):
    """``appendLog``: the same batch again until it is acknowledged, over a connection that is kept."""

    keeps_connection = True

    def __init__(self, key: Key, around: Surroundings, chance: random.Random, first: int) -> None:
        super().__init__(key, around, chance)
        self._session = f"{chance.getrandbits(64):016x}"
        self._seq = 0
        self._waiting: list[tuple[int, str]] = []
        self._batch: tuple[int, int, str] | None = None
        self._tried = False

    def write(self, number: int, line: str) -> None:
        self._waiting.append((number, line))

    def skip(self) -> None:
        """Give the next batch up before it was ever sent, as a pilot does that has no room for it."""
        if self._batch is None and self._waiting:
            first, last, _ = self._next_batch()
            self.around.record.piece("skipped", self.key, self._session, self._seq, first, last)
            self._batch = None

    async def flush(self) -> bool:
        """Send one batch once; False when it has to be sent again."""
        if self._batch is None and not self._waiting:
            return True
        return await self._send(self._batch or self._next_batch(), {})

    async def goodbye(self, code: int) -> bool:
        """The last batch says it, with text or without."""
        if self._batch is None and self._waiting:
            self._next_batch()
        elif self._batch is None:
            self._seq += 1
            self._batch, self._tried = (0, -1, ""), False
        self.around.record.goodbye(self.key, code, acknowledged=False)
        if not await self._send(self._batch, {"final": {"retCode": str(code)}}):
            return False
        self.around.record.goodbye(self.key, code, acknowledged=True)
        self.around.figures.goodbyes += 1
        return True

    def _next_batch(self) -> tuple[int, int, str]:
        self._seq += 1
        numbers = [number for number, _ in self._waiting]
        self._batch = (numbers[0], numbers[-1], "".join(line for _, line in self._waiting))
        self._waiting, self._tried = [], False
        return self._batch

    async def _send(self, batch: tuple[int, int, str], more: dict) -> bool:
        first, last, text = batch
        figures, record = self.around.figures, self.around.record
        lines = last - first + 1
        piece = (self.key, self._session, self._seq, first, last)
        figures.resends += self._tried
        self._tried = True
        if lines:
            record.piece("sent", *piece)
        document = {
            "stamp": self.key.stamp,
            "vo": self.key.vo,
            "session": self._session,
            "seq": self._seq,
            "text": text,
        }
        try:
            await self._call(body_of("appendLog", document | more))
        except (Refused, OSError):
            return False
        if lines:
            record.piece("acknowledged", *piece)
            figures.messages += 1
            figures.lines += lines
        self._batch = None
        return True
