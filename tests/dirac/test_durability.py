# SPDX-License-Identifier: GPL-3.0-only
"""Acknowledged means stored; and nobody waits for somebody else's commit."""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import FORM, Client, form
from harness.locking import write_lock
from harness.sender import batch
from harness.stacks import RunningStack, dumped, milliseconds_of
from harness.waiting import PATIENCE, until

SENDERS = 4


class _Sender(threading.Thread):
    """Sends numbered lines until it is told to stop or the collector is gone, and notes which were acknowledged."""

    def __init__(self, client: Client, stamp: str, stock: bool) -> None:
        super().__init__(daemon=True)
        self.client, self.stamp, self.stock = client, stamp, stock
        self.acknowledged: list[int] = []
        self.begun = 0
        self.stop = threading.Event()

    def line(self, number: int) -> str:
        return f"2026-06-10T11:02:02.{number:06}Z INFO [Pilot] {self.stamp} line {number}\n"

    def send(self, number: int) -> bool:
        if self.stock:
            return bool(self.client("sendMessage", dumped(self.line(number)), self.stamp, "alpha")["OK"])
        return bool(self.client("appendLog", batch(self.stamp, number, self.line(number)))["OK"])

    def run(self) -> None:
        while not self.stop.is_set():
            self.begun += 1
            try:
                stored = self.send(self.begun)
            except (OSError, http.client.HTTPException):
                return
            if stored:
                self.acknowledged.append(self.begun)


def test_all_that_was_acknowledged_before_kill_9_is_there_once(own_stack: Callable[..., RunningStack]) -> None:
    stack = own_stack()
    for _ in range(2):
        senders = [_Sender(stack.client("alpha_pilot"), uuid.uuid4().hex, n % 2 == 0) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        until(lambda senders=senders: all(len(sender.acknowledged) > 20 for sender in senders))  # type: ignore[misc]
        stack.collector(0, "kill")
        for sender in senders:
            sender.join(PATIENCE)
            assert not sender.is_alive()
        stack.collector(0, "start")
        reader = stack.client("alpha_user")
        for sender in senders:
            text = reader.text_of(sender.stamp)
            lines = text.splitlines(keepends=True)
            acknowledged = [sender.line(number) for number in sender.acknowledged]
            # At most one more: the one whose reply the kill swallowed.
            assert lines[: len(acknowledged)] == acknowledged
            assert lines[len(acknowledged) :] in ([], [sender.line(sender.begun)])
            # What was not acknowledged is sent again, and then it is there once too.
            sender.client = stack.client("alpha_pilot")
            for number in (sender.begun - 1, sender.begun, sender.begun + 1):
                assert sender.send(number)
            lines = reader.text_of(sender.stamp).splitlines(keepends=True)
            assert lines == [sender.line(number) for number in range(1, sender.begun + 2)]
            assert not reader("readLog", sender.stamp).value["gaps"]


def test_nobody_waits_for_a_slow_commit_but_its_sender(stack: RunningStack, user: Client, stamp: str) -> None:
    """For 3 s nobody can write: more senders wait than the collector has threads, and readers are served meanwhile. Who
    waited as well would do so for the 10 s that a transaction waits for a lock."""
    stack.client("alpha_pilot")("sendMessage", dumped("before\n"), stamp, "alpha")
    operator = stack.client("operator")
    stamps = [uuid.uuid4().hex for _ in range(40)]
    answers: list[tuple[float, bool]] = []

    def send(client: Client, own: str) -> None:
        elapsed, answer = milliseconds_of(lambda: client("sendMessage", dumped("waited\n"), own, "alpha"))
        answers.append((elapsed, answer["OK"]))

    clients = [stack.client("alpha_pilot") for _ in stamps]
    for client in clients:
        client("ping")
    threads = [threading.Thread(target=send, args=pair) for pair in zip(clients, stamps, strict=True)]
    with write_lock(stack):
        end = time.monotonic() + 3
        for thread in threads:
            thread.start()
        slowest = {}
        while time.monotonic() < end:
            for name, call in {
                "ping": lambda: user("ping"),
                "readLog": lambda: user("readLog", stamp),
                "getLogs": lambda: user("getLogs", stamp, "alpha"),
                "listLogs": lambda: user("listLogs", {"Stamp": stamp}),
                "getStatistics": lambda: operator("getStatistics"),
            }.items():
                elapsed, answer = milliseconds_of(call)
                assert answer["OK"], answer
                slowest[name] = max(slowest.get(name, 0.0), elapsed)
        assert not answers, "a message was acknowledged while nothing could be written"
    for thread in threads:
        thread.join()
    assert all(value < 8000 for value in slowest.values()), slowest
    assert [ok for _, ok in answers] == [True] * len(stamps)
    assert user("listLogs", {"Stamp": stamps}).value["total"] == len(stamps)


@pytest.mark.parametrize("character", ["x", "€"], ids=["plain", "escaped"])
def test_nobody_waits_for_a_large_message_but_its_sender(
    stack: RunningStack, user: Client, stamp: str, character: str
) -> None:
    """10 MiB, whose form encoding is up to eight times as large. (``\\u20ac`` is ``%5Cu20ac`` in a form.)"""
    one = form("x", character).partition(b"%22")[2].partition(b"%22")[0]
    body = form("appendLog", batch(stamp, 1, "MUCH")).replace(b"MUCH", one * (10 * 2**20 // len(character.encode())))
    pilot = stack.client("alpha_pilot")
    slowest: list[float] = []
    while min(slowest, default=1000) >= 1000:  # a busy machine stops the collector as it likes, but not each time
        assert len(slowest) < 10, f"milliseconds that others waited beside each of these: {slowest}"
        with ThreadPoolExecutor(1) as sender:
            sending = sender.submit(pilot.post, body)
            slowest.append(0.0)
            while not sending.done():
                slowest[-1] = max(slowest[-1], milliseconds_of(lambda: user("ping"))[0])
        assert sending.result()["OK"]


def test_the_last_line_of_a_pilot_that_hangs_up_at_once(stack: RunningStack, stamp: str) -> None:
    """Nobody waits for the answer; what came whole is stored all the same."""
    pilot, user = stack.client("alpha_pilot"), stack.client("alpha_user")
    assert pilot("sendMessage", dumped("first\n"), stamp, "alpha")["OK"]
    pilot.connection.request(
        "POST", pilot.address.path, form("sendMessage", dumped("last\n"), stamp, "alpha"), {"Content-Type": FORM}
    )
    pilot.close()
    until(lambda: user.text_of(stamp) == "first\nlast\n", what="the last line is stored")
