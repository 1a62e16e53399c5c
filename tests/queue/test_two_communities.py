# SPDX-License-Identifier: GPL-3.0-only
"""Two communities with a broker each: from their pilots, by collector and agent, to who reads the queues."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.client import Client
from harness.sender import batch
from harness.show import client_environment
from harness.stacks import PROJECT, RunningStack, running
from harness.waiting import until
from parts import brokers
from parts.grid_configuration import upload_path
from queue_support import suites
from queues.broker import Broker
from queues.sending import Sender

from PilotLoggingDIRAC.deliver.queue.publisher import Limits, Publisher
from PilotLoggingDIRAC.model import LogKey

VOS = {"alpha": "rabbitmq", "beta": "activemq"}
OPTIONS = {
    "/Operations/alpha/Pilot/LoggingPlugins": "StorageElement, MessageQueue",
    "/Operations/alpha/Pilot/MessageQueue/Destination": "rabbitmq::Queues::pilotlogs.alpha",
    "/Operations/beta/Pilot/LoggingPlugins": "MessageQueue",
    "/Operations/beta/Pilot/MessageQueue/Destination": "activemq-plain::Queues::pilotlogs.beta",
    "/Operations/Defaults/Pilot/MessageQueue/ConnectTimeout": "8s",
    "/Operations/Defaults/Pilot/MessageQueue/ConfirmTimeout": "8s",
}
CONSUMER = PROJECT / "examples" / "queue" / "rebuild_logs.py"
REQUEST_SECONDS = 20
"""No acknowledgement takes longer, on the busiest machine: one that waited for a broker would never come."""


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """With a grid, whose storage element has alpha's logs as well."""
    options = [word for path, value in OPTIONS.items() for word in ("--option", f"{path}={value}")]
    kinds = [word for kind in VOS.values() for word in ("--broker", kind)]
    # Not below pytest's own folder, which is closed to the user that root's xrootd has to become.
    with tempfile.TemporaryDirectory(prefix="pilotlogging-communities-") as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder), "--grid", *kinds, *options) as stack:
            yield stack


class Pilot(threading.Thread):
    """Writes a log in chunks, as our module does, and remembers its text."""

    def __init__(self, client: Client, vo: str, chunks: int, size: int = 2000) -> None:
        super().__init__(daemon=True)
        self.vo, self.stamp = vo, uuid.uuid4().hex
        self._client, self._chunks, self._size = client, chunks, size
        self.sent = ""
        self.written = 0
        self.slowest = 0.0

    def run(self) -> None:
        for number in range(1, self._chunks + 1):
            text = self._text(number)
            final = {"final": {"retCode": 0}} if number == self._chunks else {}
            begun = time.monotonic()
            answer = self._client("appendLog", batch(self.stamp, number, text, vo=self.vo, **final))
            assert answer["OK"], answer
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.sent += text
            self.written = number
            time.sleep(0.01)

    def _text(self, number: int) -> str:
        noise = random.Random(f"{self.stamp} {number}")
        lines = ""
        while len(lines) < self._size:
            level = noise.choice(["INFO", "DEBUG", "WARNING", "ERROR"])
            lines += f"2026-06-10T11:02:02.{noise.randrange(10**6):06d}Z {level} [Command] {number} {noise.random()}\n"
            lines += noise.choice(["", "raw output\n", "tab\tand ünï€ 𝄞\n", "a NUL \0 and \x1b[31m\n", "no end"])
        return lines

    @property
    def bytes(self) -> bytes:
        return self.sent.encode()


def pilots(stack: RunningStack, vo: str, count: int, chunks: int) -> list[Pilot]:
    """They have begun when this returns."""
    begun = [Pilot(stack.client(f"{vo}_pilot"), vo, chunks) for _ in range(count)]
    for pilot in begun:
        pilot.start()
    return begun


@contextmanager
def consumer(stack: RunningStack, vo: str, folder: Path) -> Iterator[Path]:
    """The example, which starts again when its broker goes, as a service would; gives where the logs of the VO are."""
    plan = stack.plan
    address = f"localhost:{plan.ports[VOS[vo]]}"
    login = {"QUEUE_USER": brokers.READER, "QUEUE_PASSWORD": plan.passwords[brokers.READER]}
    command = [sys.executable, CONSUMER, address, f"pilotlogs.{vo}", folder]
    over = threading.Event()
    running_now: list[subprocess.Popen[bytes]] = []

    def keep_running() -> None:
        while not over.is_set():
            process = subprocess.Popen(
                [str(word) for word in command], env=os.environ | login, stderr=subprocess.DEVNULL
            )
            running_now.append(process)
            while process.poll() is None and not over.wait(0.05):
                pass
            process.kill()
            process.wait()
            over.wait(0.5)

    supervisor = threading.Thread(target=keep_running, daemon=True)
    supervisor.start()
    try:
        yield folder / vo
    finally:
        over.set()
        supervisor.join()


def rebuilt(logs: Path, pilot: Pilot) -> bool:
    """Whether the consumer has the whole log, byte for byte."""
    file = logs / f"{pilot.stamp}.log"
    return file.exists() and file.read_bytes() == pilot.bytes


def stored(stack: RunningStack, pilot: Pilot) -> Path:
    """The log's file on alpha's storage element."""
    return Path(stack.directory, f"xrootd/storage/store{upload_path(pilot.vo)}", f"{pilot.stamp}.log")


