# SPDX-License-Identifier: GPL-3.0-only
"""From PilotLogDB to a broker, as the agent does it, beside a bare stomp.py loop: the same bodies, made before, the
same window, persistent, with receipts, in turns in one run. Nothing is asserted on time.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import stomp
from parts import lifecycle, state
from parts.failure import Failure
from parts.program import run, scratch_folder
from sqlalchemy import URL

from PilotLoggingDIRAC.deliver.contract import Acknowledgements, Chunk, StreamPlugin
from PilotLoggingDIRAC.deliver.courier import Courier
from PilotLoggingDIRAC.deliver.queue.encoder import encode
from PilotLoggingDIRAC.deliver.queue.publisher import Limits, Publisher
from PilotLoggingDIRAC.deliver.streaming import StreamCourier
from PilotLoggingDIRAC.model import Append, Final, LogKey
from PilotLoggingDIRAC.settings import Settings
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.upgrade import prepare

from .broker import Broker
from .sending import NOW, numbered_lines

_LOGS = 20
_WINDOW = Limits().window


def main() -> int:
    """Measure and print; the exit code is 0 if everything was confirmed."""
    parser = argparse.ArgumentParser(prog="dev/bench-queue", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chunks", type=int, default=4000, help="of each size in a round")
    arguments = parser.parse_args()
    logging.getLogger("stomp.py").setLevel(logging.CRITICAL)
    with scratch_folder("bench-queue") as folder:
        return run("bench-queue", lambda: _bench_all(folder, arguments))


def _bench_all(folder: Path, arguments: argparse.Namespace) -> None:
    for kind in ("activemq", "rabbitmq"):
        _bench(Broker(kind, folder / kind), arguments.chunks, arguments.rounds)


def _bench(broker: Broker, count: int, rounds: int) -> None:
    lifecycle.up(broker.directory, state.Plan(brokers=(broker.name,)))
    print(
        f"{'':10} {'chunk':>6} {'ours lines/s':>13} {'bare lines/s':>13} {'ours msg/s':>11} {'bare msg/s':>11} "
        f"{'ours CPU':>9} {'bare CPU':>9}  µs a message; ratio of rates"
    )
    for size in (1000, 10_000):
        chunks = count if size == 1000 else count // 3
        lines = chunks * numbered_lines("", 1, size).count(b"\n")
        ours, bare = [], []
        for number in range(rounds + 1):  # the first warms up
            measured = _ours(broker, chunks, size), _bare(broker, chunks, size)
            if number:
                ours.append(measured[0])
                bare.append(measured[1])
            _drain(broker, 2 * chunks)
        (mine, my_cpu), (theirs, their_cpu) = (map(statistics.median, zip(*each, strict=True)) for each in (ours, bare))
        ratios = [one / other for (one, _), (other, _) in zip(bare, ours, strict=True)]
        print(
            f"{broker.name:10} {size:>4} B {lines / mine:>13.0f} {lines / theirs:>13.0f} {chunks / mine:>11.0f} "
            f"{chunks / theirs:>11.0f} {my_cpu / chunks * 1e6:>9.0f} {their_cpu / chunks * 1e6:>9.0f}  "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


class _Queue(StreamPlugin[Settings]):
    """The plugin without its configuration."""

    Settings = Settings

    def __init__(self, publisher: Publisher) -> None:
        super().__init__("alpha", Settings())
        self._publisher = publisher

    def send(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        self._publisher.publish(chunks, acknowledgements)

    def close(self) -> None:
        self._publisher.close()


def _stamps(chunks: int, size: int) -> Iterator[tuple[str, int, bytes]]:
    stamps = [uuid.uuid4().hex for _ in range(_LOGS)]
    for number in range(chunks):
        stamp = stamps[number % _LOGS]
        yield stamp, number // _LOGS + 1, numbered_lines(stamp, number, size)


def _ours(broker: Broker, chunks: int, size: int) -> tuple[float, float]:
    """Seconds, and those of CPU, from the first look into the database until the last confirmation is noted there."""
    with tempfile.TemporaryDirectory(prefix="pilotlogging-bench-") as folder:
        database = Database(URL.create("sqlite", database=f"{folder}/PilotLogDB.sqlite"))
        prepare(database)
        appends = [Append(LogKey("alpha", s), text, "s", seq) for s, seq, text in _stamps(chunks, size)]
        appends += [Append(key, final=Final(0)) for key in {append.key: None for append in appends}]
        database.transact(lambda connection: append_all(connection, appends, database.now(connection)))
        plugin = _Queue(Publisher(broker.access("pilotlogs.alpha")))
        courier = Courier(database, {"MessageQueue": plugin}, "bench", Path(folder))
        begun, used = time.monotonic(), time.process_time()
        sent = StreamCourier(courier, "alpha", "MessageQueue", plugin).carry(lambda: True)
        seconds, cpu = time.monotonic() - begun, time.process_time() - used
        plugin.close()
        database.close()
    if sent.problem or sent.chunks != chunks + _LOGS:
        raise Failure(f"{sent.chunks} of {chunks + _LOGS} chunks were confirmed: {sent.problem}")
    return seconds, cpu


class _Receipts(stomp.ConnectionListener):
    def __init__(self) -> None:
        self.free = threading.Semaphore(_WINDOW)
        self.connected = threading.Event()

    def on_connected(self, _frame: Any) -> None:
        self.connected.set()

    def on_receipt(self, _frame: Any) -> None:
        self.free.release()


def _bare(broker: Broker, chunks: int, size: int) -> tuple[float, float]:
    """Seconds, and those of this process's CPU, for the same messages, made before, by stomp.py alone."""
    messages = [
        message
        for stamp, seq, text in _stamps(chunks, size)
        for message in encode(Chunk(LogKey("alpha", stamp), seq, text, 1, NOW, "s", seq), 10**6)
    ]
    access = broker.access("pilotlogs.alpha")
    connection = stomp.Connection12(list(access.brokers), vhost="/", heartbeats=(10000, 10000))
    receipts = _Receipts()
    connection.set_listener("receipts", receipts)
    connection.connect(access.user, access.password)
    receipts.connected.wait(10)
    begun, used = time.monotonic(), time.process_time()
    for number, message in enumerate(messages):
        receipts.free.acquire()
        connection.send(access.destination, message.body, None, dict(message.headers), receipt=str(number))
    for _ in range(_WINDOW):
        receipts.free.acquire()
    seconds, cpu = time.monotonic() - begun, time.process_time() - used
    connection.transport.disconnect_socket()
    return seconds, cpu


def _drain(broker: Broker, messages: int) -> None:
    with broker.reader("pilotlogs.alpha") as reader:
        reader.wait_until(lambda arrivals: len(arrivals) >= messages, 300)


if __name__ == "__main__":
    sys.exit(main())
