# SPDX-License-Identifier: GPL-3.0-only
"""What every plugin must do, as tests for pytest: archives first, streams behind them. See ``docs/add-a-plugin.md``.

A plugin's own tests are a subclass with two fixtures; run them on the real storage, not on a fake::

    from PilotLoggingDIRAC.deliver.conformance import ArchiveConformance

    class TestTape(ArchiveConformance):
        @pytest.fixture
        def plugin(self):
            return TapePlugin("alpha", TapeSettings(pool="/dev/nst0"))

        @pytest.fixture
        def far_side(self):
            return MyTapeRobot()  # has files() and put_foreign(), see FarSide
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from ..errors import NotFound, NotKept, PilotLoggingError, Unavailable
from ..model import LogKey
from ..store.erasure import mask
from .contract import ArchivePlugin, Chunk, ClosedLog, End, Erased, StreamPlugin

_LONGEST_REFERENCE = 1024
_LINES = b"".join(b"2026-11-22T12:00:00Z INFO [Pilot] line %d\n" % number for number in range(120))

CONTENTS = {
    "one byte": b"\n",
    "5 kB": _LINES[:5000],
    "20 MB": _LINES * (20 * 10**6 // len(_LINES)),
    "binary rubbish": random.Random(2).randbytes(100_000),  # noqa: S311 - rubbish, not a secret
    "lone surrogates": "a \udc80 b \ud800\n".encode("utf-8", "surrogatepass"),
    "NULs and escapes": b"\0\0\x1b[2J\r\n\x1b]0;title\x07\xff\xfe",
    "no end of line": b"killed in the middle of a li",
}


class FarSide(Protocol):
    """The storage behind a plugin as its administrator sees it, past the plugin."""

    def files(self, stamp: str) -> dict[str, bytes]:
        """All that the storage has of a log, by whatever names, and what else stands under such names."""

    def put_foreign(self, stamp: str, data: bytes) -> None:
        """Put somebody else's file where the plugin would put the log of this stamp."""


