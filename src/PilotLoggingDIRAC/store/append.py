# SPDX-License-Identifier: GPL-3.0-only
"""The transaction that stores text: many messages of many logs at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import Connection, bindparam, select

from ..errors import PilotLoggingError, Rejected, Unavailable
from ..model import FACTS, Append, Appended, LogKey, LogState
from . import erasure, truncation
from .engine import insert_if_absent
from .look_through import Stored
from .numbering import Numbering
from .prepared import Prepared, PutOff, TimeLeft
from .schema import chunks, logs

_STATEMENT_KEYS = 400
"""Logs named in one statement: SQLite of old takes 999 variables."""

_ROW = (
    logs.c.LogID,
    logs.c.VO,
    logs.c.Stamp,
    logs.c.State,
    logs.c.Finalised,
    logs.c.ExitCode,
    logs.c.Lines,
    logs.c.Bytes,
    logs.c.Warnings,
    logs.c.Errors,
    *(logs.c[fact.column] for fact in FACTS),
    logs.c.Truncated,
    logs.c.LastChunkID,
    logs.c.ExpiredChunkID,
    logs.c.ExpiredBytes,
    logs.c.Numbering,
)
_NAMES = tuple(column.name for column in _ROW)
_UNCHANGED = ("LogID", "VO", "Stamp", "ExpiredChunkID", "ExpiredBytes")
_OFTEN = ("Lines", "Bytes", "LastChunkID", "LastArrival", "Numbering")
"""What every message changes. The others stand in indices, or seldom change, and are left alone where they have not."""
_SELDOM = [name for name in _NAMES if name not in (*_UNCHANGED, *_OFTEN)]
_ALL = (*_OFTEN, *_SELDOM)
# Built once: building a statement takes longer than running it.
_SELECT_LOGS = (
    select(*_ROW)
    .where(logs.c.VO == bindparam("vo"), logs.c.Stamp.in_(bindparam("stamps", expanding=True)))
    .with_for_update()
)
_UPDATE = logs.update().where(logs.c.LogID == bindparam("_id"))
_UPDATE_OFTEN = _UPDATE.values({name: bindparam(name) for name in _OFTEN})
_UPDATE_ALL = _UPDATE.values({name: bindparam(name) for name in _ALL})
_INSERT_CHUNK = chunks.insert()
_DELETE_LOG = logs.delete().where(logs.c.LogID == bindparam("_id"))
_SELECT_DATA = select(chunks.c.Data).where(
    chunks.c.LogID == bindparam("log_id"), chunks.c.ChunkID == bindparam("chunk_id")
)


@dataclass(slots=True)
class _Log:
    """One log while the transaction runs: its row, what it has seen, and its new chunks."""

    connection: Connection
    row: dict[str, Any]
    numbering: Numbering
    time_left: TimeLeft
    new_chunks: list[dict[str, Any]] = field(default_factory=list)
    begun: bool = False
    changed: bool = False
    put_off: bool = False
    max_size: int = 0
    seldom: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.seldom = self._seldom()

    def _seldom(self) -> list[Any]:
        return [self.row[name] for name in _SELDOM]

    @property
    def is_blank(self) -> bool:
        """Whether nobody has ever stored anything of it: of this transaction's messages, and before."""
        return not (self.changed or self.row["LastChunkID"] or self.row["Numbering"] or self.row["Finalised"])

    @property
    def changed_much(self) -> bool:
        """Whether more has changed than what every message changes."""
        return self._seldom() != self.seldom

    def note(self, prepared: Prepared, now: datetime) -> Appended:
        """Take in one message.

        Raises:
            Rejected: Its numbers are not an honest sender's.
            PutOff: Its text, or that of one before it, has to be looked through first; nothing has changed.
        """
        if self.put_off:
            raise PutOff  # what came first is stored first
        row, append = self.row, prepared.append
        try:
            new = self._new_of(prepared) if append.session is None else self._numbered(prepared)
        except PutOff:
            self.put_off = True
            raise
        self.changed = True
        self.max_size = append.rules.max_log_size
        row.update(append.context)
        row["LastArrival"] = now
        if append.final is not None:
            row["Finalised"] = row["Finalised"] or now
            if append.final.exit_code is not None:
                row["ExitCode"] = append.final.exit_code
        if new:
            self._store(append, new, now)
        # New text for a closed log opens it again; a pilot that said goodbye stays one that did.
        if new or row["State"] in (LogState.OPEN, LogState.SILENT):
            row["State"] = LogState.COMPLETE if row["Finalised"] else LogState.OPEN
        left_out = new.left_out if new else 0
        if append.session is None:
            return Appended(None, bool(append.data) and not new, left_out)
        return Appended(self.numbering.next_seq(append.session), not new, left_out)

    def values_of(self, names: Sequence[str]) -> dict[str, Any]:
        """What these columns of the row are to have."""
        row = self.row
        return {"_id": row["LogID"], **{name: row[name] for name in names}, "Numbering": self.numbering.dump()}

    def _numbered(self, prepared: Prepared) -> Stored | None:
        """What is to be stored of a message with a number; None where that number was stored before."""
        append = prepared.append
        assert append.session is not None
        assert append.seq is not None
        carry = self._carry_before(append)
        if stored := prepared.get(0, carry):
            return stored if self.numbering.is_new(append.session, append.seq) else None
        before = self.numbering.dump()
        if not self.numbering.is_new(append.session, append.seq):
            return None
        try:
            return prepared.within(0, carry, self.time_left)
        except PutOff:
            self.numbering = Numbering.load(before)
            raise

    def _new_of(self, prepared: Prepared) -> Stored | None:
        """What is to be stored of a stock pilot's message; None where all of it was stored before."""
        deduplication = self.numbering.deduplication
        before = deduplication.recent
        try:
            new = self._strip_known(prepared)
            if not new:
                return None
            start = len(prepared.append.data) - len(new)
            return prepared.within(start, self._carry_before(prepared.append), self.time_left)
        except PutOff:
            deduplication.recent = before
            raise

    def _carry_before(self, append: Append) -> str:
        return "" if append.rules.redactor is None else self.numbering.carry_of(append.session, append.seq)

    def _strip_known(self, prepared: Prepared) -> bytes:
        data = prepared.append.data

        def begins_with(chunk_id: int, text: bytes) -> bool:
            stored = self._text_of(chunk_id)
            sent = prepared.within(len(data) - len(text), "", self.time_left)
            if sent.left_out:
                return False  # nobody knows, and nothing may be lost
            if stored.startswith(sent.text):
                return True
            # What was erased must not come back because it is not recognised any more.
            erased = erasure.ranges_of_chunk(erasure.load(self.connection, self.row["LogID"]), chunk_id)
            return bool(erased) and stored.startswith(erasure.mask(sent.text, erased))

        return self.numbering.deduplication.strip_known(data, self.row["LastChunkID"] + 1, begins_with)

    def _text_of(self, chunk_id: int) -> bytes:
        """The text of a chunk; nothing where it is not in the database any more, or damaged."""
        for chunk in self.new_chunks:
            if chunk["ChunkID"] == chunk_id:
                return zstandard.decompress(chunk["Data"])
        key = {"log_id": self.row["LogID"], "chunk_id": chunk_id}
        data = self.connection.execute(_SELECT_DATA, key).scalar()
        try:
            return b"" if data is None else zstandard.decompress(data)
        except zstandard.ZstdError:
            return b""

    def _store(self, append: Append, new: Stored, now: datetime) -> None:
        row, counts = self.row, new.counts
        if append.rules.redactor is not None:
            self.numbering.keep_carry(append.session, append.seq, new.carry)
        row["LastChunkID"] += 1
        row["Lines"] += counts.lines
        row["Bytes"] += len(new.text)
        row["Warnings"] += counts.warnings
        row["Errors"] += counts.errors
        self.new_chunks.append(
            {
                "LogID": row["LogID"],
                "ChunkID": row["LastChunkID"],
                "Session": append.session,
                "Seq": append.seq,
                "Arrival": now,
                "Lines": counts.lines,
                "RawBytes": len(new.text),
                "Data": new.data,
            }
        )


