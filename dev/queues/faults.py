# SPDX-License-Identifier: GPL-3.0-only
"""Brokers that are killed, hang, are full or refuse, while pilots write; then all that was confirmed is looked for.

First, for each kind of broker: so many messages, `kill -9` ten times in between. Then the whole way, from pilots
through collector, database and agent: what a pilot waits for its acknowledgement while all is well, and in trouble.
"""

import argparse
import logging
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from parts import faults, lifecycle, state
from parts.calls import tls_context
from parts.program import run, scratch_folder
from parts.senders import NumberedSender

from PilotLoggingDIRAC.deliver.queue.publisher import Limits, Publisher
from PilotLoggingDIRAC.model import LogKey

from .broker import Broker
from .reader import Arrival, first_of_each
from .sending import Sender, log, numbered_lines

_LOGS = 20
_KINDS = ("activemq", "rabbitmq")
_TEXT = 5000
_RESTARTED_EVERY = 5.0
_IMPATIENT = {"ConnectTimeout": 3, "ConfirmTimeout": 3}


def main() -> int:
    """Run it and print what was found; the exit code is 0 if nothing is lost and every log keeps its order."""
    parser = argparse.ArgumentParser(prog="dev/faults-queue", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="for each kind of broker")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20, help="of each trouble in the second part")
    arguments = parser.parse_args()
    logging.getLogger("PilotLoggingDIRAC").setLevel(logging.CRITICAL)
    with scratch_folder("faults-queue") as folder:
        return run("faults-queue", lambda: _suffer(folder, arguments), AssertionError)


def _suffer(folder: Path, arguments: argparse.Namespace) -> int:
    well = True
    for kind in _KINDS:
        well &= _kills(Broker(kind, folder / kind), arguments.messages, arguments.kills)
    for kind in _KINDS:
        well &= _troubles(Broker(kind, folder / f"{kind}-way"), arguments.seconds)
    return 0 if well else 1


