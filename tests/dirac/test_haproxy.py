"""The shipped HAProxy configuration, with a real HAProxy in front of three collectors on one MariaDB."""

from __future__ import annotations

import csv
import io
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import pytest
from harness.client import Client
from harness.persistent_sender import go_on, hanging, sending
from harness.sender import batch
from harness.stacks import RunningStack
from harness.waiting import until
from parts import balancer, environment

COLLECTORS = 3
DETECTED_WITHIN = 18.0
"""Seconds: 11 to 13, and a slow test machine."""


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
    assert [server["scur"] for server in _servers(stack)] == ["1"] * COLLECTORS
    # Nobody named a VO that counts: it is in the proxy, which only the collector has seen.
    assert stack.client("alpha_user")("readLog", stamp).value["text"] == "1\n2\n3\n"
    assert not pilots[0]("appendLog", batch(stamp, 9, "x\n", vo="beta"))["OK"]


def test_what_is_not_tls_reaches_no_collector(stack: RunningStack) -> None:
    before = sum(int(server["stot"]) for server in _servers(stack))
    with socket.create_connection(_address(stack), timeout=5) as peer:
        peer.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert peer.recv(1000) == b""
    assert sum(int(server["stot"]) for server in _servers(stack)) == before


def test_a_killed_collector_costs_each_sender_one_error_at_most(stack: RunningStack, url: str) -> None:
    with sending(stack, [url]) as senders:
        stack.collector(0, "kill")
        go_on(senders)
        stack.collector(0, "start")
    assert max(sender.errors for sender in senders) <= 1
    assert max(sender.slowest for sender in senders) < 5


def test_all_collectors_are_restarted_one_after_the_other_and_no_stock_pilot_notices(
    stack: RunningStack, url: str
) -> None:
    with sending(stack, [url], count=4) as senders:
        for number in range(COLLECTORS):
            stack.collector(number, "stop")
            stack.collector(number, "start")
            until(lambda number=number: _servers(stack)[number]["status"] == "UP")  # type: ignore[misc]
    # A kept connection ends with its collector, and the next message finds that out.
    assert max(sender.errors for sender in senders if not sender.stock) <= COLLECTORS
    assert sum(sender.errors for sender in senders if sender.stock) == 0
    assert max(sender.slowest for sender in senders) < 5


def test_a_hanging_collector_gets_no_more_connections_and_lets_go_of_its_senders(stack: RunningStack, url: str) -> None:
    silent = socket.create_connection(_address(stack), timeout=30)
    began_silence = time.monotonic()
    with sending(stack, [url], timeout=30) as senders:
        with hanging(stack, 2, senders):
            until(lambda: _servers(stack)[2]["status"].startswith("DOWN"), DETECTED_WITHIN, "the check finds it")
            until(lambda: _servers(stack)[2]["scur"] == "0", 5, "its connections are shut one after the other")
            connections = _servers(stack)[2]["stot"]
            for _ in range(10):
                _handshake(stack)
            assert _servers(stack)[2]["stot"] == connections
        until(lambda: _servers(stack)[2]["status"] == "UP", 10, "it is back")
    assert max(sender.errors for sender in senders) <= 2
    assert max(sender.slowest for sender in senders) < DETECTED_WITHIN + 2
    with silent:
        assert silent.recv(1) == b""
        assert 9 < time.monotonic() - began_silence < 20, "who says nothing is sent away after 10 s"


def _handshake(stack: RunningStack) -> None:
    context = ssl.create_default_context(capath=str(stack.layout.certificates))
    with (
        socket.create_connection(_address(stack), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname="localhost"),
    ):
        pass
