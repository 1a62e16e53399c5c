"""Once, in order, no hidden gap: what of a message is new, decided from what the log has seen so far.

The memory of one log is a small JSON document in its row (column ``Numbering``), read and written in the transaction
that stores the text, so that it holds across collectors, restarts and the expiry of the text itself.

A *numbered* message (session, seq) is new unless its number was stored before. A message of a *stock* pilot has no
number. Such a pilot keeps its buffer when a send fails, also when only the reply was lost, and sends it again with
whatever was logged since: so a message that begins with all of a recent one is that one again, and only what stands
behind is new. What is honest and happens to be alike differs in its time stamps; text without any time stamp is taken
for a repeat only if it has more than one line or 64 bytes (a progress line that is printed again is not a repeat).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from ..errors import Rejected

MAX_SESSIONS = 64
"""Sessions a log may have; a pilot has one a process."""
MAX_MISSING = 256
"""Gaps a session may have at one time."""
REMEMBERED = 8
"""Stock messages that are remembered: a pilot has one buffer for each of its commands, and few are alive at once."""

_TIME_STAMP = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.,][0-9]")


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
    recent: list[tuple[int, str]] = field(default_factory=list)  # stock messages: size and digest, latest last

    @classmethod
    def load(cls, document: str) -> Numbering:
        if not document:
            return cls()
        stored: dict[str, Any] = json.loads(document)
        return cls(
            {name: _Session(*state) for name, state in stored.get("s", {}).items()},
            [(size, digest) for size, digest in stored.get("r", [])],
        )

    def dump(self) -> str:
        stored: dict[str, Any] = {}
        if self.sessions:
            stored["s"] = {
                name: [state.next_seq, state.missing, state.had_zero] for name, state in self.sessions.items()
            }
        if self.recent:
            stored["r"] = self.recent
        return json.dumps(stored, separators=(",", ":"))

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

    def unrepeated(self, data: bytes) -> bytes:
        """Note a stock message and give what of it is new: all, its end, or nothing."""
        known = sorted(entry for entry in self.recent if self._begins_with(data, *entry))
        sent_before = known[-1][0] if known else 0
        if data:
            # Of what it repeats only the shortest and the longest stay: a buffer whose replies are lost again and
            # again must not push out what other buffers sent.
            others = [entry for entry in self.recent if entry not in known]
            entries = dict.fromkeys([*others, *known[:1], *known[-1:], (len(data), _digest(data))])
            self.recent = list(entries)[-REMEMBERED:]
        return data[sent_before:]

    @staticmethod
    def _begins_with(data: bytes, size: int, digest: str) -> bool:
        if size > len(data):
            return False
        beginning = data[:size]
        telling = size >= 64 or beginning.count(b"\n") > 1 or _TIME_STAMP.search(beginning) is not None
        return telling and _digest(beginning) == digest


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()