class ArchiveConformance:
    """The tests. A subclass gives the fixtures ``plugin`` and ``far_side``, and ``unreachable`` where it can."""

    @pytest.fixture
    def plugin(self) -> ArchivePlugin[Any]:
        """The plugin, ready for use, for a VO of the test's own choice."""
        raise NotImplementedError("The subclass has to have a fixture plugin.")

    @pytest.fixture
    def far_side(self) -> FarSide:
        """The storage that this plugin uses."""
        raise NotImplementedError("The subclass has to have a fixture far_side.")

    @pytest.fixture
    def unreachable(self) -> ArchivePlugin[Any]:
        """The plugin, ready for use, while its storage is away."""
        pytest.skip("the subclass has no fixture unreachable, which would give its plugin while the storage is away")

    @pytest.fixture
    def stamp(self) -> str:
        """Of a log that nobody has stored yet."""
        return uuid.uuid4().hex

    @pytest.fixture
    def store(self, plugin: ArchivePlugin[Any], stamp: str, tmp_path: Path) -> Callable[..., str]:
        """Stores bytes as the log of ``stamp``, as the agent does; keywords are those of ClosedLog."""
        return lambda data, **more: store(plugin, stamp, data, tmp_path, **more)

    @pytest.mark.parametrize("data", CONTENTS.values(), ids=CONTENTS.keys())
    def test_gives_back_what_it_was_given(
        self, plugin: ArchivePlugin[Any], store: Callable[..., str], data: bytes
    ) -> None:
        reference = store(data)
        assert 0 < len(reference) <= _LONGEST_REFERENCE
        assert fetched(plugin, reference) == data

    def test_a_fetched_log_can_be_read_in_pieces(self, plugin: ArchivePlugin[Any], store: Callable[..., str]) -> None:
        reference = store(_LINES)
        with plugin.fetch(reference) as file:
            assert file.read(1) == _LINES[:1]
            assert file.read(99) == _LINES[1:100]
            assert file.read() == _LINES[100:]
            assert file.read(1) == b""

    def test_a_log_that_is_stored_can_be_located(
        self, plugin: ArchivePlugin[Any], store: Callable[..., str], stamp: str
    ) -> None:
        assert plugin.locate(stamp) is None
        reference = store(_LINES)
        assert plugin.locate(stamp) == reference

    def test_storing_again_after_a_lost_confirmation_leaves_one_copy(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str
    ) -> None:
        assert store(_LINES) == store(_LINES)
        assert list(far_side.files(stamp).values()) == [_LINES]

    def test_a_log_that_grew_after_a_lost_confirmation_leaves_one_copy(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str
    ) -> None:
        store(_LINES)
        reference = store(_LINES + b"late line\n")
        assert list(far_side.files(stamp).values()) == [_LINES + b"late line\n"]
        assert fetched(plugin, reference) == _LINES + b"late line\n"

    def test_a_longer_copy_replaces_the_earlier(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str
    ) -> None:
        previous = store(_LINES)
        reference = store(_LINES + b"late line\n", previous=previous)
        if reference != previous:
            plugin.remove(previous)  # as the agent does
        assert fetched(plugin, reference) == _LINES + b"late line\n"
        assert list(far_side.files(stamp).values()) == [_LINES + b"late line\n"]
        assert plugin.locate(stamp) == reference

    def test_an_earlier_copy_that_has_gone_is_no_obstacle(
        self, plugin: ArchivePlugin[Any], store: Callable[..., str]
    ) -> None:
        previous = store(_LINES)
        plugin.remove(previous)
        reference = store(_LINES + b"late line\n", previous=previous)
        assert fetched(plugin, reference) == _LINES + b"late line\n"

    def test_an_earlier_copy_that_is_needed_can_be_read_until_the_new_one_can(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str
    ) -> None:
        """Three times, since the new copy may take turns between two names."""
        data, reference = _LINES, store(_LINES)
        for line in (b"late\n", b"later\n", b"latest\n"):
            previous, whole = reference, data + line
            with plugin.fetch(previous) as before:
                reference = store(whole, previous=previous, previous_is_needed=True)
                assert before.read() == data
            if reference != previous:
                assert fetched(plugin, previous) == data
                plugin.remove(previous)
            data = whole
            assert fetched(plugin, reference) == data
            assert list(far_side.files(stamp).values()) == [data]
            assert plugin.locate(stamp) == reference

    def test_an_earlier_copy_that_is_needed_survives_a_store_that_is_repeated(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str
    ) -> None:
        previous = store(_LINES)
        more = {"previous": previous, "previous_is_needed": True}
        first = store(_LINES + b"late\n", **more)
        assert store(_LINES + b"late\n", **more) == first
        assert fetched(plugin, first) == _LINES + b"late\n"
        assert len(far_side.files(stamp)) <= 2

    @pytest.mark.parametrize("known", ["", "previous", "previous, and needed"])
    def test_an_earlier_copy_goes_whose_text_was_erased(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str, known: str
    ) -> None:
        """Also one whose confirmation was lost, so that nobody knows its reference."""
        first = store(_LINES)
        erased = ((100, 160), (500, 520))
        data = mask(_LINES, erased) + b"late line\n"
        more: dict[str, Any] = {"previous": first, "previous_is_needed": "needed" in known} if known else {}
        reference = store(data, erased=erased, **more)
        if reference != first:
            plugin.remove(first)  # as the agent does
        assert fetched(plugin, reference) == data
        assert list(far_side.files(stamp).values()) == [data]
        again = store(data, previous=reference, erased=erased)
        if again != reference:
            plugin.remove(reference)
        assert list(far_side.files(stamp).values()) == [data]

    def test_a_foreign_file_is_not_destroyed_by_an_erasure(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str
    ) -> None:
        foreign = b"somebody else's" + _LINES[15:]
        far_side.put_foreign(stamp, foreign)
        data = mask(_LINES, [(100, 160)])
        assert fetched(plugin, store(data, erased=((100, 160),))) == data
        assert sorted(far_side.files(stamp).values()) == sorted([data, foreign])

    @pytest.mark.parametrize("foreign", [b"somebody else's", _LINES + b"but other lines than ours\n"])
    def test_a_foreign_file_under_the_wanted_name_is_never_destroyed(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str, foreign: bytes
    ) -> None:
        far_side.put_foreign(stamp, foreign)
        data = _LINES + b"ours is as long as this, so that length alone cannot tell\n"
        reference = store(data)
        assert fetched(plugin, reference) == data
        assert sorted(far_side.files(stamp).values()) == sorted([data, foreign])
        longer = data + b"late line\n"
        reference = store(longer, previous=reference)
        assert fetched(plugin, reference) == longer
        assert sorted(far_side.files(stamp).values()) == sorted([longer, foreign])

    def test_logs_with_equal_content_are_two(self, plugin: ArchivePlugin[Any], tmp_path: Path) -> None:
        stamps = [uuid.uuid4().hex for _ in range(2)]
        references = [store(plugin, stamp, _LINES, tmp_path) for stamp in stamps]
        assert references[0] != references[1]
        plugin.remove(references[0])
        assert plugin.locate(stamps[0]) is None
        assert fetched(plugin, references[1]) == _LINES

    def test_what_is_removed_is_gone_and_may_be_removed_again(
        self, plugin: ArchivePlugin[Any], far_side: FarSide, store: Callable[..., str], stamp: str
    ) -> None:
        reference = store(_LINES)
        plugin.remove(reference)
        plugin.remove(reference)
        assert far_side.files(stamp) == {}
        assert plugin.locate(stamp) is None
        with pytest.raises(NotFound):
            fetched(plugin, reference)

    def test_a_log_can_be_stored_anew_after_its_removal(
        self, plugin: ArchivePlugin[Any], store: Callable[..., str]
    ) -> None:
        plugin.remove(store(_LINES))
        assert fetched(plugin, store(_LINES)) == _LINES

    def test_what_was_never_stored_is_not_found(
        self, plugin: ArchivePlugin[Any], store: Callable[..., str], stamp: str
    ) -> None:
        reference = store(_LINES)
        never = reference.replace(stamp, uuid.uuid4().hex)
        assert never != reference, "A reference has the stamp in it, for people who look for the log by hand."
        with pytest.raises(NotFound):
            fetched(plugin, never)
        plugin.remove(never)

    def test_a_storage_that_is_away_is_unavailable(
        self, plugin: ArchivePlugin[Any], unreachable: ArchivePlugin[Any], stamp: str, tmp_path: Path
    ) -> None:
        attempts: list[Callable[[], Any]] = [
            lambda: store(unreachable, stamp, _LINES, tmp_path),
            lambda: unreachable.locate(stamp),
        ]
        for attempt in attempts:
            with pytest.raises(Unavailable) as caught:
                attempt()
            message = str(caught.value)
            assert len(message) > len("It failed."), "Operators are shown the message."
            assert "\n" not in message


