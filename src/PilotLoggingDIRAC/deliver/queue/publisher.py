# SPDX-License-Identifier: GPL-3.0-only
"""Messages to a queue, in order, until the broker has confirmed each; over broken connections and to other brokers."""

from __future__ import annotations

import logging
import random
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...errors import Unavailable
from ...model import LogKey
from ..contract import Acknowledgements, Chunk
from .access import Access
from .connection import BrokerConnection, Event, Gone, Receipt, Refusal
from .encoder import Message, encode

_REFUSALS = 3
"""A message that the broker refused so often, each time alone on the way, is at fault itself, if others pass."""
_REFUSED_IN_A_ROW = 3
"""When so many different ones are refused and none passes, it is the destination that refuses."""
_ATTEMPTS = 3
"""So often connections may break before the broker counts as away."""
_RECOVERED = 20
"""With so many confirmations over one connection all is well again. Fewer say little: a RabbitMQ without memory takes
the first messages of each connection, and no more."""
_PAUSE_SECONDS = 0.5
"""Between attempts to reach a broker that has just been there."""
_MOST_BYTES = 16 * 2**20
Address = tuple[str, tuple[socket.AddressFamily, tuple[str, int]]]
"""A broker's name, and one of its addresses."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, and how long.

    Attributes:
        window: Messages on the way at one time.
        largest_body: Bytes of a message's body.
        connect_seconds: To reach one broker and be let in.
        timeout: How long a broker may take no message, and confirm none, in seconds.
    """

    window: int = 200
    largest_body: int = 10**6
    connect_seconds: float = 10.0
    timeout: float = 30.0


@dataclass(slots=True)
class _Shipment:
    """A chunk and its messages.

    Attributes:
        missing: How many of its messages are not confirmed.
    """

    chunk: Chunk
    missing: int


@dataclass(slots=True, eq=False)
class _Outgoing:
    """A message on its way."""

    number: str
    message: Message
    shipment: _Shipment
    refusals: int = 0


class _Broken(Exception):
    """The connection is of no more use.

    Attributes:
        refused: Whether the broker refused one of the messages on the way.
    """

    def __init__(self, problem: str, refused: bool = False) -> None:
        super().__init__(problem)
        self.refused = refused