def _kills(broker: Broker, messages: int, kills: int) -> bool:
    lifecycle.up(broker.directory, state.Plan(brokers=(broker.name,)))
    logs = [log(LogKey("alpha", uuid.uuid4().hex), messages // _LOGS - 1) for _ in range(_LOGS)]
    sender = Sender(Publisher(broker.access("pilotlogs.alpha"), Limits()), logs)
    sender.held_at = 10
    begun = time.monotonic()
    sender.start()
    sender.wait_for(10)
    broker.remember_queues()
    sender.go_on.set()
    for number in range(kills):
        sender.wait_for(messages * (number + 1) // (kills + 1), 300)
        broker.suffer("kill")
        broker.suffer("start")
    sender.finish()
    seconds = time.monotonic() - begun
    broker.suffer("kill")  # what is confirmed is on disk
    broker.suffer("start")
    names = [(chunk.key, chunk.chunk_id, chunk.end is not None) for chunks in logs for chunk in chunks]
    with broker.reader("pilotlogs.alpha") as reader:
        reader.wait_until(lambda arrivals: len({arrival.key for arrival in arrivals}) >= len(names), 120)
        time.sleep(2)
        arrivals = list(reader.arrivals)
    first = [_name(arrival) for arrival in first_of_each(arrivals)]
    lost = len(set(names) - set(first))
    misplaced = sum(
        [name for name in first if name[0] == chunks[0].key] != [name for name in names if name[0] == chunks[0].key]
        for chunks in logs
    )
    print(
        f"{broker.name}: {len(names)} messages in {seconds:.0f} s, {kills} kills: {lost} lost, "
        f"{len(arrivals) - len(first)} repeats, {misplaced} logs out of order",
        flush=True,
    )
    return lost == misplaced == 0


def _name(arrival: Arrival) -> tuple[LogKey, int, bool]:
    return arrival.log, arrival.document["chunk"], "end" in arrival.document


# The whole way


def _troubles(broker: Broker, seconds: float) -> bool:
    section = "/Operations/alpha/Pilot"
    options = {f"{section}/LoggingPlugins": "MessageQueue"}
    options[f"{section}/MessageQueue/Destination"] = f"{broker.name}-plain::Queues::pilotlogs.alpha"
    options |= {f"{section}/MessageQueue/{name}": str(value) for name, value in _IMPATIENT.items()}
    given = tuple(f"{path}={value}" for path, value in options.items())
    lifecycle.up(broker.directory, state.Plan(brokers=(broker.name,), agent=True, options=given))
    well = True
    texts: dict[str, bytes] = {}
    for name, trouble in _kinds_of_trouble(broker).items():
        with trouble():
            waited, written = _write(broker, seconds)
        texts |= written
        waited.sort()
        print(
            f"{broker.name}: {name:<24} {len(waited):>5} acknowledgements, ms: median {_ms(waited, 0.5)}, "
            f"95 % {_ms(waited, 0.95)}, slowest {_ms(waited, 1)}",
            flush=True,
        )
        _new_agent(broker)
        found = _received(broker, texts)
        if found != texts:
            wrong = sum(found.get(stamp) != text for stamp, text in texts.items())
            print(f"{broker.name}: {wrong} logs are not what the pilots wrote", flush=True)
            well = False
    print(f"{broker.name}: {len(texts)} logs through all of this: {'each is whole' if well else 'NOT all whole'}")
    return well


def _kinds_of_trouble(broker: Broker) -> dict[str, Callable[[], object]]:
    kinds: dict[str, Callable[[], object]] = {
        "all is well": lambda: _nothing(broker),
        "it hangs (SIGSTOP)": lambda: _stopped(broker, "pause", "resume"),
        "it is away": lambda: _stopped(broker, "kill", "start"),
        "it restarts each 5 s": lambda: _restarting(broker),
    }
    if broker.name == "rabbitmq":
        kinds["it has a memory alarm"] = lambda: _without_memory(broker)
    return kinds


@contextmanager
def _nothing(_broker: Broker) -> Iterator[None]:
    yield


@contextmanager
def _stopped(broker: Broker, before: str, after: str) -> Iterator[None]:
    broker.suffer(before)
    try:
        yield
    finally:
        broker.suffer(after)


@contextmanager
def _without_memory(broker: Broker) -> Iterator[None]:
    broker.set_memory_limit("1MB")
    try:
        yield
    finally:
        broker.set_memory_limit()


@contextmanager
def _restarting(broker: Broker) -> Iterator[None]:
    over = threading.Event()

    def restart() -> None:
        while not over.wait(_RESTARTED_EVERY):
            broker.suffer("kill")
            broker.suffer("start")

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write(broker: Broker, seconds: float) -> tuple[list[float], dict[str, bytes]]:
    """Four pilots write for so long: what they waited for each acknowledgement, and their texts by stamp."""
    layout = broker.stack.layout
    context = tls_context(layout.certificates, layout.credentials / "alpha_pilot.pem")
    waited: list[float] = []
    texts: dict[str, bytes] = {}

    def pilot() -> None:
        stamp, text, end = uuid.uuid4().hex, b"", time.monotonic() + seconds
        sender = NumberedSender(broker.stack.pilots_url, context, stamp, "alpha", about={"site": "LCG.X.org"})
        number = 0
        while time.monotonic() < end:
            number += 1
            chunk = numbered_lines(stamp, number, _TEXT)
            begun = time.monotonic()
            sender.send(chunk.decode())
            waited.append(time.monotonic() - begun)
            text += chunk
            time.sleep(0.05)
        sender.finalise("", 0)
        texts[stamp] = text

    threads = [threading.Thread(target=pilot) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waited, texts


def _new_agent(broker: Broker) -> None:
    """One that does not remember that the broker was down: the old one would look again in minutes only."""
    for action in ("stop", "start"):
        with state.alone(broker.directory):
            faults.change(broker.stack, "agent", action)


_kept: dict[str, dict[tuple[str, int, int], bytes]] = {}


def _received(broker: Broker, texts: dict[str, bytes]) -> dict[str, bytes]:
    """The logs, rebuilt from all that has come so far, once all their ends are there."""
    kept = _kept.setdefault(broker.name, {})
    ends: set[str] = {stamp for stamp, _, part in kept if part == 0}
    with broker.reader("pilotlogs.alpha") as reader:
        reader.wait_until(
            lambda arrivals: (
                ends | {arrival.log.stamp for arrival in arrivals if arrival.document["part"] == 0} >= set(texts)
            ),
            600,
        )
        time.sleep(1)
        for arrival in reader.arrivals:
            kept[arrival.log.stamp, arrival.document["chunk"], arrival.document["part"]] = arrival.text
    rebuilt: dict[str, bytes] = dict.fromkeys(texts, b"")
    for name, text in sorted(kept.items()):
        rebuilt[name[0]] = rebuilt.get(name[0], b"") + text
    return rebuilt


def _ms(waited: list[float], share: float) -> str:
    return f"{1000 * waited[min(len(waited) - 1, int(share * len(waited)))]:.0f}"


if __name__ == "__main__":
    sys.exit(main())