def store(plugin: ArchivePlugin[Any], stamp: str, data: bytes, folder: Path, **more: Any) -> str:
    """Store bytes as a log, from a file below ``folder`` as the agent does; keywords are those of ClosedLog."""
    path = folder / f"{stamp}.content"
    path.write_bytes(data)
    log = ClosedLog(
        key=LogKey(plugin.vo, stamp),
        size=len(data),
        lines=data.count(b"\n"),
        finalised=True,
        exit_code=0,
        **more,
    )
    with path.open("rb") as content:
        reference = plugin.store(log, content)
    assert path.read_bytes() == data, "The agent's copy is not the plugin's to change."
    return reference


def fetched(plugin: ArchivePlugin[Any], reference: str) -> bytes:
    """The whole of a stored log."""
    with plugin.fetch(reference) as file:
        return file.read()


class Receiver(Protocol):
    """A consumer on the far side of a stream."""

    def received(self, key: LogKey, ended: int) -> list[tuple[int, bytes]]:
        """What has arrived of a log, in the order of its arrival and without repeats: the chunk's number and its text.

        Args:
            key: The log.
            ended: Wait until so many ends of the log have arrived, repeats not counted.
        """


class Ledger:
    """Acknowledgements that keep what it was told.

    Attributes:
        confirmations: Names of the chunks that were confirmed, in that order: key, chunk, whether it is an end.
        refusals: Chunks that were refused, with the reason.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.confirmations: list[tuple[LogKey, int, bool]] = []
        self.refusals: list[tuple[Chunk, str]] = []

    def confirmed(self, chunk: Chunk) -> None:
        with self._lock:
            self.confirmations.append((chunk.key, chunk.chunk_id, chunk.end is not None))

    def refused(self, chunk: Chunk, reason: str) -> None:
        with self._lock:
            self.refusals.append((chunk, reason))


class StreamConformance:
    """The tests for streams. A subclass gives the fixtures ``plugin`` and ``far_side``, and ``unreachable``."""

    @pytest.fixture
    def plugin(self) -> StreamPlugin[Any]:
        """The plugin, ready for use, for a VO of the test's own choice."""
        raise NotImplementedError("The subclass has to have a fixture plugin.")

    @pytest.fixture
    def far_side(self) -> Receiver:
        """A consumer of what this plugin sends."""
        raise NotImplementedError("The subclass has to have a fixture far_side.")

    @pytest.fixture
    def unreachable(self) -> StreamPlugin[Any]:
        """The plugin, ready for use, while its far side is away."""
        raise NotImplementedError("The subclass has to have a fixture unreachable.")

    @pytest.fixture
    def key(self, plugin: StreamPlugin[Any]) -> LogKey:
        """A log that nobody has sent yet."""
        return LogKey(plugin.vo, uuid.uuid4().hex)

    @pytest.mark.parametrize("data", CONTENTS.values(), ids=CONTENTS.keys())
    def test_any_text_arrives_byte_for_byte(
        self, plugin: StreamPlugin[Any], far_side: Receiver, key: LogKey, data: bytes
    ) -> None:
        chunks = in_chunks(key, data)
        assert send(plugin, chunks).confirmations == names(chunks)
        assert b"".join(text for _, text in far_side.received(key, 1)) == data

    def test_pieces_arrive_in_their_order(self, plugin: StreamPlugin[Any], far_side: Receiver, key: LogKey) -> None:
        chunks = in_chunks(key, _LINES * 10, size=100)
        assert send(plugin, chunks).confirmations == names(chunks)
        assert far_side.received(key, 1) == [(chunk.chunk_id, chunk.text) for chunk in chunks if not chunk.end]

    def test_logs_that_are_mixed_keep_their_own_order(self, plugin: StreamPlugin[Any], far_side: Receiver) -> None:
        logs = [in_chunks(LogKey(plugin.vo, uuid.uuid4().hex), _LINES, size=500) for _ in range(5)]
        mixed = [chunk for row in zip(*logs, strict=True) for chunk in row]
        confirmations = send(plugin, mixed).confirmations
        for chunks in logs:
            key = chunks[0].key
            assert [name for name in confirmations if name[0] == key] == names(chunks)
            assert far_side.received(key, 1) == [(chunk.chunk_id, chunk.text) for chunk in chunks if not chunk.end]

    def test_a_goodbye_without_text_arrives(self, plugin: StreamPlugin[Any], far_side: Receiver, key: LogKey) -> None:
        chunks = in_chunks(key, b"")
        assert send(plugin, chunks).confirmations == names(chunks)
        assert far_side.received(key, 1) == []

    def test_what_is_sent_again_is_told_to_be_a_repeat(
        self, plugin: StreamPlugin[Any], far_side: Receiver, key: LogKey
    ) -> None:
        chunks = in_chunks(key, _LINES, size=500)
        send(plugin, chunks[:-3])
        send(plugin, chunks[2:])
        assert far_side.received(key, 1) == [(chunk.chunk_id, chunk.text) for chunk in chunks if not chunk.end]

    def test_that_text_was_erased_is_passed_on(
        self, plugin: StreamPlugin[Any], far_side: Receiver, key: LogKey
    ) -> None:
        """It has a number, and no text: what becomes of it, the far side decides."""
        erased = Erased("an operator", datetime.now(UTC), 1, {1: ((0, 3),)})
        told = Chunk(key, 2, b"", 2, datetime.now(UTC), erased=erased)
        first = Chunk(key, 1, b"one\n", 1, datetime.now(UTC))
        end = Chunk(key, 2, b"", 2, datetime.now(UTC), end=End(True, 0))
        ledger = send(plugin, [first, told, end])
        assert not ledger.refusals
        assert b"".join(text for _, text in far_side.received(key, 1)) == b"one\n"

    def test_a_log_that_goes_on_after_its_end(self, plugin: StreamPlugin[Any], far_side: Receiver, key: LogKey) -> None:
        chunks = in_chunks(key, _LINES, size=500)
        send(plugin, chunks)
        late = in_chunks(key, b"late\n", after=chunks[-1].chunk_id, first_line=chunks[-1].first_line)
        assert send(plugin, late).confirmations == names(late)
        assert b"".join(text for _, text in far_side.received(key, 2)) == _LINES + b"late\n"

    def test_no_pieces_are_no_trouble(self, plugin: StreamPlugin[Any]) -> None:
        assert send(plugin, []).confirmations == []

    def test_an_error_of_who_makes_the_pieces_goes_through(self, plugin: StreamPlugin[Any], key: LogKey) -> None:
        """And what was sent before it may be confirmed; the plugin can be used again."""
        mistake = Unavailable("The database is away.")
        chunks = in_chunks(key, _LINES, size=500)

        def breaks() -> Iterator[Chunk]:
            yield from chunks[:2]
            raise mistake

        ledger = Ledger()
        with pytest.raises(PilotLoggingError) as caught:
            plugin.send(breaks(), ledger)
        assert caught.value is mistake
        assert send(plugin, chunks[2:]).confirmations == names(chunks[2:])

    def test_it_can_hang_up_before_it_was_used_and_twice(self, plugin: StreamPlugin[Any]) -> None:
        plugin.close()
        plugin.close()

    def test_a_far_side_that_is_away_is_unavailable(self, unreachable: StreamPlugin[Any], key: LogKey) -> None:
        ledger = Ledger()
        with pytest.raises(Unavailable) as caught:
            unreachable.send(iter(in_chunks(key, _LINES)), ledger)
        assert (ledger.confirmations, ledger.refusals) == ([], [])
        message = str(caught.value)
        assert len(message) > len("It failed."), "Operators are shown the message."
        assert "\n" not in message

    def test_nothing_is_had_back(self, plugin: StreamPlugin[Any], key: LogKey) -> None:
        assert not plugin.gives_back
        assert plugin.locate(key.stamp) is None
        with pytest.raises(NotKept), plugin.fetch("1 lines"):
            pass


