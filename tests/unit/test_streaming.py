# SPDX-License-Identifier: GPL-3.0-only
"""Logs to a stream, chunk by chunk, while pilots write: a stream that keeps what it gets, and can be told to fail."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.deliver import streaming
from PilotLoggingDIRAC.deliver.contract import Acknowledgements, Chunk, End, StreamPlugin
from PilotLoggingDIRAC.deliver.delivery_round import deliver_due
from PilotLoggingDIRAC.deliver.outcome import Round
from PilotLoggingDIRAC.deliver.streaming import Limits, Sent, StreamCourier
from PilotLoggingDIRAC.errors import NotKept, Unavailable
from PilotLoggingDIRAC.model import Append, DeliveryState, Final, LogKey, LogState, Rules
from PilotLoggingDIRAC.read.erasing import Eraser
from PilotLoggingDIRAC.settings import Settings
from PilotLoggingDIRAC.store import deliveries, lifecycle, schema, streams


class Wire(StreamPlugin[Settings]):
    """A stream that confirms in the order of sending, up to a window behind it, from a thread of its own.

    Attributes:
        arrived: What the far side has.
        refuses: What is wrong with a chunk that it will not have; empty if nothing is.
        dies_after: So many chunks arrive, and the confirmations of the last window are lost.
        after_each: Called when a chunk has arrived.
    """

    Settings = Settings
    window = 10

    def __init__(self) -> None:
        super().__init__("alpha", Settings())
        self.arrived: list[Chunk] = []
        self.refuses: Callable[[Chunk], str] = lambda _piece: ""
        self.dies_after: int | None = None
        self.after_each: Callable[[Chunk], object] = lambda _piece: None
        self.closed = 0

    def send(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        outstanding: deque[Chunk] = deque()
        bad: set[LogKey] = set()
        with ThreadPoolExecutor(1) as confirmer:
            for chunk in chunks:
                if self.dies_after is not None and len(self.arrived) >= self.dies_after:
                    raise Unavailable("The broker hung up.")
                if chunk.key in bad:
                    continue
                if reason := self.refuses(chunk):
                    bad.add(chunk.key)
                    # All that is on the way before it is confirmed first.
                    while outstanding:
                        confirmer.submit(acknowledgements.confirmed, outstanding.popleft()).result()
                    acknowledgements.refused(chunk, reason)
                    continue
                self.arrived.append(chunk)
                self.after_each(chunk)
                outstanding.append(chunk)
                if len(outstanding) >= self.window:
                    confirmer.submit(acknowledgements.confirmed, outstanding.popleft()).result()
            for chunk in outstanding:
                confirmer.submit(acknowledgements.confirmed, chunk).result()

    def close(self) -> None:
        self.closed += 1

    def of(self, key: LogKey) -> list[Chunk]:
        """What arrived of a log, repeats dropped by their names."""
        found = {(chunk.chunk_id, chunk.end is not None): chunk for chunk in self.arrived if chunk.key == key}
        return list(found.values())

    def text(self, key: LogKey) -> str:
        return b"".join(chunk.text for chunk in self.of(key)).decode()

    def ends(self, key: LogKey) -> list[End]:
        return [chunk.end for chunk in self.arrived if chunk.key == key and chunk.end]


@pytest.fixture
def wire(archives: Archives) -> Wire:
    """The only plugin of the VO."""
    archives.plugins["Wire"] = Wire()
    return archives.plugins["Wire"]


@pytest.fixture
def carry(archives: Archives, wire: Wire) -> Callable[..., Sent]:
    """Sends all that the stream lacks, as a process of the agent does."""

    def carry(owner: str = "agent", may_go_on: Callable[[], bool] = lambda: True, **limits: Any) -> Sent:
        return StreamCourier(archives.courier(owner), "alpha", "Wire", wire, Limits(**limits)).carry(may_go_on)

    return carry


def backlog(store: Store) -> list[deliveries.Backlog]:
    with store.database.reading() as connection:
        return deliveries.backlog(connection, {"alpha": ["Wire"]})


# While the pilot writes, and after


def test_a_log_is_sent_while_its_pilot_writes(
    store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    store.send("one\ntw")
    assert carry().chunks == 1
    store.send("o\nthree\n")
    assert carry().chunks == 1
    assert wire.text(key) == "one\ntwo\nthree\n"
    assert [chunk.first_line for chunk in wire.arrived] == [1, 2]
    assert [chunk.chunk_id for chunk in wire.arrived] == [1, 2]
    assert store.record().state is LogState.OPEN
    assert store.delivery("Wire").reference == "3 lines"
    assert carry() == Sent(), "nothing is sent twice"


def test_the_end_is_told_and_then_the_log_counts_as_archived(
    store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    store.send("one\n")
    store.finalise(exit_code=3)
    assert carry() == Sent(chunks=2, ended=1)
    assert wire.ends(key) == [End(finalised=True, exit_code=3)]
    end = wire.arrived[-1]
    assert (end.text, end.chunk_id, end.first_line) == (b"", 1, 2)
    assert store.record().state is LogState.ARCHIVED
    assert store.delivery("Wire").state is DeliveryState.DELIVERED
    assert carry() == Sent()


def test_a_silent_pilot_has_an_end_too(store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey) -> None:
    store.send("one\n")
    store.close_silent()
    carry()
    assert wire.ends(key) == [End(finalised=False, exit_code=None)]


def test_a_pilot_that_only_said_goodbye(store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey) -> None:
    store.finalise(exit_code=1)
    assert carry() == Sent(chunks=1, ended=1)
    assert wire.ends(key) == [End(finalised=True, exit_code=1)]
    assert store.record().state is LogState.ARCHIVED


def test_a_late_line_is_sent_and_the_end_told_again(
    store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    store.send("one\n")
    store.close_silent()
    carry()
    store.send("late\n")
    assert carry() == Sent(chunks=1)
    assert store.delivery("Wire").state is DeliveryState.PENDING
    store.close_silent()
    assert carry() == Sent(chunks=1, ended=1)
    assert wire.text(key) == "one\nlate\n"
    assert [(chunk.chunk_id, chunk.end is not None) for chunk in wire.arrived] == [
        (1, False),
        (1, True),
        (2, False),
        (2, True),
    ]
    assert store.record().state is LogState.ARCHIVED


def test_a_goodbye_after_the_end_is_not_told(store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey) -> None:
    store.send("one\n")
    store.close_silent()
    carry()
    store.finalise(exit_code=1)
    assert carry() == Sent()
    assert wire.ends(key) == [End(finalised=False, exit_code=None)]
    assert store.record().state is LogState.ARCHIVED


def test_a_line_that_comes_while_the_end_is_on_its_way_is_not_lost(
    store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    store.send("one\n")
    store.finalise()
    wire.after_each = lambda chunk: store.send_numbered(1, "late\n") if chunk.end and chunk.chunk_id == 1 else None
    assert carry().ended == 0
    carry()
    assert wire.text(key) == "one\nlate\n"
    assert len(wire.ends(key)) == 2
    assert store.record().state is LogState.ARCHIVED


def test_what_a_piece_says_of_its_sender(store: Store, wire: Wire, carry: Callable[..., Sent]) -> None:
    store.send_numbered(1, "one\n", context={"Site": "LCG.CERN.ch", "PilotReference": "htcondor/7"})
    store.send_numbered(3, "three\n")
    store.send_numbered(2, "two\n")
    carry()
    assert [(chunk.session, chunk.seq, chunk.text) for chunk in wire.arrived] == [
        ("pilot", 1, b"one\n"),
        ("pilot", 3, b"three\n"),
        ("pilot", 2, b"two\n"),
    ], "in the order of arrival; the numbers say what the order is"
    assert wire.arrived[0].context == {"site": "LCG.CERN.ch", "pilotReference": "htcondor/7"}
    assert abs(wire.arrived[0].arrival - datetime.now(UTC)) < timedelta(minutes=5)


def test_the_line_that_stands_for_the_middle_of_a_long_log(
    store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    for seq in range(1, 40):
        store.send_numbered(seq, f"{seq:09d}\n", rules=Rules(max_log_size=200))
    carry()
    (mark,) = [chunk for chunk in wire.arrived if chunk.left_out]
    assert b"left out" in mark.text
    assert (mark.session, mark.seq) == (None, None)
    assert mark.left_out == store.record().truncated
    assert wire.text(key) == store.text()


def test_nothing_is_had_back(wire: Wire) -> None:
    with pytest.raises(NotKept):
        wire.fetch("1 lines")
    assert wire.locate("0" * 32) is None
    wire.remove("1 lines")


# Order, repeats, failures


def test_many_logs_share_the_stream_and_each_keeps_its_order(
    store: Store, wire: Wire, carry: Callable[..., Sent]
) -> None:
    keys = [store.new_key() for _ in range(5)]
    for seq in range(1, 12):
        for key in keys:
            store.send_numbered(seq, f"{seq}\n", key)
    for key in keys:
        store.finalise(key)
    assert carry(claimed=3, chunks=2, share=4) == Sent(chunks=5 * 12, ended=5)
    for key in keys:
        assert wire.text(key) == "".join(f"{seq}\n" for seq in range(1, 12))
        assert [chunk.first_line for chunk in wire.of(key)] == list(range(1, 13))
    changes = sum(one.key != other.key for one, other in itertools.pairwise(wire.arrived))
    assert changes > len(keys), "a long log lets others have their turn"


def test_no_more_is_asked_for_than_the_stream_wants(
    store: Store, wire: Wire, carry: Callable[..., Sent], archives: Archives
) -> None:
    for seq in range(1, 50):
        store.send_numbered(seq, f"{seq}\n")
    asked: list[int] = []

    class Counting(Wire):
        def send(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
            first = next(chunks)
            asked.append(first.chunk_id)
            acknowledgements.confirmed(first)

    archives.plugins["Wire"] = lazy = Counting()
    sent = StreamCourier(archives.courier(), "alpha", "Wire", lazy).carry(lambda: True)
    assert (asked, sent.chunks) == ([1], 1)
    assert store.delivery("Wire").cursor == 1
    assert carry().chunks == 48


def test_what_was_not_confirmed_comes_again_under_the_same_names(
    store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    for seq in range(1, 50):
        store.send_numbered(seq, f"{seq}\n")
    store.finalise()
    wire.dies_after = 30
    sent = carry()
    assert isinstance(sent.problem, Unavailable)
    assert sent.chunks == 21, "a window of 10 less the one that was never sent"
    assert store.delivery("Wire").cursor == 21
    (waiting,) = backlog(store)
    assert (waiting.failing, waiting.last_error) == (1, "The broker hung up.")
    wire.dies_after = None
    assert carry() == Sent(chunks=29, ended=1)
    assert wire.text(key) == "".join(f"{seq}\n" for seq in range(1, 50))
    names = Counter((chunk.chunk_id, chunk.end is not None) for chunk in wire.arrived)
    assert sum(names.values()) - len(names) == 9, "repeats, which the far side can drop"
    assert backlog(store) == []


def test_a_stream_that_is_away_is_seen_though_all_logs_are_open(
    store: Store, wire: Wire, carry: Callable[..., Sent]
) -> None:
    store.send("one\n")
    wire.dies_after = 0
    carry()
    (waiting,) = backlog(store)
    assert (waiting.logs, waiting.failing, waiting.last_error) == (1, 1, "The broker hung up.")
    wire.dies_after = None
    carry()
    assert backlog(store) == []


def test_a_stream_that_fails_before_it_asks_for_anything_has_its_reason_noted(
    store: Store, wire: Wire, carry: Callable[..., Sent], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.send("one\n")

    def fails(_chunks: Iterator[Chunk], _outcome: Acknowledgements) -> None:
        raise Unavailable("Nobody is there.")

    with monkeypatch.context() as patched:
        patched.setattr(wire, "send", fails)
        carry()
    assert (store.delivery("Wire").last_error, store.delivery("Wire").cursor) == ("Nobody is there.", 0)
    assert carry().chunks == 1


def test_an_unexpected_error_of_the_plugin_counts_as_a_failure(
    store: Store, wire: Wire, carry: Callable[..., Sent]
) -> None:
    store.send("one\n")

    def breaks(_piece: Chunk) -> None:
        raise ZeroDivisionError("nought")

    wire.after_each = breaks
    assert str(carry().problem) == "ZeroDivisionError: nought"
    assert store.delivery("Wire").last_error == "ZeroDivisionError: nought"


def test_a_refused_piece_keeps_only_its_own_log_waiting(store: Store, wire: Wire, carry: Callable[..., Sent]) -> None:
    good, bad = store.new_key(), store.new_key()
    for seq in range(1, 8):
        store.send_numbered(seq, f"{seq}\n", bad)
        store.send_numbered(seq, f"{seq}\n", good)
    store.finalise(good)
    wire.refuses = lambda chunk: "It is poison." if chunk.key == bad and chunk.seq == 4 else ""
    before = datetime.now(UTC)
    assert carry() == Sent(chunks=11, ended=1, refused=1)
    assert wire.text(good) == "1\n2\n3\n4\n5\n6\n7\n"
    assert wire.text(bad) == "1\n2\n3\n"
    waiting = store.delivery("Wire", bad)
    assert (waiting.cursor, waiting.attempts, waiting.last_error) == (3, 1, "It is poison.")
    assert waiting.next_attempt > before + timedelta(seconds=30)
    assert carry() == Sent(), "it has its pause"
    wire.refuses = lambda _piece: ""
    store.end_pauses()
    assert carry() == Sent(chunks=4)
    assert wire.text(bad) == "1\n2\n3\n4\n5\n6\n7\n"


def test_a_log_that_is_damaged_in_the_database_keeps_only_itself_waiting(
    store: Store, wire: Wire, carry: Callable[..., Sent]
) -> None:
    good, bad = store.new_key(), store.new_key()
    for key in (bad, good):
        store.send("one\n", key)
        store.finalise(key)
    with store.database.writing() as connection:
        log_id = store.record(bad).log_id
        connection.execute(schema.chunks.update().where(schema.chunks.c.LogID == log_id).values(Data=b"rubbish"))
    assert carry() == Sent(chunks=2, ended=1, refused=1)
    assert wire.text(good) == "one\n"
    assert "damaged" in store.delivery("Wire", bad).last_error


def test_a_killed_process_leaves_repeats_and_no_gap(
    store: Store, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    """It never notes what the stream confirmed last; its lease ends, and another process goes on."""
    for seq in range(1, 40):
        store.send_numbered(seq, f"{seq}\n")
    store.finalise()

    def take(connection: Any) -> None:
        now = store.database.now(connection)
        found = streams.list_due(connection, "alpha", "Wire", now, 10)
        (claim,) = streams.claim(connection, found, "Wire", "dead", now, streaming.LEASE)
        streams.keep_progress(connection, "Wire", "dead", [streams.StreamProgress(claim.log.log_id, 7, 7)])

    store.database.transact(take)
    assert carry() == Sent(), "somebody else has it"
    store.end_leases()
    assert carry() == Sent(chunks=33, ended=1)
    assert [chunk.first_line for chunk in wire.of(key)] == list(range(8, 41))


def test_what_is_confirmed_is_noted_while_the_stream_goes_on(
    store: Store, wire: Wire, carry: Callable[..., Sent]
) -> None:
    for seq in range(1, 40):
        store.send_numbered(seq, f"{seq}\n")

    def wait(chunk: Chunk) -> None:
        until = time.monotonic() + 120
        while chunk.seq == 30 and store.delivery("Wire").cursor < 20:
            assert time.monotonic() < until
            time.sleep(0.01)

    wire.after_each = wait
    assert carry(note_seconds=0.01, renew_every=1).chunks == 39


def test_two_agents_send_each_piece_once(
    store: Store, archives: Archives, wire: Wire, carry: Callable[..., Sent]
) -> None:
    keys = [store.new_key() for _ in range(30)]
    for key in keys:
        store.send("one\n", key)
        store.finalise(key)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(carry, ["one", "two", "three", "four"]))
    done.append(carry("five"))
    assert sum(sent.ended for sent in done) == 30
    assert Counter(chunk.key for chunk in wire.arrived) == dict.fromkeys(keys, 2)


def test_a_log_that_another_agent_has_ended_meanwhile_is_not_taken_on(
    store: Store, wire: Wire, carry: Callable[..., Sent]
) -> None:
    """Between an agent's look and its claim."""
    store.send("one\n")
    store.finalise()
    log_id = store.record().log_id
    carry("quick")

    def take(connection: Any) -> list[streams.Claim]:
        now = store.database.now(connection)
        return streams.claim(connection, [log_id], "Wire", "late", now, streaming.LEASE)

    assert store.database.transact(take) == []
    assert store.delivery("Wire").state is DeliveryState.DELIVERED
    assert [chunk.end is not None for chunk in wire.arrived] == [False, True]


