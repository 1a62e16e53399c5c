# SPDX-License-Identifier: GPL-3.0-only
"""Logs to a stream: take those on that it lacks something of, send their chunks, note what it has confirmed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from ..errors import PilotLoggingError, Unavailable
from ..model import LogKey, LogState
from ..store import deliveries, lifecycle, streams
from ..store.engine import Database
from ..store.erasure import Erasure, ranges_of_chunk
from .backoff import compute_backoff
from .contract import Chunk, End, Erased, StreamPlugin
from .courier import LEASE, Courier

_OVERLAP = timedelta(minutes=1)
"""A text's arrival is fixed before its commit, and the commit may take so long."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done at a time, and how often.

    Attributes:
        claimed: Logs taken on by one transaction.
        chunks: Chunks fetched by one statement: as many messages, some hundred kB of memory, 10 MB each at most.
        share: After so many chunks of one log others have their turn.
        note_seconds: What was confirmed is noted so often; a process that is killed leaves repeats of so long.
        renew_every: So many of those notes renew the leases, too.
    """

    claimed: int = 200
    chunks: int = 64
    share: int = 1024
    note_seconds: float = 1.0
    renew_every: int = 60


@dataclass(slots=True)
class Sent:
    """What one call has done.

    Attributes:
        chunks: Confirmed, ends of logs included.
        ended: Logs of which the stream has all.
        refused: Logs with a chunk that the stream will not have.
        problem: Why it could not go on, if so.
    """

    chunks: int = 0
    ended: int = 0
    refused: int = 0
    problem: PilotLoggingError | None = None


@dataclass(slots=True)
class _Sending:
    """A log that is being sent. What is *confirmed* is known from the plugin, and *noted* in the database."""

    claim: streams.Claim
    cursor: int
    lines: int
    noted: int
    last_asked: int
    end_asked: bool = False
    asks_no_more: bool = False
    ended: bool = False
    refusal: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing of it is on the way any more."""
        arrived = self.cursor == self.last_asked and self.ended == self.end_asked
        return bool(self.refusal) or (self.asks_no_more and arrived)


@dataclass(slots=True)
class StreamCourier:
    """Carries the logs of one VO to one stream; used by one thread.

    Attributes:
        courier: Of the VO, with all its plugins.
        vo: The VO.
        name: The stream's.
        plugin: The stream.
        limits: Of each call.
    """

    courier: Courier
    vo: str
    name: str
    plugin: StreamPlugin[Any]
    limits: Limits = Limits()
    _looked: datetime | None = field(default=None, init=False)

    @property
    def database(self) -> Database:
        return self.courier.database

    def carry(self, may_go_on: Callable[[], bool]) -> Sent:
        """Send all that the stream lacks, in chunks, until there is no more or ``may_go_on`` says no.

        Raises:
            Unavailable: The database is away.
        """
        return _Call(self, may_go_on).run()

    def lacks_something(self) -> bool:
        """Whether there is something that could be sent now. To be asked between two calls of :meth:`carry`."""
        waiting, now = self._look()
        if not waiting:
            # Nothing is on the way, and all that is there was seen: from now on, what has come since.
            self._looked = now - _OVERLAP
        return waiting

    def _look(self) -> tuple[bool, datetime]:
        with self.database.reading() as connection:
            now = self.database.now(connection)
            return bool(streams.list_due(connection, self.vo, self.name, now, 1, self._looked)), now

    def claim(self) -> list[streams.Claim]:
        """Take some more logs on."""

        def take(connection: Connection) -> list[streams.Claim]:
            now = self.database.now(connection)
            log_ids = streams.list_due(connection, self.vo, self.name, now, self.limits.claimed, self._looked)
            return streams.claim(connection, log_ids, self.name, self.courier.owner, now, LEASE)

        waiting, _ = self._look()
        return self.database.transact(take) if waiting else []