def log_of(pilot: Pilot) -> LogKey:
    return LogKey(pilot.vo, pilot.stamp)


def test_each_community_finds_every_line_though_its_broker_is_killed(stack: RunningStack, tmp_path: Path) -> None:
    with (
        consumer(stack, "alpha", tmp_path) as of_alpha,
        consumer(stack, "beta", tmp_path) as of_beta,
        stack.cycling_agent(),
    ):
        writing = pilots(stack, "alpha", 3, 60) + pilots(stack, "beta", 3, 60)
        for folder in (of_alpha, of_beta):
            until(lambda folder=folder: any(folder.glob("*/*")), 90, "the first chunks have come")
        for kind in VOS.values():
            broker = Broker(kind, stack.directory)
            broker.remember_queues()
            broker.suffer("kill")
            broker.suffer("start")
        for pilot in writing:
            pilot.join(180)
            assert pilot.written == 60
        for pilot in writing:
            logs = {"alpha": of_alpha, "beta": of_beta}[pilot.vo]
            until(lambda pilot=pilot, logs=logs: rebuilt(logs, pilot), 200, f"the log of {pilot.vo} is rebuilt")
            if pilot.vo == "alpha":
                until(lambda pilot=pilot: stored(stack, pilot).exists(), 60, "it is on the storage element as well")
        stamps = tuple(pilot.stamp for pilot in writing)
        marks = ", ".join("?" * len(stamps))
        waiting = f"SELECT * FROM PilotLogs WHERE State != 'Archived' AND Stamp IN ({marks})"
        until(lambda: not stack.rows(waiting, *stamps), 60, "all are archived")
        assert all(stored(stack, pilot).read_bytes() == pilot.bytes for pilot in writing if pilot.vo == "alpha")
        # A secret came through: consumers and the storage element get to know.
        for pilot, logs in ((writing[0], of_alpha), (writing[-1], of_beta)):
            secret = pilot.sent.partition("\n")[0][-12:]  # of a number that no other line has
            client = stack.client("operator")
            assert client("eraseLog", pilot.stamp, pilot.vo, {"text": secret}, False).value["erased"]
            pilot.sent = pilot.sent.replace(secret, "*" * len(secret))
            until(lambda pilot=pilot, logs=logs: rebuilt(logs, pilot), 200, f"{pilot.vo}'s consumer has erased it")
        until(lambda: stored(stack, writing[0]).read_bytes() == writing[0].bytes, 200, "the storage element has a copy")


def test_a_broker_that_hangs_troubles_neither_pilots_nor_the_other_community(stack: RunningStack) -> None:
    beta, alpha = Broker("activemq", stack.directory), Broker("rabbitmq", stack.directory)
    with alpha.reader("pilotlogs.alpha") as reader, stack.cycling_agent():
        beta.suffer("pause")
        try:
            writing = pilots(stack, "alpha", 2, 30) + pilots(stack, "beta", 2, 30)
            for pilot in writing:
                pilot.join(180)
                assert pilot.written == 30
                assert pilot.slowest < REQUEST_SECONDS
            reader.wait_until(suites.ended([log_of(pilot) for pilot in writing if pilot.vo == "alpha"]))
            error = "SELECT LastError FROM PilotLogDeliveries WHERE Plugin = 'MessageQueue' AND LastError != ''"
            (row,) = until(lambda: stack.rows(error)[:1], 90, "the operator can see why")
            assert "The broker localhost:" in row["LastError"]
            assert "StorageElement" not in row["LastError"]
            told = subprocess.run(
                [PROJECT / ".venv" / "bin" / "dirac-pilot-logs-status", "--json"],
                capture_output=True,
                text=True,
                env=client_environment(stack, "operator"),
                timeout=180,
                check=False,
            )
            assert "The broker localhost:" in json.dumps(json.loads(told.stdout))
        finally:
            beta.suffer("resume")
    # Another agent, since this one would only look again in a minute
    with beta.reader("pilotlogs.beta") as late, stack.cycling_agent():
        late.wait_until(suites.ended([log_of(pilot) for pilot in writing if pilot.vo == "beta"]), 200)


def test_another_broker_of_the_service_takes_over(stack: RunningStack) -> None:
    both = [Broker(kind, stack.directory) for kind in VOS.values()]
    queue, logs = suites.new_queue(), [suites.new_log(200) for _ in range(5)]
    ports = tuple(("localhost", stack.plan.ports[broker.name]) for broker in both)
    access = both[0].access(queue, brokers=ports)
    sender = Sender(Publisher(access, Limits(connect_seconds=3, timeout=3)), logs)
    sender.held_at = 200
    sender.start()
    for broker, wanted, following in zip(both, (200, 600), (600, 0), strict=True):
        sender.wait_for(wanted)
        broker.remember_queues()
        broker.suffer("kill")
        sender.go_on_until(following)
        # Whichever it used, in the end it has to use the other one.
        sender.wait_for(wanted + 200)
        broker.suffer("start")
    sender.finish()
    with both[0].reader(queue) as one, both[1].reader(queue) as other:
        wanted_names = {(chunk.key, chunk.chunk_id, chunk.end is not None) for chunks in logs for chunk in chunks}

        def all_have_come() -> bool:
            arrivals = [*one.arrivals, *other.arrivals]
            return {(each.log, each.document["chunk"], "end" in each.document) for each in arrivals} == wanted_names

        until(all_have_come, 60, "each message is on one of the two")
