# SPDX-License-Identifier: GPL-3.0-only
"""What the publisher does with what a broker says, where a real one would say it too seldom."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from PilotLoggingDIRAC.deliver.conformance import Ledger
from PilotLoggingDIRAC.deliver.contract import Chunk
from PilotLoggingDIRAC.deliver.queue.access import Access
from PilotLoggingDIRAC.deliver.queue.connection import Event, Gone, Receipt, Refusal
from PilotLoggingDIRAC.deliver.queue.publisher import Limits, Publisher
from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import LogKey

ACCESS = Access((("broker.example.org", 61613),), "/queue/q")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class Broker:
    """A broker that keeps what it is sent, and answers as it is told.

    Attributes:
        kept: Keys of the messages, in their order.
        answer: What it says to a message, by its key and body; by default that it has it.
        connections: How many there were.
        away: Whether nobody is there.
    """

    answer: Callable[[str, bytes, str], list[Event]] = lambda _key, _body, number: [Receipt(number)]
    kept: list[str] = field(default_factory=list)
    connections: int = 0
    away: bool = False
    most_on_the_way: int = 0


class Connection:
    """To that broker."""

    name = "broker.example.org:61613"

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._events: deque[Event] = deque()
        self._on_the_way = 0
        broker.connections += 1

    def send(self, _destination: str, body: bytes, headers: dict[str, str], receipt: str) -> None:
        broker = self._broker
        self._on_the_way += 1
        broker.most_on_the_way = max(broker.most_on_the_way, self._on_the_way)
        answers = broker.answer(headers["key"], body, receipt)
        if not any(isinstance(answer, Refusal) for answer in answers):
            broker.kept.append(headers["key"])
        self._events += answers

    def next_event(self, _seconds: float) -> Event | None:
        if not self._events:
            return None
        event = self._events.popleft()
        self._on_the_way -= isinstance(event, Receipt)
        return event

    def close(self, politely: bool = False) -> None:
        self._events.clear()


class OfBroker(Publisher):
    """A publisher whose connections lead there; it does not wait."""

    __slots__ = ("broker",)

    def __init__(self, broker: Broker, **limits: Any) -> None:
        super().__init__(ACCESS, Limits(**({"connect_seconds": 0.0} | limits)), sleep=lambda _seconds: None)
        self.broker = broker

    def _connect(self) -> Any:
        if self.broker.away:
            raise Unavailable("Nobody is there.")
        return Connection(self.broker)


def chunks(*names: str) -> list[Chunk]:
    """Such as "a1": log a, chunk 1."""
    return [Chunk(LogKey("v", name[0]), int(name[1:]), name.encode(), 1, NOW) for name in names]


def publish(publisher: Publisher, *names: str) -> Ledger:
    ledger = Ledger()
    publisher.publish(iter(chunks(*names)), ledger)
    return ledger


def confirmed(ledger: Ledger) -> list[str]:
    return [f"{key.stamp}{chunk}" for key, chunk, _ in ledger.confirmations]


def test_receipts_in_another_order_confirm_each_log_in_its_own() -> None:
    held: list[Event] = []

    def in_threes_backwards(_key: str, _body: bytes, number: str) -> list[Event]:
        held.insert(0, Receipt(number))
        if len(held) < 3:
            return []
        answers, held[:] = list(held), []
        return answers

    ledger = publish(OfBroker(Broker(in_threes_backwards)), "a1", "a2", "b1", "b2", "a3", "a4")
    assert [name for name in confirmed(ledger) if name[0] == "a"] == ["a1", "a2", "a3", "a4"]
    assert [name for name in confirmed(ledger) if name[0] == "b"] == ["b1", "b2"]


def test_after_a_break_all_that_is_not_confirmed_goes_again_in_order() -> None:
    broken: list[bool] = []

    def breaks_once(key: str, _body: bytes, number: str) -> list[Event]:
        if key == "v/a/3/1" and not broken:
            broken.append(True)
            return [Gone()]
        return [Receipt(number)] if key != "v/a/2/1" or broken else []

    broker = Broker(breaks_once)
    ledger = publish(OfBroker(broker), "a1", "a2", "b1", "a3")
    assert broker.kept == [f"v/{name}/1" for name in ("a/1", "a/2", "b/1", "a/3", "a/2", "a/3")]
    assert sorted(confirmed(ledger)) == ["a1", "a2", "a3", "b1"]
    assert broker.connections == 2


def refuses(*keys: str) -> Callable[[str, bytes, str], list[Event]]:
    return lambda key, _body, number: [Refusal("no"), Gone()] if key in keys else [Receipt(number)]


def test_what_is_refused_while_others_pass_is_at_fault() -> None:
    broker = Broker(refuses("v/a/2/1"))
    ledger = publish(OfBroker(broker), "a1", "a2", "a3", "b1", "b2")
    assert [(chunk.chunk_id, chunk.key.stamp) for chunk, _ in ledger.refusals] == [(2, "a")]
    assert sorted(confirmed(ledger)) == ["a1", "b1", "b2"]
    assert "v/a/3/1" not in broker.kept[broker.kept.index("v/b/1/1") :], "what is behind it waits"


def test_two_at_fault_in_two_logs() -> None:
    ledger = publish(OfBroker(Broker(refuses("v/a/1/1", "v/b/1/1"))), "a1", "a2", "b1", "b2", "c1", "c2")
    assert {chunk.key.stamp for chunk, _ in ledger.refusals} == {"a", "b"}
    assert confirmed(ledger) == ["c1", "c2"]


def test_a_queue_that_refuses_everything_blames_nobody() -> None:
    broker = Broker(lambda _key, _body, _number: [Refusal("not yours"), Gone()])
    ledger = Ledger()
    with pytest.raises(Unavailable, match="The broker refuses what is sent to /queue/q: not yours"):
        OfBroker(broker).publish(iter(chunks("a1", "b1", "c1", "d1", "e1")), ledger)
    assert (ledger.confirmations, ledger.refusals) == ([], [])
    assert broker.connections < 12


def test_a_broker_that_hangs_up_again_and_again_is_away() -> None:
    broker = Broker(lambda _key, _body, _number: [Gone()])
    with pytest.raises(Unavailable, match="has hung up"):
        publish(OfBroker(broker), "a1")
    assert broker.connections == 3


def test_a_broker_that_confirms_nothing_is_away() -> None:
    with pytest.raises(Unavailable, match="has confirmed nothing for"):
        publish(OfBroker(Broker(lambda *_: []), timeout=0.5), "a1", "b1")


def test_no_more_than_the_window_are_on_the_way() -> None:
    broker = Broker()
    publish(OfBroker(broker, window=3), *(f"a{number}" for number in range(1, 50)))
    assert broker.most_on_the_way == 3


def test_nobody_is_called_for_nothing() -> None:
    broker = Broker(away=True)
    assert publish(OfBroker(broker)).confirmations == []
    with pytest.raises(Unavailable, match="Nobody is there"):
        publish(OfBroker(broker), "a1")


def test_a_name_that_cannot_be_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_names(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with pytest.raises(Unavailable) as caught:
        publish(Publisher(ACCESS), "a1")
    assert str(caught.value) == (
        "The broker's name broker.example.org cannot be resolved: Temporary failure in name resolution."
    )