def in_chunks(key: LogKey, data: bytes, size: int = 10**7, after: int = 0, first_line: int = 1) -> list[Chunk]:
    """A closed log in chunks of so many bytes, with its end.

    Args:
        key: The log.
        data: Its text.
        size: Of a chunk, in bytes: at most what one message of a pilot may have (10 MiB).
        after: The chunk before the first one.
        first_line: Number of the first line.
    """
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    chunks, line = [], first_line
    for start in range(0, len(data), size):
        text, after = data[start : start + size], after + 1
        chunks.append(Chunk(key, after, text, line, now, "conformance", after, context={"site": "LCG.CERN.ch"}))
        line += text.count(b"\n")
    return [*chunks, Chunk(key, after, b"", line, now, end=End(finalised=True, exit_code=0))]


def names(chunks: Sequence[Chunk]) -> list[tuple[LogKey, int, bool]]:
    """What a :class:`Ledger` has when these were confirmed in their order."""
    return [(chunk.key, chunk.chunk_id, chunk.end is not None) for chunk in chunks]


def send(plugin: StreamPlugin[Any], chunks: Sequence[Chunk]) -> Ledger:
    """Send chunks, and give what became of them."""
    ledger = Ledger()
    plugin.send(iter(chunks), ledger)
    assert ledger.refusals == []
    return ledger
