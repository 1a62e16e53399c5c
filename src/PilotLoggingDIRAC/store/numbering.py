# SPDX-License-Identifier: GPL-3.0-only
"""Once, in order, no hidden gap: what of a message is new, decided from what the log has seen so far.

The memory of one log is a small JSON document in its row (column ``Numbering``), read and written in the transaction
that stores the text, so that it holds across collectors, restarts and the expiry of the text itself.

A *numbered* message (session, seq) is new unless its number was stored before. What a stock pilot sends has no number:
:mod:`.deduplication`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from ..errors import Rejected
from .deduplication import Deduplication

MAX_SESSIONS = 64
"""Sessions a log may have; a pilot has one a process."""
MAX_MISSING = 256
"""Gaps a session may have at one time."""
MAX_CARRIES = 8
"""Messages without a line end whose successors have not come."""


@dataclass(slots=True)
class _Session:
    """``missing`` holds pairs [first, last], ascending. Number 0 is apart: it is never missed, and taken once."""

    next_seq: int
    missing: list[list[int]]
    had_zero: bool


@dataclass(slots=True)
class Numbering:
    """The memory of one log. Mutable: it lives for one transaction."""

    sessions: dict[str, _Session] = field(default_factory=dict)
    deduplication: Deduplication = field(default_factory=Deduplication)
    carries: dict[str, str] = field(default_factory=dict)  # what messages left for the redaction of the next ones

    @classmethod
    def load(cls, document: str) -> Numbering:
        if not document:
            return cls()
        stored: dict[str, Any] = orjson.loads(document)
        return cls(
            {name: _Session(*state) for name, state in stored.get("s", {}).items()},
            Deduplication.load(stored.get("r", [])),
            stored.get("c", {}),
        )

    def dump(self) -> str:
        stored: dict[str, Any] = {}
        if self.sessions:
            stored["s"] = {
                name: [state.next_seq, state.missing, state.had_zero] for name, state in self.sessions.items()
            }
        if recent := self.deduplication.dump():
            stored["r"] = recent
        if self.carries:
            stored["c"] = self.carries
        return orjson.dumps(stored).decode()

    def next_seq(self, session: str) -> int:
        """One more than the highest number of the session; 1 before the first."""
        state = self.sessions.get(session)
        return state.next_seq if state else 1

    def is_new(self, session: str, seq: int) -> bool:
        """Note a numbered message; False when its number was noted before.

        Raises:
            Rejected: The log has too many sessions, or the session too many gaps, to be an honest one.
        """
        state = self.sessions.get(session)
        if state is None:
            if len(self.sessions) >= MAX_SESSIONS:
                raise Rejected(f"The log has {MAX_SESSIONS} sessions already, more than any pilot has processes.")
            # Numbers begin at 1, but a sender may begin at 0.
            self.sessions[session] = _Session(seq + 1, [[1, seq - 1]] if seq > 1 else [], seq == 0)
            return True
        if seq == 0:
            new, state.had_zero = not state.had_zero, True
            return new
        if seq >= state.next_seq:
            if seq > state.next_seq:
                self._leave_room(state)
                state.missing.append([state.next_seq, seq - 1])
            state.next_seq = seq + 1
            return True
        return self._fills_gap(state, seq)

    @staticmethod
    def _leave_room(state: _Session) -> None:
        """For one more gap.

        Raises:
            Rejected: There are too many.
        """
        if len(state.missing) >= MAX_MISSING:
            raise Rejected(f"The session misses messages in {MAX_MISSING} places already: send in order.")

    def _fills_gap(self, state: _Session, seq: int) -> bool:
        for index, (first, last) in enumerate(state.missing):
            if first <= seq <= last:
                rest = [piece for piece in ([first, seq - 1], [seq + 1, last]) if piece[0] <= piece[1]]
                if len(rest) > 1:
                    self._leave_room(state)
                state.missing[index : index + 1] = rest
                return True
        return False

    def carry_of(self, session: str | None, seq: int | None) -> str:
        """What the message before this one left for its redaction; empty where that has not come, or left nothing."""
        return self.carries.get(_place(session, seq), "")

    def keep_carry(self, session: str | None, seq: int | None, carry: str) -> None:
        """This message was stored: keep what it leaves for the redaction of the next one, in the place of its own."""
        self.carries.pop(_place(session, seq), None)
        if carry:
            self.carries[_place(session, None if seq is None else seq + 1)] = carry
            self.carries = dict(list(self.carries.items())[-MAX_CARRIES:])

    @property
    def missing(self) -> dict[str, list[list[int]]]:
        """For each session the numbers that have not come: pairs of first and last, ascending."""
        return {name: state.missing for name, state in self.sessions.items() if state.missing}


def _place(session: str | None, seq: int | None) -> str:
    """Names a message's place in its log; a stock pilot's messages follow each other as they come."""
    return "" if session is None else f"{session} {seq}"
