# SPDX-License-Identifier: GPL-3.0-only
"""What must hold with each kind of broker. The modules that run these name the kind as ``BROKER``."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parts.certificates import Authority, Issued, make_keys
from queues.broker import Broker
from queues.reader import Arrival, first_of_each
from queues.sending import Sender, log, mixed

from PilotLoggingDIRAC.deliver.conformance import Ledger, Receiver, StreamConformance
from PilotLoggingDIRAC.deliver.contract import Chunk, StreamPlugin
from PilotLoggingDIRAC.deliver.probe import probe
from PilotLoggingDIRAC.deliver.queue.access import Access
from PilotLoggingDIRAC.deliver.queue.publisher import Limits, Publisher
from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import LogKey

QUEUE = "pilotlogs.alpha"
_numbers = itertools.count()


def new_queue() -> str:
    """A queue that nobody has used."""
    return f"pilotlogs.test{next(_numbers)}"


def new_log(chunks: int, **more: Any) -> list[Any]:
    return log(LogKey("alpha", uuid.uuid4().hex), chunks, **more)


def publish(publisher: Publisher, chunks: Iterable[Chunk]) -> Ledger:
    """Send chunks, and give what became of them."""
    ledger = Ledger()
    publisher.publish(iter(chunks), ledger)
    return ledger


def kept_order(arrivals: list[Arrival], logs: list[list[Any]]) -> None:
    """Every chunk has arrived, and without repeats each log's are in order."""
    first = first_of_each(arrivals)
    for chunks in logs:
        mine = [arrival for arrival in first if arrival.log == chunks[0].key]
        assert [(each.document["chunk"], "end" in each.document) for each in mine] == [
            (chunk.chunk_id, chunk.end is not None) for chunk in chunks
        ]
        assert b"".join(each.text for each in mine) == b"".join(chunk.text for chunk in chunks)


def all_ended(logs: list[list[Any]]) -> Callable[[list[Arrival]], bool]:
    return ended([chunks[-1].key for chunks in logs])


def ended(keys: list[LogKey]) -> Callable[[list[Arrival]], bool]:
    """Whether the ends of some logs have arrived."""
    return lambda arrivals: {each.log for each in arrivals if "end" in each.document} >= set(keys)


class Conformance(StreamConformance):
    """The suite for streams, through the plugin as the CS configures it."""

    service = ""

    @pytest.fixture
    def plugin(self, new_plugin: Callable[..., Any]) -> StreamPlugin[Any]:
        return new_plugin(self.service)

    @pytest.fixture
    def unreachable(self, new_plugin: Callable[..., Any]) -> StreamPlugin[Any]:
        return new_plugin("away")

    def test_a_probe_logs_in_and_sends_nothing(
        self, plugin: StreamPlugin[Any], unreachable: StreamPlugin[Any], tmp_path: Path
    ) -> None:
        assert probe(plugin, tmp_path).startswith("It logged in to localhost:")
        with pytest.raises(Unavailable, match="cannot be reached"):
            probe(unreachable, tmp_path)

    @pytest.fixture
    def far_side(self, reader_of_alpha: Receiver) -> Receiver:
        return reader_of_alpha


class Certificates:
    """Who gets in."""

    @pytest.fixture
    def refused(self, broker: Broker) -> Iterator[Callable[..., str]]:
        """Tries to send with somebody's certificate; gives what the operator is told."""
        queue = new_queue()

        def attempt(certificate: Path, key: Path, authorities: Path | None = None) -> str:
            access = broker.tls_access(queue, certificate, key, authorities)
            with pytest.raises(Unavailable) as caught:
                publish(Publisher(access, Limits(connect_seconds=20)), new_log(1))
            return str(caught.value)

        yield attempt
        layout = broker.stack.layout
        publish(Publisher(broker.tls_access(queue, layout.host_certificate, layout.host_key)), accepted := new_log(1))
        with broker.reader(queue) as reader:
            arrivals = reader.wait_until(all_ended([accepted]))
        assert {arrival.log for arrival in arrivals} == {accepted[0].key}, "and of those refused nothing has come"

    def test_a_valid_one_of_somebody_unknown(self, broker: Broker, refused: Callable[..., str]) -> None:
        users = broker.stack.layout.users
        assert "does not let us in" in refused(users / "stranger.cert.pem", users / "stranger.key.pem")

    def test_one_of_another_ca_with_our_name(self, broker: Broker, refused: Callable[..., str], tmp_path: Path) -> None:
        ca, key = make_keys(2)
        rogue = Authority(ca)
        rogue.write_directory(tmp_path / "ca")
        issued = Issued(tmp_path / "cert.pem", tmp_path / "key.pem")
        rogue.issue_host(key, issued)
        said = refused(issued.certificate, issued.key)
        assert "localhost" in said
        layout = broker.stack.layout
        said = refused(layout.host_certificate, layout.host_key, tmp_path / "ca")
        assert "its certificate is not valid for us" in said

    def test_one_that_has_expired(self, broker: Broker, refused: Callable[..., str]) -> None:
        users = broker.stack.layout.users
        assert "localhost" in refused(users / "expired_host.cert.pem", users / "expired_host.key.pem")

    def test_a_file_that_is_not_there(self, refused: Callable[..., str], tmp_path: Path) -> None:
        assert "cannot be used" in refused(tmp_path / "cert.pem", tmp_path / "key.pem")

    def test_a_wrong_password(self, broker: Broker) -> None:
        with pytest.raises(Unavailable, match="does not let us in"):
            publish(Publisher(broker.access(QUEUE, password="wrong")), new_log(1))