# Beside other plugins


def test_a_log_is_archived_when_stream_and_archive_have_it(
    store: Store, archives: Archives, wire: Wire, key: LogKey
) -> None:
    folder = archives.add()
    store.send("one\n")
    store.finalise()
    folder.problem = Unavailable("The disk is full.")
    deliver_due(archives.courier(), "alpha", lambda: False)
    assert wire.text(key) == "one\n"
    assert store.record().state is LogState.COMPLETE
    folder.problem = None
    store.end_pauses()
    done = deliver_due(archives.courier(), "alpha", lambda: False)
    assert (done.delivered, done.works) == (1, {"Folder"})
    assert store.record().state is LogState.ARCHIVED
    assert wire.closed == 2


def test_a_late_line_after_the_text_has_left_the_database(
    store: Store, archives: Archives, wire: Wire, key: LogKey
) -> None:
    folder = archives.add()
    store.send("one\n")
    store.finalise()
    deliver_due(archives.courier(), "alpha", lambda: False)
    store.expire()
    store.send("late\n")
    deliver_due(archives.courier(), "alpha", lambda: False)
    assert wire.text(key) == "one\nlate\n"
    assert [chunk.first_line for chunk in wire.of(key)] == [1, 2, 2, 3]
    assert folder.content() == "one\nlate\n"
    assert store.record().state is LogState.ARCHIVED


