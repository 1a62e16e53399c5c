# SPDX-License-Identifier: GPL-3.0-only
"""What must hold after any faults: what pilots know against what readers, the archive and the database give.

Functions of their arguments only. They are tested with what they must find, in ``tests/faults``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from . import lines
from .stored import Gap, Row, Stored
from .truth import Key, Log, Piece

KINDS = ("lost", "doubled", "misplaced", "leaked", "torn", "gap", "unarchived", "orphan", "wrong figures")
_SHOWN = 160


class Finding(NamedTuple):
    """Something that must not be.

    Attributes:
        kind: one of KINDS
    """

    kind: str
    key: Key | None
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {'/'.join(self.key) + ': ' if self.key else ''}{self.what}"


@dataclass
class _Known:
    """Lines of one log by their numbers."""

    pieces: dict[int, Piece] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, log: Log) -> "_Known":
        known = cls()
        for piece in log.pieces:
            known.pieces.update(dict.fromkeys(range(piece.first, piece.last + 1), piece))
            if piece.acknowledged:
                known.acknowledged.update(range(piece.first, piece.acknowledged + 1))
        return known


def check_log(log: Log, stored: Stored) -> Iterator[Finding]:
    """All that can be wrong with one log that a pilot has sent something of."""
    key = log.key
    if stored.text is None:
        if log.acknowledged_anything or stored.row is not None:
            yield Finding("lost", key, f"it cannot be read: {stored.why}")
        return
    yield from check_text(log, stored.text)
    yield from check_gaps(log, stored.text, stored.gaps)
    if stored.row is None:
        yield Finding("lost", key, "it has no row in the database")
        return
    yield from check_row(log, stored.text, stored.row)
    yield from check_archive(log, stored)


def check_text(log: Log, text: str) -> Iterator[Finding]:
    """Every acknowledged line once and in order; others once at most; nothing else."""
    key, known = log.key, _Known.of(log)
    found: list[int] = []
    if text and not text.endswith("\n"):
        yield Finding("torn", key, f"it ends within a line: {text[-_SHOWN:]!r}")
    for place, content in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        line = lines.read(content)
        if line is None:
            yield Finding("torn", key, f"line {place} is no whole line: {content[:_SHOWN]!r}")
        elif (line.vo, line.stamp) != key:
            yield Finding("leaked", key, f"line {place} belongs to {line.vo}/{line.stamp}")
        elif line.number not in known.pieces or not known.pieces[line.number].sent:
            yield Finding("leaked", key, f"line {line.number} was never sent")
        else:
            found.append(line.number)
    yield from _doubled(key, found)
    missing = sorted(known.acknowledged - set(found))
    if missing:
        yield Finding(
            "lost",
            key,
            f"{len(missing)} acknowledged lines, the first is {missing[0]}",
        )
    yield from _misplaced(key, found, known)


def _doubled(key: Key, found: Sequence[int]) -> Iterator[Finding]:
    seen: set[int] = set()
    again = [number for number in found if number in seen or seen.add(number)]  # type: ignore[func-returns-value]
    if again:
        yield Finding("doubled", key, f"{len(again)} lines are there again, the first is {again[0]}")


def _misplaced(key: Key, found: Sequence[int], known: _Known) -> Iterator[Finding]:
    """Acknowledged lines stand in the order in which they were written. Others stand in the order of their piece, and
    in that of their session: they may have come at any later time."""
    highest: dict[str, int] = {}
    for number in found:
        piece = known.pieces[number]
        orders = [piece.source]
        if number in known.acknowledged:
            orders.append("acknowledged lines")
        for order in orders:
            if number < highest.get(order, 0):
                yield Finding("misplaced", key, f"line {number} stands behind {highest[order]} ({order})")
                return
            highest[order] = number


def check_gaps(log: Log, text: str, gaps: Sequence[Gap]) -> Iterator[Finding]:
    """A batch that is missing before one that is there shows as a gap right before that one, and nothing else does."""
    starts: dict[tuple[str, int], int] = {}
    batches = {(piece.source, piece.first): piece.seq for piece in log.pieces if piece.seq is not None}
    pieces = _Known.of(log).pieces
    offset = 0
    for content in text.split("\n"):
        line = lines.read(content)
        piece = pieces.get(line.number) if line else None
        if piece is not None and piece.seq is not None:
            starts.setdefault((piece.source, piece.seq), offset)
        offset += len(content) + 1
    expected = set()
    for session in {source for source, _ in batches}:
        due = 1
        for seq in sorted(seq for source, seq in starts if source == session):
            if seq > due:
                expected.add(Gap(starts[session, seq], session, due, seq - 1))
            due = seq + 1
    for gap in sorted(expected - set(gaps)):
        yield Finding("gap", log.key, f"is not shown: {gap}")
    for gap in sorted(set(gaps) - expected):
        yield Finding("gap", log.key, f"is shown and is none: {gap}")


def check_row(log: Log, text: str, row: Row) -> Iterator[Finding]:
    """The end state, the goodbye, and the figures that people see in lists."""
    key, size = log.key, len(text.encode("utf-8", "surrogatepass"))
    if row.state != "Archived":
        yield Finding("unarchived", key, f"its state is {row.state}")
    for delivery in row.deliveries:
        if delivery.state != "Delivered" or delivery.cursor != row.last_chunk:
            what = f"{delivery.plugin} is {delivery.state} up to {delivery.cursor} of {row.last_chunk}"
            yield Finding("unarchived", key, what)
    if not row.deliveries:
        yield Finding("unarchived", key, "it was handed to no plugin")
    if row.finalised != bool(log.goodbyes) and row.finalised != bool(log.acknowledged_goodbyes):
        yield Finding("wrong figures", key, f"finalised is {row.finalised}, and goodbyes sent {log.goodbyes}")
    if log.acknowledged_goodbyes and row.exit_code not in log.goodbyes:
        yield Finding("wrong figures", key, f"the exit code is {row.exit_code}, and it said {log.goodbyes}")
    if (row.lines, row.size) != (text.count("\n"), size) and not row.truncated:
        what = f"lines and bytes are {row.lines}, {row.size}, and there are {text.count(chr(10))}, {size}"
        yield Finding("wrong figures", key, what)


def check_archive(log: Log, stored: Stored) -> Iterator[Finding]:
    """The archived file has what readers get."""
    assert stored.text is not None
    if stored.archived is None:
        if stored.text:
            yield Finding("unarchived", log.key, "it has no file in the archive")
        return
    if stored.archived == stored.text.encode("utf-8", "surrogatepass"):
        return
    findings = list(check_text(log, stored.archived.decode("utf-8", "surrogatepass")))
    for finding in findings:
        yield finding._replace(what=f"in the archive: {finding.what}")
    if not findings:
        yield Finding("wrong figures", log.key, "the archive and readLog give different texts")


def check_strangers(logs: Mapping[Key, Log], rows: Mapping[Key, Row], files: Sequence[str]) -> Iterator[Finding]:
    """No log that nobody sent, and no file in the archive that belongs to no log.

    Args:
        files: all of the archive, as the deliveries refer to them
    """
    for key in sorted(rows.keys() - logs.keys()):
        yield Finding("leaked", key, "nobody sent it")
    references = {delivery.reference for row in rows.values() for delivery in row.deliveries}
    for file in sorted(set(files) - references):
        yield Finding("orphan", None, f"{file} belongs to no log")
