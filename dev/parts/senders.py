# SPDX-License-Identifier: GPL-3.0-only
"""The two ways in which a pilot's text reaches a collector. What befalls a sender on its way is for others to add."""

import gzip
import json
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .calls import Connection, form
from .failure import Failure


@dataclass
class Piece:
    """What is sent together.

    Attributes:
        source: the sender within the log: a session, or one buffer of a stock pilot
        seq: its number; stock pilots have none
        first, last: the numbers of what was written; a stock pilot's grow with each resend
        tried: it has been on its way before
    """

    source: str
    seq: int | None
    first: int
    last: int
    text: str
    tried: bool = False


class Sender:
    """What both share. All that reaches the collector is acknowledged, or raises Refused or OSError and has to be sent
    again."""

    keeps_connection = False

    def __init__(self, url: str, context: ssl.SSLContext, stamp: str, vo: str, first: int = 1) -> None:
        """Args:
        first: the number of what is written first
        """
        self._url, self._context = url, context
        self._stamp, self._vo = stamp, vo
        self._next = first
        self._connection: Connection | None = None

    def write(self, text: str) -> None:
        """Take text to be sent, under the next number."""
        raise NotImplementedError

    def flush(self, *, reply_lost: bool = False) -> None:
        """Send one piece, if there is one.

        Args:
            reply_lost: behave as if the reply had not arrived, so that it is sent again
        """
        raise NotImplementedError

    def goodbye(self, code: int) -> None:
        """Say goodbye."""
        raise NotImplementedError

    def send(self, text: str, *, reply_lost: bool = False) -> None:
        """Send this text."""
        self.write(text)
        self.flush(reply_lost=reply_lost)

    def finalise(self, text: str, code: int) -> None:
        """Send the last text and say goodbye."""
        self.send(text)
        self.goodbye(code)
        self.close()

    def close(self) -> None:
        """Leave without a word."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def begins(self, piece: Piece) -> None:
        """For those who watch: it is about to be sent."""

    def arrived(self, piece: Piece) -> None:
        """For those who watch: it was acknowledged."""

    def _call(self, body: bytes, fields: str = "") -> Any:
        if self._connection is None:
            self._connection = Connection(self._url, self._context)
        try:
            return self._connection.call(body, keep=self.keeps_connection, fields=fields)
        finally:
            if not self.keeps_connection:
                self._connection = None

    def _carry(self, piece: Piece, body: bytes, fields: str = "") -> Any:
        self.begins(piece)
        piece.tried = True
        answer = self._call(body, fields)
        self.arrived(piece)
        return answer


class StockSender(Sender):
    """As DIRACGrid/Pilot does it: a new connection for each call, and a JSON document in a string.

    The text stays in the buffer until a reply has come: after a lost one it is sent again with what was logged since.
    """

    def __init__(self, *where: Any, **more: Any) -> None:
        super().__init__(*where, **more)
        self._buffer: Piece | None = None

    def write(self, text: str) -> None:
        if self._buffer is None:
            self._buffer = Piece(f"buffer-{self._next}", None, self._next, self._next, text)
        else:
            self._buffer.last = self._next
            self._buffer.text += text
        self._next += 1

    def flush(self, *, reply_lost: bool = False) -> None:
        if self._buffer is not None:
            self._carry(self._buffer, form("sendMessage", json.dumps(self._buffer.text), self._stamp, self._vo))
            if not reply_lost:
                self._buffer = None

    def goodbye(self, code: int) -> None:
        self._call(form("finaliseLogs", json.dumps({"retCode": str(code)}), self._stamp, self._vo))


class NumberedSender(Sender):
    """``appendLog``: the same numbered batch again until it is acknowledged, over a connection that is kept."""

    keeps_connection = True
    compresses = True

    def __init__(self, *where: Any, about: Mapping[str, str] | None = None, session: str = "", **more: Any) -> None:
        """Args:
        about: the pilot's ``context``
        """
        super().__init__(*where, **more)
        self._session = session or uuid.uuid4().hex
        self._head = {"stamp": self._stamp, "vo": self._vo, "session": self._session}
        if about is not None:
            self._head["context"] = dict(about)
        self._seq = 0
        self._waiting: list[str] = []
        self._batch: Piece | None = None

    def write(self, text: str) -> None:
        self._waiting.append(text)
        self._next += 1

    def flush(self, *, reply_lost: bool = False) -> None:
        if self._batch is None and self._waiting:
            self._batch = self._next_batch()
        if self._batch is not None:
            self._append(self._batch, {})
            if not reply_lost:
                self._batch = None

    def send(self, text: str, *, reply_lost: bool = False) -> None:
        super().send(text, reply_lost=reply_lost)
        if reply_lost:
            self.flush()

    def finalise(self, text: str, code: int) -> None:
        if text:
            self.write(text)
        self.goodbye(code)
        self.close()

    def goodbye(self, code: int) -> None:
        """The last batch says it, with text or without."""
        if self._batch is None:
            self._batch = self._next_batch()
        self._append(self._batch, {"final": {"retCode": str(code)}})
        self._batch = None

    def _next_batch(self) -> Piece:
        self._seq += 1
        text, count = "".join(self._waiting), len(self._waiting)
        self._waiting = []
        return Piece(self._session, self._seq, self._next - count, self._next - 1, text)

    def _append(self, batch: Piece, more: Mapping[str, Any]) -> None:
        body = form("appendLog", {**self._head, "seq": batch.seq, "text": batch.text, **more})
        if self.compresses:
            answer = self._carry(batch, gzip.compress(body), "Content-Encoding: gzip\r\n")
        else:
            answer = self._carry(batch, body)
        if answer["nextSeq"] != self._seq + 1:
            raise Failure(f"the collector expects batch {answer['nextSeq']} next, the pilot batch {self._seq + 1}")