class Refusals:
    """Messages and queues that a broker will not have."""

    TOO_LARGE = Limits(largest_body=5_000_000)
    """The brokers take 2 MB."""

    def test_a_poison_message_stops_its_own_log_only(self, broker: Broker) -> None:
        queue = new_queue()
        bad, good = new_log(30), [new_log(30) for _ in range(3)]
        bad[10] = replace(bad[10], text=b"x" * 2_500_000 + b"\n")
        ledger = publish(Publisher(broker.access(queue), self.TOO_LARGE), mixed([bad, *good]))
        ((chunk, reason),) = ledger.refusals
        assert chunk == bad[10]
        assert "2500" in reason
        assert "takes others" in reason
        confirmed = [name for name in ledger.confirmations if name[0] == bad[0].key]
        assert confirmed == [(each.key, each.chunk_id, False) for each in bad[:10]]
        publish(Publisher(broker.access(queue)), bad[10:])  # in smaller parts
        with broker.reader(queue) as reader:
            kept_order(reader.wait_until(all_ended([bad, *good])), good)
            arrivals = [arrival for arrival in first_of_each(reader.arrivals) if arrival.log == bad[0].key]
        assert b"".join(arrival.text for arrival in arrivals) == b"".join(chunk.text for chunk in bad)
        assert len(arrivals) > len(bad)

    def test_without_another_message_none_is_called_poison(self, broker: Broker) -> None:
        (chunk, *_) = new_log(1)
        bad = replace(chunk, text=b"x" * 2_500_000)
        with pytest.raises(Unavailable, match="refuses what is sent to"):
            publish(Publisher(broker.access(new_queue()), self.TOO_LARGE), [bad])

    def test_a_queue_that_we_may_not_write_to_is_unavailable(self, broker: Broker) -> None:
        logs = [new_log(300) for _ in range(5)]
        with pytest.raises(Unavailable, match="/queue/forbidden"):
            publish(Publisher(broker.access("forbidden")), mixed(logs))


class Faults:
    """What happens to the broker while messages are on the way."""

    PATIENT = Limits(connect_seconds=2, timeout=2)

    def test_killed_in_the_middle(self, broker: Broker) -> None:
        """The long form of this is ``make faults-queue``."""
        queue, logs = new_queue(), [new_log(200) for _ in range(10)]
        sender = Sender(Publisher(broker.access(queue)), logs)
        sender.held_at = 10
        sender.start()
        sender.wait_for(10)
        broker.remember_queues()
        sender.go_on.set()
        for wanted in (500, 1200):
            sender.wait_for(wanted)
            broker.suffer("kill")
            broker.suffer("start")
        sender.finish()
        with broker.reader(queue) as reader:
            kept_order(reader.wait_until(all_ended(logs)), logs)

    def test_stopped_for_a_while(self, broker: Broker) -> None:
        queue, logs = new_queue(), [new_log(300) for _ in range(10)]
        sender = Sender(Publisher(broker.access(queue), self.PATIENT), logs)
        sender.held_at = 300
        sender.start()
        sender.wait_for(300)
        broker.suffer("pause")
        sender.go_on.set()
        try:
            said_within(sender, 120)
        finally:
            broker.suffer("resume")
        sender.finish()
        with broker.reader(queue) as reader:
            kept_order(reader.wait_until(all_ended(logs)), logs)


def said_within(sender: Sender, seconds: float) -> str:
    """What the operator is told about a broker that does nothing."""
    end = time.monotonic() + seconds
    while not sender.problems:
        assert sender.failure is None, sender.failure
        assert sender.is_alive(), "it was done before the broker could trouble it"
        assert time.monotonic() < end, f"it still waits; {sender.confirmed_chunks} are confirmed"
        time.sleep(0.05)
    return sender.problems[-1]


def fill_until_full(access: Access, limits: Limits, size: int) -> tuple[Sender, list[list[Any]]]:
    """Send more than a queue takes; the sender is stuck when this returns."""
    logs = [new_log(80, size=size) for _ in range(4)]
    sender = Sender(Publisher(access, limits), logs)
    sender.start()
    said_within(sender, 120)
    return sender, logs