def test_a_stream_that_is_away_ends_its_part_of_the_round_only(store: Store, archives: Archives, wire: Wire) -> None:
    folder = archives.add()
    keys = [store.new_key() for _ in range(5)]
    store.append(*(Append(key, b"one\n", session="a", seq=1, final=Final(0)) for key in keys))
    wire.dies_after = 0
    done = deliver_due(archives.courier(), "alpha", lambda: False)
    assert done == Round(delivered=5, failed=1, works={"Folder"}, down={"Wire"})
    assert len(folder.files) == 5


def test_a_stream_waits_for_what_running_pilots_write(
    store: Store, archives: Archives, wire: Wire, key: LogKey
) -> None:
    store.send("one\n")
    arrived = threading.Event()

    def write_more() -> None:
        if len(wire.arrived) == 1:
            store.send("two\n")
        else:
            arrived.set()

    wire.after_each = lambda _piece: threading.Thread(target=write_more).start()
    until = time.monotonic() + 120

    def lingers() -> bool:
        return not arrived.is_set() and time.monotonic() < until

    deliver_due(archives.courier(), "alpha", lambda: False, lingers=lingers)
    assert wire.text(key) == "one\ntwo\n"


def test_a_stream_does_not_wait_where_no_pilot_writes(store: Store, archives: Archives, wire: Wire) -> None:
    store.finalise()
    asked: list[bool] = []

    def lingers() -> bool:
        asked.append(True)
        return len(asked) < 100

    deliver_due(archives.courier(), "alpha", lambda: False, lingers=lingers)
    assert len(asked) == 1


