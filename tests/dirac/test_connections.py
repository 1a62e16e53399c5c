# SPDX-License-Identifier: GPL-3.0-only
"""Connections and bodies: strangers cost little, everybody's requests are bounded, and all is given back."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.client import FORM, REJECTED, UNAVAILABLE, form, tls_context
from harness.sender import batch
from harness.stacks import RunningStack, dumped, milliseconds_of
from harness.waiting import until

from PilotLoggingDIRAC.https.connections import Connections
from PilotLoggingDIRAC.https.request_body import Pace
from PilotLoggingDIRAC.https.shares import Owner

MIB = 2**20
MOST, UNAUTHENTICATED = 150, 50
SECONDS, IDLE, BODY = 4, 10, 14
"""What the stack below gives a connection for its first credentials, between requests, and for a body: the first is
what strangers use up, the others must be enough for honest peers on a busy machine."""
LIMITS = {
    "MaxConnections": MOST,
    "MaxUnauthenticated": UNAUTHENTICATED,
    "UnauthenticatedTime": SECONDS,
    "IdleTime": IDLE,
    "BodyTime": BODY,
    "MaxRequestMemory": "20MiB",
}
ELSEWHERE = "127.0.0.2"
"""Loopback has many addresses: attackers come from this one, unless a test says otherwise."""
HERE = "127.0.0.1"


class Collector:
    """The collector process, seen from outside, and ways to be rude to it."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        (process,) = (p for p in stack.plan.processes.values() if p.name == "collector-0")
        self._proc = Path(f"/proc/{process.pid}")
        self.address = stack.client(None).address
        self.authorities = stack.layout.certificates

    def descriptors(self) -> int:
        """Sockets that it has open."""
        count = 0
        for descriptor in (self._proc / "fd").iterdir():
            with contextlib.suppress(OSError):
                count += os.readlink(descriptor).startswith("socket:")
        return count

    def memory(self) -> int:
        """Resident bytes."""
        for line in (self._proc / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def connect(self, source: str = ELSEWHERE) -> socket.socket:
        return socket.create_connection((HERE, self.address.port), timeout=120, source_address=(source, 0))

    def greet(self, caller: str | None, source: str = ELSEWHERE) -> ssl.SSLSocket:
        """A connection after its handshake."""
        certificate = self.stack.layout.credentials / f"{caller}.pem" if caller else None
        return tls_context(self.authorities, certificate).wrap_socket(self.connect(source), server_hostname="localhost")

    def head(self, **headers: str) -> bytes:
        lines = [f"POST {self.address.path} HTTP/1.1", "Host: localhost", f"Content-Type: {FORM}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    section = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
    options = [("--option", f"{section}/{name}={value}") for name, value in LIMITS.items()]
    return own_stack(*itertools.chain.from_iterable(options))


@pytest.fixture(scope="module")
def collector(stack: RunningStack) -> Collector:
    warm = stack.client("alpha_pilot")
    for _ in range(20):
        assert warm("sendMessage", dumped("warm\n" * 1000), uuid.uuid4().hex, "alpha")["OK"]
    warm.close()
    return Collector(stack)


@pytest.fixture(autouse=True)
def gives_all_back(stack: RunningStack, collector: Collector) -> Iterator[None]:
    """Whatever a test does: afterwards no connection is left, and the next message is stored."""
    before = collector.descriptors()
    yield
    for client in stack._clients:
        client.close()
    until(lambda: collector.descriptors() <= before, what="the connections are given back")
    assert stack.client("alpha_pilot")("ping")["OK"]


def first_answer(connection: ssl.SSLSocket) -> http.client.HTTPResponse:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer


# Too many connections


def silent(collector: Collector, source: str) -> socket.socket:
    return collector.connect(source)


def in_the_middle_of_the_handshake(collector: Collector, source: str) -> socket.socket:
    connection = collector.connect(source)
    connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    return connection


def in_the_middle_of_the_headers(collector: Collector, source: str) -> socket.socket:
    with contextlib.suppress(OSError):
        connection = collector.greet(None, source)
        connection.sendall(collector.head()[:-2] + b"X-Much: " + b"x" * 20_000)
        return connection
    return collector.connect(source)


@pytest.mark.parametrize("source", [ELSEWHERE, HERE])
@pytest.mark.parametrize("rude", [silent, in_the_middle_of_the_handshake, in_the_middle_of_the_headers])
def test_300_connections_that_come_to_nothing(
    collector: Collector, stack: RunningStack, rude: Callable[[Collector, str], socket.socket], source: str
) -> None:
    """From elsewhere, and from the honest pilot's own address, as behind a TCP balancer."""
    descriptors, memory = collector.descriptors(), collector.memory()
    stamp = uuid.uuid4().hex
    with contextlib.ExitStack() as held:
        for number in range(300):
            held.enter_context(rude(collector, source))
            if number % 50 == 49:
                honest = stack.client("alpha_pilot")
                milliseconds, answer = milliseconds_of(
                    lambda honest=honest: honest("sendMessage", dumped("honest\n"), stamp, "alpha")
                )
                assert answer["OK"]
                assert milliseconds < 30_000
        assert collector.descriptors() <= descriptors + UNAUTHENTICATED + 10
        assert collector.memory() < memory + 40 * MIB
        if rude is silent:
            until(lambda: collector.descriptors() <= descriptors + 10, what="they are closed in time")
    assert stack.client("alpha_user")("readLog", stamp).value["lines"] == 6


def test_an_address_drives_out_its_own_connections_first(collector: Collector) -> None:
    with contextlib.ExitStack() as held:
        patient = held.enter_context(collector.greet("alpha_pilot", HERE))
        for _ in range(2 * UNAUTHENTICATED):
            held.enter_context(collector.connect())
        body = form("ping")
        patient.sendall(collector.head(Content_Length=str(len(body))) + body)
        assert first_answer(patient).status == http.client.OK


def test_credentials_keep_a_connection_beyond_the_time_of_the_unauthenticated(stack: RunningStack) -> None:
    known, stranger = stack.client("alpha_pilot"), stack.client("stranger")
    for client in (known, stranger):
        assert client("ping")["OK"]
    sockets = known.connection.sock, stranger.connection.sock
    assert sockets[1].recv(1) == b"", "that of the stranger is closed"
    assert known("ping")["OK"]
    assert known.connection.sock is sockets[0]


def test_who_waits_for_too_long_is_hung_up_on(collector: Collector, stack: RunningStack) -> None:
    """With the next request, with the rest of a body, with reading an answer."""
    stamp = uuid.uuid4().hex
    idle = stack.client("alpha_pilot")
    assert idle("appendLog", batch(stamp, 1, "x" * 9 * MIB))["OK"]
    body = form("getLogs", stamp, "alpha")
    with collector.greet("alpha_user") as unread, half_a_body(collector, MIB) as half:
        unread.sendall(collector.head(Content_Length=str(len(body))) + body)
        before = collector.descriptors()
        for connection, left in ((idle.connection.sock, 2), (half, 1)):
            connection.settimeout(120)
            assert connection.recv(1) == b""
            assert collector.descriptors() <= before - 3 + left
        until(lambda: collector.descriptors() <= before - 3, what="the third is closed as well")


def test_the_longest_idle_gives_way_when_there_are_too_many(collector: Collector, stack: RunningStack) -> None:
    before = collector.descriptors()
    clients = [stack.client("alpha_pilot") for _ in range(MOST + 20)]
    for client in clients:
        assert client("ping")["OK"]
    assert collector.descriptors() <= before + MOST + 5
    last = clients[-1].connection.sock
    assert clients[-1]("ping")["OK"]
    assert clients[-1].connection.sock is last


def test_slow_bodies_of_one_user_leave_room_for_the_others(collector: Collector, stack: RunningStack) -> None:
    """He may take all places for a moment; then others come in, and his oldest go until a third is left to him."""
    with contextlib.ExitStack() as taken:
        slow = [taken.enter_context(half_a_body(collector, 1000, "beta_user")) for _ in range(MOST)]
        pilot = stack.client("alpha_pilot")
        for number in range(20):
            assert pilot("appendLog", batch(uuid.uuid4().hex, 1, f"{number}\n"))["OK"]
            pilot.close()
        metrics = stack.client("operator")("getStatistics").value["connections"]
        assert metrics["gaveWay"] > 0
        for connection in slow[: MOST // 2]:
            connection.settimeout(120)
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b""
        slow[-1].setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            slow[-1].recv(1)


def test_replies_that_nobody_reads(collector: Collector, stack: RunningStack) -> None:
    """A log whose JSON is six times as large: it is not in memory for each who has asked for it and does not read."""
    stamp = uuid.uuid4().hex
    pilot = stack.client("beta_pilot")
    for number in range(1, 9):
        assert pilot("appendLog", batch(stamp, number, "\x01" * 2 * MIB, vo="beta"), compressed=True)["OK"]
    body = form("getLogs", stamp, "beta")
    before = collector.memory()
    most = before
    with contextlib.ExitStack() as unread:
        for _ in range(12):
            connection = unread.enter_context(collector.greet("beta_user"))
            connection.sendall(collector.head(Content_Length=str(len(body))) + body)
        alpha = uuid.uuid4().hex
        for number in range(1, 20):
            assert stack.client("alpha_pilot")("appendLog", batch(alpha, number, "x\n"))["OK"]
            most = max(most, collector.memory())
            time.sleep(0.1)
        assert stack.client("alpha_user")("getLogs", alpha, "alpha").value["StdOut"] == "x\n" * 19
        metrics = stack.client("operator")("getStatistics").value["connections"]
        assert 0 < metrics["replyMemory"] <= 150 * MIB
    assert most - before < 400 * MIB
    until(
        lambda: stack.client("operator")("getStatistics").value["connections"]["replyMemory"] == 0,
        60,
        "the memory is given back",
    )


def test_a_large_reply_is_whole(stack: RunningStack) -> None:
    """In chunks, or to HTTP/1.0 until the connection ends; whatever characters it has."""
    stamp = uuid.uuid4().hex
    text = "".join(map(chr, (*range(0x300), *range(0xDC00, 0xDC10), 0xE000, 0x1F680))) * 600 + "\n"
    assert stack.client("alpha_pilot")("appendLog", batch(stamp, 1, text), compressed=True)["OK"]
    user = stack.client("alpha_user")
    for _ in range(2):
        assert user("getLogs", stamp, "alpha").value["StdOut"] == text
    user.connection._http_vsn, user.connection._http_vsn_str = 10, "HTTP/1.0"  # type: ignore[attr-defined]
    assert user("getLogs", stamp, "alpha").value["StdOut"] == text
    assert user("readLog", stamp).value["text"]


def test_headers_without_end(collector: Collector) -> None:
    memory = collector.memory()
    with collector.greet(None) as connection, pytest.raises(OSError):
        connection.sendall(collector.head()[:-2])
        for _ in range(1000):
            connection.sendall(b"X-Much: " + b"x" * 10_000 + b"\r\n")
    assert collector.memory() < memory + 10 * MIB


# Bodies of strangers


def refused_body(collector: Collector, caller: str | None, size: int, path: str = "") -> int:
    """Send a body of zeros to its end, then read the answer's status."""
    with collector.greet(caller) as connection:
        head = collector.head(Content_Length=str(size))
        connection.sendall(head.replace(collector.address.path.encode(), path.encode()) if path else head)
        piece = bytes(MIB)
        for _ in range(size // MIB):
            connection.sendall(piece)
        return first_answer(connection).status


def test_100_bodies_of_10_mb_from_nobody_at_the_same_time(collector: Collector, stack: RunningStack) -> None:
    memory, peak, done = collector.memory(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, collector.memory())

    with ThreadPoolExecutor(25) as senders:
        watching = senders.submit(watch)
        attempts = [senders.submit(refused_body, collector, None, 10 * MIB) for _ in range(100)]
        pilot = stack.client("alpha_pilot")
        while not all(attempt.done() for attempt in attempts):
            milliseconds, answer = milliseconds_of(lambda: pilot("ping"))
            assert answer["OK"]
            assert milliseconds < 30_000
            time.sleep(0.1)
        done.set()
        watching.result()
    assert {attempt.result() for attempt in attempts} == {http.client.UNAUTHORIZED}
    assert peak < memory + 30 * MIB


@pytest.mark.parametrize(
    ("caller", "path", "status"),
    [
        (None, "", http.client.UNAUTHORIZED),
        ("stranger", "", http.client.UNAUTHORIZED),
        (None, "/WorkloadManagement/Nothing", http.client.NOT_FOUND),
        ("alpha_pilot", "/WorkloadManagement/Nothing", http.client.NOT_FOUND),
    ],
)
def test_a_body_that_nobody_wants_is_answered_before_it_has_come(
    collector: Collector, caller: str | None, path: str, status: int
) -> None:
    memory = collector.memory()
    with collector.greet(caller) as connection:
        head = collector.head(Content_Length=str(50 * MIB))
        connection.sendall(head.replace(collector.address.path.encode(), path.encode()) if path else head)
        assert first_answer(connection).status == status
    assert refused_body(collector, caller, 20 * MIB, path) == status
    assert collector.memory() < memory + 10 * MIB


def test_a_stranger_may_ask_small_things_only(stack: RunningStack) -> None:
    """Somebody with a certificate of the CA who is in no Registry."""
    stranger = stack.client("stranger")
    assert stranger("echo", "x" * 1000)["OK"]
    assert stranger("echo", "x" * 100_000).status == http.client.UNAUTHORIZED
    chunks = stranger.connect()
    chunks.request("POST", stranger.address.path, iter([form("echo", "x" * 50_000)] * 2), {"Content-Type": FORM})
    assert chunks.getresponse().status == http.client.UNAUTHORIZED
    chunks.close()


# Bodies that unfold


def bomb(size: int) -> bytes:
    """A gzip stream that unfolds to so many zeros, made without compressing them all."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    beginning = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return beginning + block * (size // MIB - 1)


@pytest.mark.parametrize("caller", ["alpha_pilot", "stranger", None])
def test_a_gigabyte_in_a_megabyte(collector: Collector, stack: RunningStack, caller: str | None) -> None:
    memory = collector.memory()
    client = stack.client(caller)
    milliseconds, answer = milliseconds_of(lambda: client.post(bomb(1024 * MIB), {"Content-Encoding": "gzip"}))
    if caller == "alpha_pilot":
        assert answer.refusal[0] in (REJECTED, UNAVAILABLE)  # too large, or larger than what there is memory for
    else:
        assert answer.status == http.client.UNAUTHORIZED
    assert milliseconds < 30_000
    assert collector.memory() < memory + 40 * MIB


# The budget for all


def half_a_body(collector: Collector, size: int, caller: str = "alpha_pilot") -> ssl.SSLSocket:
    """Announces twice as much as it sends."""
    connection = collector.greet(caller)
    connection.sendall(collector.head(Content_Length=str(2 * size)))
    with contextlib.suppress(OSError):
        connection.sendall(b"x" * size)
    return connection


def test_bodies_beyond_the_memory_for_all_are_told_to_come_back(collector: Collector, stack: RunningStack) -> None:
    memory = collector.memory()
    stamp = uuid.uuid4().hex
    pilot = stack.client("alpha_pilot")
    with contextlib.ExitStack() as held:
        for _ in range(2):
            held.enter_context(half_a_body(collector, 9 * MIB))
        answer = pilot("appendLog", batch(stamp, 1, "x" * 9 * MIB))
        number, sentence = answer.refusal
        assert number == UNAVAILABLE
        assert "MaxRequestMemory" in sentence
        # Short messages are not locked out.
        assert pilot("appendLog", batch(stamp, 1, "short\n"))["OK"]
        assert collector.memory() < memory + 80 * MIB
    answer = until(lambda: (answer := pilot("appendLog", batch(stamp, 2, "x" * 9 * MIB)))["OK"] and answer)
    assert answer.value["nextSeq"] == 3


def test_a_body_that_is_broken_off_gives_its_memory_back(collector: Collector, stack: RunningStack) -> None:
    for _ in range(5):
        half_a_body(collector, 9 * MIB).close()
    pilot = stack.client("alpha_pilot")
    until(lambda: pilot("appendLog", batch(uuid.uuid4().hex, 1, "x" * 9 * MIB))["OK"])


# Chunked bodies


def test_chunked_bodies(stack: RunningStack) -> None:
    stamp = uuid.uuid4().hex
    pilot = stack.client("alpha_pilot")
    body = form("appendLog", batch(stamp, 1, "in chunks\n" * 1000))
    for size in (1, 7, len(body)):
        pieces = (body[start : start + size] for start in range(0, len(body), size))
        pilot.connection.request("POST", pilot.address.path, pieces, {"Content-Type": FORM})
        assert json.loads(pilot.connection.getresponse().read())["OK"]
    assert stack.client("alpha_user").text_of(stamp) == "in chunks\n" * 1000


def test_a_chunked_body_beyond_all_measure(collector: Collector, stack: RunningStack) -> None:
    memory = collector.memory()
    pilot = stack.client("alpha_pilot")
    pieces = (bytes(MIB) for _ in range(100))
    pilot.connection.request("POST", pilot.address.path, pieces, {"Content-Type": FORM})
    answer = json.loads(pilot.connection.getresponse().read())
    assert answer["Errno"] in (REJECTED, UNAVAILABLE)
    assert collector.memory() < memory + 60 * MIB


@pytest.mark.parametrize("caller", ["alpha_pilot", None])
@pytest.mark.parametrize(
    "chunk",
    [
        b"-5\r\nabcdefgh",
        b"-1\r\n\r\n",
        b"x\r\n",
        b"\r\n",
        b"+3\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
    ],
)
def test_chunks_that_are_none(collector: Collector, stack: RunningStack, caller: str | None, chunk: bytes) -> None:
    """Tornado's own reader goes in a circle for ever at the first."""
    with collector.greet(caller) as connection:
        connection.sendall(collector.head(Transfer_Encoding="chunked") + chunk)
        assert first_answer(connection).status == (http.client.BAD_REQUEST if caller else http.client.UNAUTHORIZED)
    assert stack.client("alpha_pilot")("ping")["OK"]


@pytest.mark.parametrize(
    "headers",
    [{"Content_Length": "-5"}, {"Content_Length": "+5"}, {"Content_Length": "5_0"}, {"Transfer_Encoding": "gzip"}],
    ids=str,
)
def test_sizes_that_are_none(collector: Collector, headers: dict[str, str]) -> None:
    with collector.greet("alpha_pilot") as connection:
        connection.sendall(collector.head(**headers) + b"hello")
        assert first_answer(connection).status == http.client.BAD_REQUEST
        assert connection.recv(1) == b""


# Connections, without a server


class Fake:
    def __init__(self, waits_for_peer: bool = False) -> None:
        self.open = True
        self.waits_for_peer = waits_for_peer

    def close(self) -> None:
        self.open = False


def test_who_is_closed_for_whom() -> None:
    connections = Connections(6, 4, 10.0, 10.0, clock=lambda: 0.0)
    flock = [Fake() for _ in range(4)]
    for connection, address in zip(flock, ("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"), strict=True):
        connections.opened(connection, address)
    newcomer = Fake()
    connections.opened(newcomer, "192.0.2.3")
    assert [connection.open for connection in flock] == [False, True, True, True]  # one /64 is one address
    for connection in (newcomer, *flock[1:]):
        connections.authenticated(connection)
    late = [Fake() for _ in range(2)]
    for connection in late:
        assert connections.admit()
        connections.opened(connection, "192.0.2.4")
    assert connections.admit()
    assert not late[0].open
    connections.opened(Fake(), "192.0.2.5")
    for connection in late:
        connections.authenticated(connection)
    assert connections.metrics()["open"] >= 6


def test_when_all_are_busy_the_next_is_refused() -> None:
    connections = Connections(2, 2, 10.0, 10.0, clock=lambda: 0.0)
    busy = [Fake(), Fake()]
    for connection in busy:
        connections.opened(connection, HERE)
        connections.authenticated(connection)
    assert not connections.admit()
    connections.became_idle(busy[1])
    assert connections.admit()
    assert [connection.open for connection in busy] == [True, False]
    assert connections.metrics() == {
        "open": 1, "unauthenticated": 0, "most": 2, "accepted": 2, "refused": 1, "evicted": 0, "turnedAway": 0,
        "overdue": 0, "idleClosed": 0, "gaveWay": 1,
    }  # fmt: skip


def _owned(connections: Connections, owner: Owner, count: int, waits: bool) -> list[Fake]:
    made = [Fake(waits) for _ in range(count)]
    for connection in made:
        assert connections.admit(HERE)
        connections.opened(connection, HERE)
        connections.authenticated(connection, owner)
    return made


def test_who_has_most_gives_way() -> None:
    """The VO with more than half of all, in it the caller with most, and of these what waits for its peer."""
    connections = Connections(12, 4, 10.0, 10.0, clock=lambda: 0.0)
    pilots = _owned(connections, Owner("alpha", "pilot"), 3, waits=False)
    few = _owned(connections, Owner("beta", "few"), 2, waits=True)
    served = _owned(connections, Owner("beta", "many"), 1, waits=False)
    many = _owned(connections, Owner("beta", "many"), 6, waits=True)
    assert connections.admit(HERE)
    assert [connection.open for connection in many] == [False] + [True] * 5
    assert all(connection.open for connection in (*pilots, *few, *served))
    connections.close_overdue()
    assert [connection.open for connection in many] == [False] * 2 + [True] * 4, "a third of all is left to one"
    _owned(connections, Owner("beta", "third"), 2, waits=True)
    connections.close_overdue()
    assert sum(connection.open for connection in (*few, *many)) == 4, "half of all is left to a VO"
    assert all(connection.open for connection in (*pilots, *served))


def test_nobody_gives_way_whose_requests_are_served() -> None:
    connections = Connections(3, 2, 10.0, 10.0, clock=lambda: 0.0)
    served = _owned(connections, Owner("alpha", "pilot"), 3, waits=False)
    assert not connections.admit(HERE)
    connections.close_overdue()
    assert all(connection.open for connection in served)


@pytest.mark.parametrize(
    ("sizes", "held"),
    [
        ([], 0),
        ([20 * 1024], 1),
        ([20 * 1024 - 1], 0),
        ([MIB, MIB], 1),
        ([40 * 1024, 60 * 1024, 80 * 1024], 2),
    ],
)
def test_a_body_that_is_too_slow(sizes: list[int], held: int) -> None:
    """One that takes 50 s at most; looked at after 20, 40 and 50."""
    pace = Pace(50)
    looks = [pace.holds(size) for size in [*sizes, *[sizes[-1] if sizes else 0] * 3][:3]]
    assert looks.index(False) == held


@pytest.mark.parametrize(("soft", "hard", "most"), [(64, 1000, 800), (64, 100, 16), (6000, 6000, 4000)])
def test_the_limit_on_files_is_raised_and_kept_away_from(soft: int, hard: int, most: int) -> None:
    program = "from PilotLoggingDIRAC.https.connections import *; print(descriptors_for(4000))"
    limits = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); "
    done = subprocess.run([sys.executable, "-c", limits + program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == most