class _Call:
    """One call of the plugin, and what became of it."""

    def __init__(self, courier: StreamCourier, may_go_on: Callable[[], bool]) -> None:
        self._courier, self._limits = courier, courier.limits
        self._may_go_on = may_go_on
        self._lock = threading.Lock()
        self._sending: dict[LogKey, _Sending] = {}
        self._sent = Sent()
        self._own_problem: PilotLoggingError | None = None

    def run(self) -> Sent:
        chunks = self._chunks()
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(over,), name="lease", daemon=True)
        keeper.start()
        try:
            # A log is in hand before the plugin is asked: so there is one to note the reason with if it cannot go on.
            first = next(chunks, None)
            if first is not None:
                self._courier.plugin.send(chain([first], chunks), self)
        except PilotLoggingError as error:
            if error is self._own_problem:
                raise
            self._sent.problem = error
        except Exception as error:
            _log.exception("Stream %s of VO %s failed unexpectedly", self._courier.name, self._courier.vo)
            self._sent.problem = Unavailable(f"{type(error).__name__}: {error}")
        finally:
            over.set()
            keeper.join()
            self._note(all_of_them=True)
        return self._sent

    # What the plugin calls

    def confirmed(self, chunk: Chunk) -> None:
        with self._lock:
            sending = self._sending[chunk.key]
            sending.cursor = chunk.chunk_id
            sending.lines = chunk.first_line - 1 + chunk.text.count(b"\n")
            sending.ended = chunk.end is not None
            self._sent.chunks += 1

    def refused(self, chunk: Chunk, reason: str) -> None:
        with self._lock:
            self._sending[chunk.key].refusal = reason or "The stream refuses a chunk of it without a reason."

    def _chunks(self) -> Iterator[Chunk]:
        try:
            yield from self._claimed_chunks()
        except PilotLoggingError as error:
            self._own_problem = error
            raise

    def _claimed_chunks(self) -> Iterator[Chunk]:
        while self._may_go_on():
            claims = self._courier.claim()
            if not claims:
                return
            for claim in claims:
                cursor, key = claim.delivery.cursor, claim.log.key
                with self._lock:
                    self._sending[key] = _Sending(claim, cursor, claim.lines, cursor, cursor)
            for claim in claims:
                sending = self._sending[claim.log.key]
                yield from self._chunks_of(sending)
                sending.asks_no_more = True
            self._note()

    def _chunks_of(self, sending: _Sending) -> Iterator[Chunk]:
        log = sending.claim.log
        known = {name: value for name, value in log.facts.items() if value}
        line, arrival = sending.lines + 1, log.last_arrival
        for _ in range(0, self._limits.share, self._limits.chunks):
            if sending.refusal or not self._may_go_on():
                return
            loaded = self._load(sending)
            for stored in loaded:
                if sending.refusal:
                    return
                sending.last_asked = stored.chunk_id
                yield Chunk(
                    key=log.key,
                    chunk_id=stored.chunk_id,
                    text=stored.text,
                    first_line=line,
                    arrival=stored.arrival,
                    session=stored.session,
                    seq=stored.seq,
                    left_out=stored.left_out,
                    context=known,
                    erased=_erased(stored.erasure),
                )
                line += stored.text.count(b"\n")
                arrival = stored.arrival
            if len(loaded) < self._limits.chunks:
                break
        else:
            return
        if log.state is not LogState.OPEN and not sending.refusal:
            sending.end_asked = True
            end = End(log.finalised is not None, log.exit_code)
            yield Chunk(log.key, sending.last_asked, b"", line, arrival, context=known, end=end)

    def _load(self, sending: _Sending) -> list[streams.StoredChunk]:
        try:
            with self._courier.database.reading() as connection:
                log_id, count = sending.claim.log.log_id, self._limits.chunks
                return list(streams.load(connection, log_id, sending.last_asked, count))
        except Unavailable as error:
            if error.reason != "damaged":
                raise
            # That is the log's own trouble, not that of the others.
            sending.refusal = str(error)
            return []

    # What is noted

    def _keep(self, over: threading.Event) -> None:
        """Note what was confirmed, and renew the leases, while the plugin sends."""
        beats = 0
        while not over.wait(self._limits.note_seconds):
            beats += 1
            try:
                self._note_progress(renewed=beats % self._limits.renew_every == 0)
            except Unavailable as error:
                _log.warning("What stream %s has confirmed could not be noted: %s", self._courier.name, error)

    def _note_progress(self, renewed: bool) -> None:
        name, owner = self._courier.name, self._courier.courier.owner
        progress = self._progress(self._copy())

        def note(connection: Connection) -> None:
            streams.keep_progress(connection, name, owner, progress)
            if renewed:
                streams.renew(connection, name, owner, self._courier.database.now(connection) + LEASE)

        if progress or renewed:
            self._courier.database.transact(note)
            self._noted(progress)

    def _note(self, all_of_them: bool = False) -> None:
        """Give back the logs of which nothing is on the way any more; in the end, all."""
        name, courier = self._courier.name, self._courier.courier
        done = [sending for sending in self._copy() if all_of_them or sending.done]
        progress = self._progress(done)
        refused = [sending for sending in done if sending.refusal]
        blamed = self._blamed(done)

        def note(connection: Connection) -> int:
            now = courier.database.now(connection)
            streams.keep_progress(connection, name, courier.owner, progress)
            for sending in refused:
                attempts = sending.claim.delivery.attempts + 1
                self._fail(connection, sending, attempts, sending.refusal, now + compute_backoff(attempts))
            if blamed is not None:
                self._fail(connection, blamed, blamed.claim.delivery.attempts + 1, str(self._sent.problem), now)
            ended = 0
            for sending in done:
                log_id = sending.claim.log.log_id
                if sending.ended and streams.end(
                    connection, log_id, name, courier.owner, sending.cursor, sending.lines
                ):
                    lifecycle.settle(connection, self._courier.vo, tuple(courier.plugins), now, [log_id])
                    ended += 1
            streams.release(connection, [sending.claim.log.log_id for sending in done], name, courier.owner)
            return ended

        if not done:
            return
        self._sent.ended += courier.database.transact(note)
        self._sent.refused += len(refused)
        for sending in refused:
            _log.error(
                "A part of log %s of VO %s is refused by %s: %s", *sending.claim.log.key[::-1], name, sending.refusal
            )
        with self._lock:
            for sending in done:
                del self._sending[sending.claim.log.key]

    def _blamed(self, done: list[_Sending]) -> _Sending | None:
        """The first log that waits for a stream that is away: there people find why. It has no pause for that."""
        if self._sent.problem is None:
            return None
        waiting = (sending for sending in done if not sending.ended and not sending.refusal)
        return next(waiting, None)

    def _fail(self, connection: Connection, sending: _Sending, attempts: int, error: str, again: datetime) -> None:
        log_id, owner = sending.claim.log.log_id, self._courier.courier.owner
        deliveries.fail(connection, log_id, self._courier.name, owner, attempts, error, again)

    def _copy(self) -> list[_Sending]:
        with self._lock:
            return sorted(self._sending.values(), key=lambda sending: sending.claim.log.log_id)

    def _progress(self, sendings: list[_Sending]) -> list[streams.StreamProgress]:
        with self._lock:
            return [
                streams.StreamProgress(sending.claim.log.log_id, sending.cursor, sending.lines)
                for sending in sendings
                if sending.cursor > sending.noted
            ]

    def _noted(self, progress: list[streams.StreamProgress]) -> None:
        cursors = {entry.log_id: entry.cursor for entry in progress}
        with self._lock:
            for sending in self._sending.values():
                sending.noted = cursors.get(sending.claim.log.log_id, sending.noted)


def _erased(erasure: Erasure | None) -> Erased | None:
    if erasure is None:
        return None
    chunk_ids = sorted({place.chunk for place in erasure.places})
    of_chunks = {chunk_id: tuple(ranges_of_chunk([erasure], chunk_id)) for chunk_id in chunk_ids}
    return Erased(erasure.by, erasure.time, erasure.lines, of_chunks)