def test_a_stream_that_is_told_to_stop_comes_again(store: Store, archives: Archives, wire: Wire, key: LogKey) -> None:
    for seq in range(1, 400):
        store.send_numbered(seq, f"{seq}\n")
    store.finalise()
    done = deliver_due(archives.courier(), "alpha", lambda: len(wire.arrived) > 5)
    assert done.unfinished
    assert 5 < len(wire.arrived) < 399
    assert not deliver_due(archives.courier(), "alpha", lambda: False).unfinished
    assert wire.text(key) == "".join(f"{seq}\n" for seq in range(1, 400))
    assert len(wire.arrived) == 400, "no repeats: it had waited for its confirmations"


def test_settled_when_a_stream_is_taken_off_the_list(store: Store, archives: Archives, wire: Wire) -> None:
    archives.add()
    store.send("one\n")
    store.finalise()
    wire.dies_after = 0
    deliver_due(archives.courier(), "alpha", lambda: False)
    with store.database.writing() as connection:
        log_ids = lifecycle.list_settled(connection, "alpha", ("Folder",))
        assert lifecycle.settle(connection, "alpha", ("Folder",), store.database.now(connection), log_ids) == 1


def test_a_stream_is_told_what_was_erased(
    store: Store, archives: Archives, wire: Wire, carry: Callable[..., Sent], key: LogKey
) -> None:
    """It gets what it lacks without the text, and of what it had that it has to go; also when the log is closed."""
    store.send_numbered(1, "first\nhunter2-Zm9v\n")
    carry()
    store.send_numbered(2, "again hunter2-Zm9v\n")
    Eraser(archives.reader).erase(key, {"text": "hunter2-Zm9v"}, "an operator", False)
    carry()
    first, second, told = wire.of(key)
    assert (first.text, second.text) == (b"first\nhunter2-Zm9v\n", b"again ************\n")
    assert told.erased is not None
    assert (told.text, told.erased.by, told.erased.lines) == (b"", "an operator", 2)
    assert told.erased.bytes == {1: ((6, 18),), 2: ((6, 18),)}
    store.finalise()
    carry()
    assert store.record().state is LogState.ARCHIVED
    Eraser(archives.reader).erase(key, {"lines": [1, 1]}, "an operator", False)
    carry()
    *_, told, end = wire.of(key)
    assert told.erased is not None and told.erased.bytes == {1: ((0, 6),)}
    assert end.end is not None
    assert store.record().state is LogState.ARCHIVED