def append_all(connection: Connection, appends: Sequence[Append], now: datetime) -> list[Appended | PilotLoggingError]:
    """Store messages, in order, within the caller's transaction, which takes as long as their texts need.

    As :func:`append_prepared`, but nothing is put off.
    """
    prepared = [Prepared(append, tries=0) for append in appends]
    for each in prepared:
        while not each.go_on():
            pass
    answers = append_prepared(connection, prepared, now)
    return [answer for answer in answers if not isinstance(answer, PutOff)]


def append_prepared(
    connection: Connection, messages: Sequence[Prepared], now: datetime
) -> list[Appended | PilotLoggingError | PutOff]:
    """Store messages, in order, within the caller's transaction.

    A message that cannot be taken is answered with its error and leaves nothing behind; the others are not touched by
    it: Rejected for numbers that are not an honest sender's, Unavailable where its VO may open no more logs. PutOff
    stands for one that has to come again, as have those behind it in the same log.

    Args:
        connection: In a writing transaction of :class:`~.engine.Database`.
        messages: Any number of messages of any logs.
        now: Arrival time, by the database's clock.
    """
    known = _locked_rows(connection, [message.append for message in messages], now)
    answers: list[Appended | PilotLoggingError | PutOff] = []
    for message in messages:
        append = message.append
        log = known.get(append.key)
        try:
            answers.append(_refusal(append, log) or log.note(message, now) if log else _no_new_log(append))
        except (Rejected, PutOff) as refusal:
            answers.append(refusal)
    if new_chunks := [chunk for log in known.values() for chunk in log.new_chunks]:
        connection.execute(_INSERT_CHUNK, new_chunks)
    if unused := [{"_id": log.row["LogID"]} for log in known.values() if log.begun and log.is_blank]:
        connection.execute(_DELETE_LOG, unused)
    changed = [log for log in known.values() if log.changed]
    for log in changed:
        if truncation.is_due(log.row, log.max_size):
            truncation.shorten(connection, log.row, log.max_size)
    little: list[dict[str, Any]] = []
    much: list[dict[str, Any]] = []
    for log in changed:
        if log.changed_much:
            much.append(log.values_of(_ALL))
        else:
            little.append(log.values_of(_OFTEN))
    for statement, rows in ((_UPDATE_OFTEN, little), (_UPDATE_ALL, much)):
        if rows:
            connection.execute(statement, rows)
    return answers


