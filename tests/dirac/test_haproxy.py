# SPDX-License-Identifier: GPL-3.0-only
"""The shipped HAProxy configuration, with a real HAProxy in front of three collectors on one MariaDB."""

from __future__ import annotations

import csv
import io
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from harness.persistent_sender import go_on, hanging, sending
from harness.sender import batch
from harness.stacks import RunningStack
from harness.waiting import until
from parts import balancer, environment

COLLECTORS = 3
FOR_EVER = 90.0
"""Seconds that the senders themselves would wait for a collector that hangs. HAProxy finds it in 11 to 13."""


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    places = f"/usr/sbin:{environment.DAEMONS / 'sbin'}"
    if not shutil.which("haproxy", path=places):
        pytest.skip("there is no haproxy: run dev/install test")
    stack = own_stack("--collectors", str(COLLECTORS), "--database", "mariadb", "--balancer")
    until(lambda: all(server["check_status"] == "L6OK" for server in _servers(stack)), 10, "HAProxy has checked all")
    return stack


@pytest.fixture
def url(stack: RunningStack) -> str:
    """What pilots have as RemoteLoggerURL."""
    return str(stack.plan.pilots_url)


def _servers(stack: RunningStack) -> list[dict[str, str]]:
    """HAProxy's own figures of each collector."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(balancer.control_socket(stack.plan)))
        control.sendall(b"show stat\n")
        answer = b"".join(iter(lambda: control.recv(65536), b""))
    rows = csv.DictReader(io.StringIO(answer.decode().removeprefix("# ")))
    return [row for row in rows if row["pxname"] == "collectors" and row["svname"] != "BACKEND"]


def _address(stack: RunningStack) -> tuple[str, int]:
    return "127.0.0.1", stack.plan.ports["balancer"]


@pytest.fixture
def pilots(stack: RunningStack, url: str) -> Iterator[list[Client]]:
    """Connections through HAProxy, kept at once, so that they are at different collectors."""
    layout = stack.layout
    clients = [Client(url, layout.certificates, layout.credentials / "alpha_pilot.pem") for _ in range(COLLECTORS)]
    yield clients
    for client in clients:
        client.close()


def test_connections_are_spread_and_the_proxy_certificate_reaches_the_collector(
    stack: RunningStack, pilots: list[Client], stamp: str
) -> None:
    for seq, pilot in enumerate(pilots, 1):
        assert pilot("appendLog", batch(stamp, seq, f"{seq}\n"))["OK"]
    until(lambda: [server["scur"] for server in _servers(stack)] == ["1"] * COLLECTORS, what="each has one of them")
    # Nobody named a VO that counts: it is in the proxy, which only the collector has seen.
    assert stack.client("alpha_user")("readLog", stamp).value["text"] == "1\n2\n3\n"
    assert not pilots[0]("appendLog", batch(stamp, 9, "x\n", vo="beta"))["OK"]


def test_what_is_not_tls_reaches_no_collector(stack: RunningStack) -> None:
    before = sum(int(server["stot"]) for server in _servers(stack))
    with socket.create_connection(_address(stack), timeout=60) as peer:
        peer.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert peer.recv(1000) == b""
    assert sum(int(server["stot"]) for server in _servers(stack)) == before


def test_a_killed_collector_costs_each_sender_one_error_at_most(stack: RunningStack, url: str) -> None:
    with sending(stack, [url], timeout=FOR_EVER) as senders:
        stack.collector(0, "kill")
        go_on(senders)
        stack.collector(0, "start")
    assert max(sender.errors for sender in senders) <= 1
    assert max(sender.slowest for sender in senders) < FOR_EVER / 3


def test_all_collectors_are_restarted_one_after_the_other_and_no_stock_pilot_notices(
    stack: RunningStack, url: str
) -> None:
    with sending(stack, [url], count=4, timeout=FOR_EVER) as senders:
        for number in range(COLLECTORS):
            stack.collector(number, "stop")
            stack.collector(number, "start")
            until(lambda number=number: _servers(stack)[number]["status"] == "UP")  # type: ignore[misc]
    # A kept connection ends with its collector, and the next message finds that out.
    assert max(sender.errors for sender in senders if not sender.stock) <= COLLECTORS
    # The kernel resets a connection that it makes between a collector's last look and the end of its listening.
    assert sum(sender.errors for sender in senders if sender.stock) <= 1
    assert max(sender.slowest for sender in senders) < FOR_EVER / 3


def test_a_hanging_collector_gets_no_more_connections_and_lets_go_of_its_senders(stack: RunningStack, url: str) -> None:
    with ThreadPoolExecutor(1) as meanwhile, sending(stack, [url], timeout=FOR_EVER) as senders:
        silence = meanwhile.submit(_silence, stack)
        with hanging(stack, 2, senders):
            until(lambda: _servers(stack)[2]["status"].startswith("DOWN"), what="the check finds it")
            until(lambda: _servers(stack)[2]["scur"] == "0", what="its connections are shut one after the other")
            connections = _servers(stack)[2]["stot"]
            for _ in range(10):
                _handshake(stack)
            assert _servers(stack)[2]["stot"] == connections
        until(lambda: _servers(stack)[2]["status"] == "UP", what="it is back")
    assert max(sender.errors for sender in senders) <= 2
    assert max(sender.slowest for sender in senders) < FOR_EVER / 2
    assert silence.result() > 9, "who says nothing is sent away after 10 s"


def _silence(stack: RunningStack) -> float:
    """Seconds after which one who says nothing is sent away."""
    begun = time.monotonic()
    with socket.create_connection(_address(stack), timeout=120) as silent:
        assert silent.recv(1) == b""
    return time.monotonic() - begun


def _handshake(stack: RunningStack) -> None:
    context = ssl.create_default_context(capath=str(stack.layout.certificates))
    with (
        socket.create_connection(_address(stack), timeout=60) as connection,
        context.wrap_socket(connection, server_hostname="localhost"),
    ):
        pass