class _RefusedAlone(Exception):
    """The broker refused the one message that was on the way."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Publisher:
    """Writes to one queue; used by one thread.

    Attributes:
        access: Where to.
        limits: How much at once.
        sleep: Waits so many seconds.
    """

    access: Access
    limits: Limits = field(default_factory=Limits)
    sleep: Callable[[float], None] = time.sleep
    _connection: BrokerConnection | None = field(default=None, init=False)
    _failed: str = field(default="", init=False)
    _numbers: int = field(default=0, init=False)

    def publish(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        """Send chunks until there are no more, see :meth:`~..contract.StreamPlugin.send`.

        Raises:
            Unavailable: No broker takes them.
        """
        try:
            _Publication(self, chunks, acknowledgements).run()
        except BaseException:
            self.drop()
            raise

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close(politely=True)
            self._connection = None

    def drop(self) -> None:
        """Give up a connection that has failed; the next one begins with another address."""
        if self._connection is not None:
            self._failed = self._connection.name
            self._connection.close()
            self._connection = None

    def connection(self) -> BrokerConnection:
        """The one that there is, or a new one, to any broker; to the one that failed last if no other is there.

        Raises:
            Unavailable: None of them can be reached; with what each one's problem is.
        """
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def number(self) -> str:
        """A name for a receipt that no other message has."""
        self._numbers += 1
        return str(self._numbers)

    def _connect(self) -> BrokerConnection:
        problems: list[str] = []
        for host, address in self._addresses(problems):
            try:
                connection = BrokerConnection(
                    self.access, host, address, self.limits.connect_seconds, self.limits.timeout
                )
            except Unavailable as problem:
                problems.append(str(problem))
                continue
            return connection
        raise Unavailable(" ".join(dict.fromkeys(problems)) or "There is no broker to be asked.")

    def _addresses(self, problems: list[str]) -> list[Address]:
        """All addresses of all brokers, in an order of chance: so many agents spread over an alias."""
        found: list[Address] = []
        for host, port in self.access.brokers:
            try:
                for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                    found.append((host, (family, (str(address[0]), int(address[1])))))
            except OSError as error:
                problems.append(f"The broker's name {host} cannot be resolved: {error.strerror or error}.")
        random.shuffle(found)
        found.sort(key=lambda entry: f"{entry[0]}:{entry[1][1][1]}" == self._failed)
        return found


class _Publication:
    """One call."""

    def __init__(self, publisher: Publisher, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        self._publisher = publisher
        self._acknowledgements = acknowledgements
        self._source = self._messages(chunks)
        self._exhausted = False
        self._unsent: deque[_Outgoing] = deque()
        self._sent: OrderedDict[str, _Outgoing] = OrderedDict()
        self._bytes = 0
        self._logs: dict[LogKey, deque[_Shipment]] = {}
        self._set_aside: dict[LogKey, tuple[_Outgoing, str]] = {}  # with the broker's reason
        self._refused: set[LogKey] = set()
        self._careful = 0
        self._failures = 0
        self._confirmed_since = 0

    def run(self) -> None:
        while True:
            try:
                self._go_on()
                break
            except _RefusedAlone as refusal:
                self._note_refusal(refusal.reason)
            except _Broken as broken:
                self._note_failure(broken)
            self._send_again()
        if self._set_aside:
            # There was nothing else by which to tell whether it is the message or the queue.
            _, reason = next(iter(self._set_aside.values()))
            raise self._all_refused(reason)

    def _go_on(self) -> None:
        """Until all is confirmed."""
        if (first := self._next()) is None:
            return
        # A broker is only called for something: so what waits for one that is away has been taken on, and is blamed.
        self._unsent.appendleft(first)
        connection = self._publisher.connection()
        last_progress = time.monotonic()
        while True:
            self._fill(connection)
            if not self._sent:
                return
            wait = last_progress + self._timeout - time.monotonic()
            event = connection.next_event(wait)
            if event is None:
                raise _Broken(f"The broker {connection.name} has confirmed nothing for {self._timeout:g} s.")
            while event is not None:
                if isinstance(event, Gone):
                    raise _Broken(f"The broker {connection.name} has hung up.")
                if isinstance(event, Receipt):
                    last_progress = time.monotonic()
                self._take_in(event, connection)
                event = connection.next_event(0)

    def _take_in(self, event: Event, connection: BrokerConnection) -> None:
        """What the broker says of messages."""
        if isinstance(event, Receipt):
            self._confirm(event.number)
        elif isinstance(event, Refusal):
            if len(self._sent) == 1:
                raise _RefusedAlone(event.reason)
            raise _Broken(f"The broker {connection.name} refuses a message: {event.reason}.", refused=True)

    @property
    def _timeout(self) -> float:
        return self._publisher.limits.timeout

    def _fill(self, connection: BrokerConnection) -> None:
        """Send as much as may be on the way."""
        window = 1 if self._careful else self._publisher.limits.window
        while len(self._sent) < window and self._bytes < _MOST_BYTES:
            outgoing = self._next()
            if outgoing is None:
                return
            self._sent[outgoing.number] = outgoing
            self._bytes += len(outgoing.message.body)
            try:
                connection.send(
                    self._publisher.access.destination, outgoing.message.body, outgoing.message.headers, outgoing.number
                )
            except OSError as error:
                # Why, the broker may have said before it hung up.
                while (event := connection.next_event(0.1)) is not None and not isinstance(event, Gone):
                    self._take_in(event, connection)
                raise _Broken(f"The broker {connection.name} takes no more: {error}.") from error

    def _next(self) -> _Outgoing | None:
        while True:
            if self._unsent:
                outgoing = self._unsent.popleft()
            elif self._exhausted:
                return None
            else:
                following = next(self._source, None)
                if following is None:
                    self._exhausted = True
                    return None
                outgoing = following
            key = outgoing.shipment.chunk.key
            if key not in self._set_aside and key not in self._refused:
                return outgoing

    def _messages(self, chunks: Iterator[Chunk]) -> Iterator[_Outgoing]:
        for chunk in chunks:
            messages = encode(chunk, self._publisher.limits.largest_body)
            shipment = _Shipment(chunk, len(messages))
            self._logs.setdefault(chunk.key, deque()).append(shipment)
            for message in messages:
                yield _Outgoing(self._publisher.number(), message, shipment)

    def _confirm(self, number: str) -> None:
        outgoing = self._sent.pop(number, None)
        if outgoing is None:
            return
        self._bytes -= len(outgoing.message.body)
        self._confirmed_since += 1
        if self._confirmed_since >= _RECOVERED:
            self._failures = 0
        self._careful = max(0, self._careful - 1)
        outgoing.shipment.missing -= 1
        key = outgoing.shipment.chunk.key
        waiting = self._logs[key]
        # Brokers may confirm in another order than that in which they were told.
        while waiting and waiting[0].missing == 0:
            self._acknowledgements.confirmed(waiting.popleft().chunk)
        if not waiting:
            del self._logs[key]
        self._give_up_set_aside()

    def _note_refusal(self, reason: str) -> None:
        (outgoing,) = self._sent.values()
        outgoing.refusals += 1
        self._careful = max(self._careful, 1)
        if outgoing.refusals < (1 if self._set_aside else _REFUSALS):
            return
        self._sent.clear()
        self._bytes = 0
        self._set_aside[outgoing.shipment.chunk.key] = outgoing, reason
        if len(self._set_aside) >= _REFUSED_IN_A_ROW:
            raise self._all_refused(reason)

    def _all_refused(self, reason: str) -> Unavailable:
        return Unavailable(f"The broker refuses what is sent to {self._publisher.access.destination}: {reason}.")

    def _give_up_set_aside(self) -> None:
        """Another message has passed: what was refused is itself at fault."""
        for key, (outgoing, said) in self._set_aside.items():
            chunk = outgoing.shipment.chunk
            size = len(outgoing.message.body)
            self._refused.add(key)
            self._logs.pop(key, None)
            reason = f"The broker refuses a message of {size} bytes, and takes others: {said}."
            self._acknowledgements.refused(chunk, reason)
        self._set_aside.clear()

    def _note_failure(self, broken: _Broken) -> None:
        self._failures += 1
        self._confirmed_since = 0
        _log.info("%s", broken)
        if self._failures >= _ATTEMPTS:
            raise Unavailable(str(broken))
        if broken.refused or self._failures > 1:
            # Which of those that are on the way is at fault, only one at a time can tell.
            self._careful = len(self._sent)

    def _send_again(self) -> None:
        """All that is not confirmed, in its order, over another connection.

        Raises:
            Unavailable: Nobody is there, nor is when it has been tried for ``connect_seconds``.
        """
        self._publisher.drop()
        self._unsent.extendleft(reversed(self._sent.values()))
        self._sent.clear()
        self._bytes = 0
        deadline = time.monotonic() + self._publisher.limits.connect_seconds
        while True:
            try:
                self._publisher.connection()
                return
            except Unavailable as problem:
                if time.monotonic() > deadline:
                    raise
                _log.info("%s", problem)
            self._publisher.sleep(_PAUSE_SECONDS)
