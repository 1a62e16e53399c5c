"""How DIRAC's own pilot sends."""

import json
import random

from .senders import Sender, Surroundings
from .truth import Key
from .wire import Refused, body_of


class StockSender(Sender):
    """A ``RemoteLogger``: its buffer stays as it is when a send fails, and goes again with what was written since.

    The stock pilot does not read replies, so a refusal is a loss to it (``heeds_refusals`` is False); half of these
    pilots are a little better, so that the collector meets whole buffers again after an outage.
    """

    def __init__(self, key: Key, around: Surroundings, chance: random.Random, first: int) -> None:
        super().__init__(key, around, chance)
        self._heeds_refusals = chance.random() < 0.5
        self._new_buffer(first)

    def _new_buffer(self, first: int) -> None:
        self._first, self._text, self._tried, self._last = first, [], False, first - 1

    def write(self, number: int, line: str) -> None:
        self._text.append(line)
        self._last = number

    async def flush(self) -> bool:
        """Send the buffer once; False when it has to be sent again."""
        if not self._text:
            return True
        figures, record = self.around.figures, self.around.record
        piece = (self.key, f"buffer-{self._first}", None, self._first, self._last)
        figures.resends += self._tried
        self._tried = True
        record.piece("sent", *piece)
        lines = len(self._text)
        try:
            await self._call(body_of("sendMessage", json.dumps("".join(self._text)), self.key.stamp, self.key.vo))
        except Refused:
            if self._heeds_refusals:
                return False
        except OSError:
            return False
        else:
            record.piece("acknowledged", *piece)
            figures.messages += 1
            figures.lines += lines
        self._new_buffer(self._last + 1)
        return True

    async def goodbye(self, code: int) -> bool:
        self.around.record.goodbye(self.key, code, acknowledged=False)
        try:
            await self._call(body_of("finaliseLogs", json.dumps({"retCode": str(code)}), self.key.stamp, self.key.vo))
        except (Refused, OSError):
            return False
        self.around.record.goodbye(self.key, code, acknowledged=True)
        self.around.figures.goodbyes += 1
        return True