def _refusal(append: Append, log: _Log) -> Unavailable | None:
    """A numbered goodbye has a row of its own: where there is no room, a log gets one and no more."""
    return append.rules.no_room if append.session is not None and log.row["Finalised"] else None


def _no_new_log(append: Append) -> Unavailable:
    return append.rules.no_room or Unavailable(
        f"VO {append.key.vo} has as many open logs as it may have (MaxOpenLogs): a new one has to wait until others "
        "are closed.",
        reason="open logs",
    )


def _locked_rows(connection: Connection, appends: Sequence[Append], now: datetime) -> dict[LogKey, _Log]:
    """The rows of their logs, made where they are missing and may be made, and locked until the transaction ends.

    Rows are inserted and locked in the order of their keys, so that two collectors with the same logs seldom lock each
    other out; where they do, the database ends one transaction and :mod:`.writer` runs it again.
    """
    time_left = TimeLeft()
    found = _select_rows(connection, {append.key for append in appends}, time_left)
    may_begin = {append.key for append in appends if append.rules.may_open and append.rules.no_room is None}
    if missing := sorted(may_begin - found.keys()):
        connection.execute(
            insert_if_absent(connection, logs),
            [
                {"VO": key.vo, "Stamp": key.stamp, "State": LogState.OPEN, "FirstArrival": now, "LastArrival": now}
                for key in missing
            ],
        )
        begun = _select_rows(connection, missing, time_left)
        for log in begun.values():
            log.begun = True
        found |= begun
    return found


def _select_rows(connection: Connection, keys: Iterable[LogKey], time_left: TimeLeft) -> dict[LogKey, _Log]:
    # A statement for each VO: with pairs of VO and stamp, SQLite reads the whole index.
    stamps: dict[str, list[str]] = {}
    for key in sorted(keys):
        stamps.setdefault(key.vo, []).append(key.stamp)
    found = {}
    for vo, of_vo in stamps.items():
        for start in range(0, len(of_vo), _STATEMENT_KEYS):
            part = of_vo[start : start + _STATEMENT_KEYS]
            for row in connection.execute(_SELECT_LOGS, {"vo": vo, "stamps": part}).all():
                values = dict(zip(_NAMES, row, strict=True))
                found[LogKey(vo, values["Stamp"])] = _Log(
                    connection, values, Numbering.load(values["Numbering"]), time_left
                )
    return found
