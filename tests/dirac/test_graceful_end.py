# SPDX-License-Identifier: GPL-3.0-only
"""SIGTERM to a collector: nobody new comes in, what is in flight is stored and answered, the exit code is 0."""

from __future__ import annotations

import http.client
import signal
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness.client import FORM, Client, form
from harness.locking import write_lock
from harness.second import client_of, serves
from harness.sender import batch
from harness.stacks import Program, RunningStack, dumped
from harness.waiting import PATIENCE, until
from parts import environment, state
from parts.ports import FreePorts

WAITING = 12


class _Second:
    """A second collector of the stack, started by the test itself: so its exit code can be known."""

    def __init__(self, stack: RunningStack, port: int) -> None:
        self._stack, self.port = stack, port
        command = [environment.BIN / "tornado-start-all", "--cfg", stack.layout.configuration]
        command += ["-o", f"/Systems/Tornado/Port={port}"]
        own = stack.environment(f"second-{port}", DIRAC_USE_TORNADO_IOLOOP="yes")
        self.program: Program = stack.start("second", command, own)

    def client(self, caller: str = "alpha_pilot") -> Client:
        return client_of(self._stack, self.port, caller)

    def serves(self) -> bool:
        return serves(self._stack, self.port)

    def terminate(self) -> None:
        """Send SIGTERM, and return when it takes no more connections."""
        self.program.send(signal.SIGTERM)
        until(self._refuses, what="connections are refused")

    def _refuses(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=60).close()
        except ConnectionRefusedError:
            return True
        return False


@pytest.fixture
def second(stack: RunningStack) -> Iterator[_Second]:
    with FreePorts() as ports:
        second = _Second(stack, ports.take())
        try:
            until(second.serves, what="the second collector serves")
            yield second
        finally:
            second.program.end()


@contextmanager
def _waiting_for_their_commit(
    stack: RunningStack, second: _Second
) -> Iterator[tuple[sqlite3.Connection, dict[str, list[bool | None]]]]:
    """Senders whose messages wait in the collector, since nobody can write: who keeps it so, and by stamp what they are
    told: None for a lost connection."""
    answers: dict[str, list[bool | None]] = {uuid.uuid4().hex: [] for _ in range(WAITING)}
    clients = [second.client() for _ in answers]
    for client in clients:
        assert client("ping")["OK"]
    message = dumped("waited\n" * 10_000)
    operator = second.client("operator")

    def send(client: Client, stamp: str) -> None:
        try:
            answers[stamp].append(client("sendMessage", message, stamp, "alpha")["OK"])
        except (OSError, http.client.HTTPException):
            answers[stamp].append(None)

    threads = [threading.Thread(target=send, args=pair, daemon=True) for pair in zip(clients, answers, strict=True)]
    with write_lock(stack) as lock:
        for thread in threads:
            thread.start()
        until(
            lambda: operator("getStatistics").value["pendingBytes"] >= WAITING * 70_000, what="all messages have come"
        )
        assert not any(answers.values()), "nothing can be written, so nothing is acknowledged"
        operator.close()
        yield lock, answers
        for thread in threads:
            thread.join(PATIENCE)


def test_what_waits_for_its_commit_is_stored_and_answered(stack: RunningStack, second: _Second) -> None:
    idle = second.client()
    assert idle("ping")["OK"]
    with _waiting_for_their_commit(stack, second) as (lock, answers):
        second.terminate()
        with pytest.raises((OSError, http.client.HTTPException)):
            idle("ping")
        time.sleep(0.5)
        assert second.program.process.poll() is None, "it waits for them"
        lock.rollback()
    assert list(answers.values()) == [[True]] * WAITING
    assert second.program.wait() == 0, second.program.said
    for stamp in answers:
        assert stack.client("alpha_user").text_of(stamp) == "waited\n" * 10_000


def test_who_has_just_connected_is_served_once(stack: RunningStack, second: _Second, stamp: str) -> None:
    connection = second.client().connect()
    connection.connect()
    half_open = socket.create_connection(("127.0.0.1", second.port))
    second.terminate()
    body = form("appendLog", batch(stamp, 1, "just in time\n"))
    connection.request("POST", f"/{state.SERVICE}", body, {"Content-Type": FORM})
    reply = connection.getresponse()
    assert (reply.status, reply.getheader("Connection")) == (200, "close")
    assert b'"OK": true' in reply.read()
    with half_open:
        begun = time.monotonic()
        half_open.settimeout(PATIENCE)
        assert half_open.recv(1) == b"", "who says nothing does not hold it up"
        assert time.monotonic() - begun < PATIENCE / 2
    assert second.program.wait() == 0
    assert stack.client("alpha_user").text_of(stamp) == "just in time\n"


def test_it_does_not_wait_for_ever_for_a_database_that_hangs(stack: RunningStack, second: _Second) -> None:
    with _waiting_for_their_commit(stack, second) as (_, answers):
        second.program.send(signal.SIGTERM)
        assert second.program.wait() == 0
    assert [True] not in answers.values(), "nobody was told that it is stored"


def test_a_second_signal_ends_it_at_once(stack: RunningStack, second: _Second) -> None:
    with _waiting_for_their_commit(stack, second):
        second.terminate()
        second.program.send(signal.SIGTERM)
        assert second.program.wait() == -signal.SIGTERM
