"""The transaction that stores text: many messages of many logs at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import Connection, bindparam, select

from ..errors import Rejected
from ..ingest.text import counted
from ..model import Append, Appended, LogKey, LogState
from .engine import insert_if_absent
from .numbering import Numbering
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
    logs.c.Site,
    logs.c.CE,
    logs.c.Queue,
    logs.c.Host,
    logs.c.PilotReference,
    logs.c.PilotVersion,
    logs.c.LastChunkID,
    logs.c.Numbering,
)
_NAMES = tuple(column.name for column in _ROW)
_CHANGED = [name for name in _NAMES if name not in ("LogID", "VO", "Stamp")] + ["LastArrival"]
# Built once: building a statement takes longer than running it.
_SELECT_LOGS = (
    select(*_ROW)
    .where(logs.c.VO == bindparam("vo"), logs.c.Stamp.in_(bindparam("stamps", expanding=True)))
    .with_for_update()
)
_UPDATE_LOG = logs.update().where(logs.c.LogID == bindparam("_id")).values({name: bindparam(name) for name in _CHANGED})
_INSERT_CHUNK = chunks.insert()


class _Compression(threading.local):
    """A compressor for each thread: one must not be used by two at once."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3, write_content_size=True).compress


_compression = _Compression()


@dataclass(slots=True)
class _Log:
    """One log while the transaction runs: its row, and what it has seen."""

    row: dict[str, Any]
    numbering: Numbering
    changed: bool = False

    def note(self, append: Append, now: datetime) -> tuple[Appended, dict[str, Any] | None]:
        """Take in one message; gives the answer, and the chunk to store if any of it is new."""
        row = self.row
        if append.session is None:
            data = self.numbering.unrepeated(append.data)
            fresh = bool(data)
            answer = Appended(None, repeated=bool(append.data) and not data)
        else:
            assert append.seq is not None
            data = append.data
            fresh = self.numbering.is_new(append.session, append.seq)
            answer = Appended(self.numbering.next_seq(append.session), repeated=not fresh)
        self.changed = True
        row.update(append.context)
        row["LastArrival"] = now
        if append.final is not None:
            row["Finalised"] = row["Finalised"] or now
            if append.final.exit_code is not None:
                row["ExitCode"] = append.final.exit_code
        chunk = self._chunk(append, data, now) if fresh else None
        # New text for a closed log opens it again; a pilot that said goodbye stays one that did.
        if fresh or row["State"] in (LogState.OPEN, LogState.SILENT):
            row["State"] = LogState.COMPLETE if row["Finalised"] else LogState.OPEN
        return answer, chunk

    def _chunk(self, append: Append, data: bytes, now: datetime) -> dict[str, Any]:
        row, counts = self.row, counted(data)
        row["LastChunkID"] += 1
        row["Lines"] += counts.lines
        row["Bytes"] += len(data)
        row["Warnings"] += counts.warnings
        row["Errors"] += counts.errors
        return {
            "LogID": row["LogID"],
            "ChunkID": row["LastChunkID"],
            "Session": append.session,
            "Seq": append.seq,
            "Arrival": now,
            "Lines": counts.lines,
            "RawBytes": len(data),
            "Data": _compression.compress(data),
        }


def append_all(connection: Connection, appends: Sequence[Append], now: datetime) -> list[Appended | Rejected]:
    """Store messages, in order, within the caller's transaction.

    A message that cannot be taken is answered with its :class:`~..errors.Rejected` and leaves nothing behind;
    the others are not touched by it.

    Args:
        connection: In a writing transaction of :class:`~.engine.Database`.
        appends: Any number of messages of any logs.
        now: Arrival time, by the database's clock.
    """
    known = _locked_rows(connection, {append.key for append in appends}, now)
    answers: list[Appended | Rejected] = []
    new_chunks = []
    for append in appends:
        try:
            answer, chunk = known[append.key].note(append, now)
        except Rejected as refusal:
            answers.append(refusal)
            continue
        answers.append(answer)
        if chunk is not None:
            new_chunks.append(chunk)
    if new_chunks:
        connection.execute(_INSERT_CHUNK, new_chunks)
    changed = [log for log in known.values() if log.changed]
    if changed:
        connection.execute(
            _UPDATE_LOG,
            [
                {"_id": log.row["LogID"], **{n: log.row[n] for n in _CHANGED}, "Numbering": log.numbering.dump()}
                for log in changed
            ],
        )
    return answers


def _locked_rows(connection: Connection, keys: set[LogKey], now: datetime) -> dict[LogKey, _Log]:
    """The rows of these logs, made where they are missing, and locked until the transaction ends.

    Rows are inserted and locked in the order of their keys, so that two collectors with the same logs seldom lock each
    other out; where they do, the database ends one transaction and :mod:`.writer` runs it again.
    """
    found = _select_rows(connection, keys)
    if missing := sorted(keys - found.keys()):
        connection.execute(
            insert_if_absent(connection, logs),
            [
                {"VO": key.vo, "Stamp": key.stamp, "State": LogState.OPEN, "FirstArrival": now, "LastArrival": now}
                for key in missing
            ],
        )
        found |= _select_rows(connection, missing)
    return found


def _select_rows(connection: Connection, keys: Iterable[LogKey]) -> dict[LogKey, _Log]:
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
                found[LogKey(vo, values["Stamp"])] = _Log(values, Numbering.load(values["Numbering"]))
    return found
