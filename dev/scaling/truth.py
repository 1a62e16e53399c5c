# SPDX-License-Identifier: GPL-3.0-only
"""Is what was acknowledged in the store, and once? All text of all pilots is compared, not a sample of it."""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from parts.state import Stack, load
from readerbenchmark.contents import open_database
from sqlalchemy import select

from PilotLoggingDIRAC.store.schema import chunks, logs

_LOGS_AT_ONCE = 200
_WORKERS = 2
_BLOCK = re.compile(rb" block ([0-9]+): ")
_EXAMPLES = 5


@dataclass
class Verdict:
    """What the store has of what was sent.

    Attributes:
        lost: acknowledged blocks that are not there
        doubled: blocks that are there more than once
        odd: logs with something else in them, or with blocks in another order
        examples: a few sentences
    """

    pilots: int = 0
    blocks: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    odd: int = 0
    bytes: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        for name in ("pilots", "blocks", "acknowledged", "lost", "doubled", "odd", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.examples = (self.examples + other.examples)[:_EXAMPLES]

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.odd)


@functools.cache
def _between(lines: int) -> tuple[bytes, ...]:
    """A block's text around what differs, as text() in loadclient/pilot.go writes it."""
    whole = "".join(
        f"2026-06-10T11:02:02.{line:06d}Z INFO [LaunchAgent] \0: a line of a log that is 100 bytes long\n"
        for line in range(lines)
    )
    return tuple(whole.encode().split(b"\0"))


def block_text(stamp: str, block: int, lines: int) -> bytes:
    """What a pilot writes as its block of this number."""
    return f"{stamp[:12]} block {block}".encode().join(_between(lines))


def compare(stack: Stack, results: Sequence[Path], lines: int) -> Verdict:
    """Compare the whole store with what the clients say.

    Args:
        results: what each client wrote: "stamp vo acknowledged written ended" for each pilot
        lines: of a block
    """
    sent: list[tuple[str, str, int, int]] = []
    for path in results:
        for row in path.read_text().splitlines():
            stamp, vo, acknowledged, written, _ = row.split()
            sent.append((stamp, vo, int(acknowledged), int(written)))
    verdict = Verdict()
    with ProcessPoolExecutor(_WORKERS) as workers:
        work = functools.partial(_compare_some, stack.layout.root, lines)
        for some in workers.map(work, _groups(sent, _LOGS_AT_ONCE * 20)):
            verdict.add(some)
    return verdict


def _groups(items: Sequence[tuple[str, str, int, int]], size: int) -> Iterator[Sequence[tuple[str, str, int, int]]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _compare_some(root: Path, lines: int, sent: Sequence[tuple[str, str, int, int]]) -> Verdict:
    verdict, database = Verdict(), open_database(load(root))
    try:
        for some in _groups(sent, _LOGS_AT_ONCE):
            stamps = [stamp for stamp, *_ in some]
            with database.reading() as connection:
                ids = {
                    row.Stamp: row.LogID
                    for row in connection.execute(select(logs.c.Stamp, logs.c.LogID).where(logs.c.Stamp.in_(stamps)))
                }
                texts: dict[int, list[bytes]] = {log_id: [] for log_id in ids.values()}
                query = select(chunks.c.LogID, chunks.c.Data).where(chunks.c.LogID.in_(ids.values()))
                for row in connection.execute(query.order_by(chunks.c.LogID, chunks.c.ChunkID)):
                    texts[row.LogID].append(zstandard.decompress(row.Data))
            for stamp, _, acknowledged, written in some:
                text = b"".join(texts.get(ids.get(stamp, 0), ()))
                judge(verdict, stamp, text, acknowledged, written, lines)
    finally:
        database.close()
    return verdict


def judge(verdict: Verdict, stamp: str, text: bytes, acknowledged: int, written: int, lines: int) -> None:
    """A log is right if it is the pilot's first blocks, at least all that were acknowledged."""
    verdict.pilots += 1
    verdict.acknowledged += acknowledged
    verdict.bytes += len(text)
    right = b""
    stored = 0
    while len(right) < len(text) and stored < written:
        stored += 1
        right += block_text(stamp, stored, lines)
    if text == right and stored >= acknowledged:
        verdict.blocks += stored
        return
    seen = Counter(int(number) for number in _BLOCK.findall(text))
    verdict.blocks += len(seen)
    lost = [block for block in range(1, acknowledged + 1) if seen[block] < lines]
    doubled = [block for block, count in seen.items() if count > lines]
    verdict.lost += len(lost)
    verdict.doubled += len(doubled)
    verdict.odd += not (lost or doubled)
    if len(verdict.examples) < _EXAMPLES:
        verdict.examples.append(
            f"{stamp}: {acknowledged} blocks acknowledged, {written} written; lost {lost[:5]}, doubled {doubled[:5]}"
        )
