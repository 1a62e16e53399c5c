# SPDX-License-Identifier: GPL-3.0-only
"""HTTP as RFC 9110 and 9112 have it, seen from a raw connection to a real collector. What is no HTTP at all stands in
``tests/unit/test_http1_parser.py``, without a server."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from harness.client import FORM, Client, form, tls_context
from harness.sender import batch
from harness.stacks import RunningStack, dumped
from parts import state


@pytest.fixture
def connection(stack: RunningStack) -> Iterator[ssl.SSLSocket]:
    with _connect(stack) as connection:
        yield connection


def _connect(stack: RunningStack, caller: str = "alpha_pilot", host: str = "127.0.0.1") -> ssl.SSLSocket:
    address = stack.client(None).address
    context = tls_context(stack.layout.certificates, stack.layout.credentials / f"{caller}.pem")
    return context.wrap_socket(socket.create_connection((host, address.port or 0), timeout=120), server_hostname=host)


def _request(
    body: bytes = b"", path: str = f"/{state.SERVICE}", verb: str = "POST", version: str = "1.1", **headers: str
) -> bytes:
    lines = [f"{verb} {path} HTTP/{version}", "Host: localhost", f"Content-Type: {FORM}"]
    if "Transfer_Encoding" not in headers:
        headers.setdefault("Content_Length", str(len(body)))
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _chunked(body: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:7], body[7:], b""))


def _reply(connection: ssl.SSLSocket, verb: str = "POST") -> tuple[http.client.HTTPResponse, bytes]:
    reply = http.client.HTTPResponse(connection, method=verb)
    reply.begin()
    return reply, reply.read()


def _stored(text: str) -> tuple[bytes, str]:
    stamp = uuid.uuid4().hex
    return form("sendMessage", dumped(text), stamp, "alpha"), stamp


def test_pipelined_requests_are_answered_in_their_order(connection: ssl.SSLSocket, user: Client, stamp: str) -> None:
    """Some on the short path, some not, some compressed, some in chunks."""
    connection.sendall(_request(_stored("warm\n")[0]))
    assert _reply(connection)[0].status == http.client.OK
    requests = []
    for number in range(1, 25):
        body = form("appendLog", batch(stamp, number, f"line {number}\n"))
        match number % 4:
            case 0:
                requests += [_request(form("ping")), _request(body)]
            case 1:
                requests.append(_request(gzip.compress(body), Content_Encoding="gzip"))
            case 2:
                requests.append(_request(_chunked(body), Transfer_Encoding="chunked"))
            case 3:
                requests.append(
                    _request(form("appendLog", batch(stamp, number, f"line {number}\n" + "x" * 100_000 + "\n")))
                )
    connection.sendall(b"".join(requests))
    file = connection.makefile("rb")
    replies = []
    for _ in requests:
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
        length = 0
        while (line := file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        replies.append(json.loads(file.read(length)))
    assert [reply["Value"].get("nextSeq") for reply in replies] == [
        number for sent in range(1, 25) for number in ([None, sent + 1] if sent % 4 == 0 else [sent + 1])
    ]
    lines = [line for line in user.text_of(stamp).splitlines() if line.startswith("line")]
    assert lines == [f"line {number}" for number in range(1, 25)]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_in_small_pieces(connection: ssl.SSLSocket, user: Client, size: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(2):
        body, stamp = _stored("piece by piece\n")
        request = _request(body)
        for start in range(0, len(request), size):
            connection.sendall(request[start : start + size])
        assert _reply(connection)[0].status == http.client.OK
        assert user.text_of(stamp) == "piece by piece\n"


@pytest.mark.parametrize(("header", "kept"), [(None, False), ("keep-alive", True), ("close", False)])
def test_http_1_0(connection: ssl.SSLSocket, header: str | None, kept: bool) -> None:
    """A large reply comes in pieces, without a length: its end is that of the connection."""
    for body in (form("ping"), _stored("x\n")[0], form("echo", "y" * 60_000), form("echo", "y" * 100_000)):
        connection.sendall(_request(body, version="1.0", **({"Connection": header} if header else {})))
        reply, _ = _reply(connection)
        assert reply.status == http.client.OK
        assert "chunked" not in str(reply.headers).lower()
        large = len(body) > 100_000
        if not kept or large:
            assert connection.recv(1) == b""
            assert large == kept
            return
        assert reply.getheader("Connection", "").lower() == "keep-alive"


def test_expect(connection: ssl.SSLSocket) -> None:
    body, _ = _stored("expected\n")
    for _ in range(2):
        connection.sendall(_request(Content_Length=str(len(body)), Expect="100-continue"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert _reply(connection)[0].status == http.client.OK


def test_nobody_is_told_to_go_on_whose_body_is_not_wanted(stack: RunningStack) -> None:
    with _connect(stack, "stranger") as connection:
        connection.sendall(_request(Content_Length=str(2**30), Expect="100-continue"))
        assert _reply(connection)[0].status == http.client.UNAUTHORIZED


@pytest.mark.parametrize("below_tls", [True, False], ids=["TCP", "TLS"])
@pytest.mark.parametrize("method", ["sendMessage", "ping"])
def test_who_closes_its_half_still_gets_its_answer(stack: RunningStack, below_tls: bool, method: str) -> None:
    with _connect(stack) as connection:
        connection.sendall(_request(_stored("last words\n")[0] if method == "sendMessage" else form("ping")))
        if below_tls:
            socket.socket.shutdown(connection, socket.SHUT_WR)
        else:
            connection.setblocking(False)
            with pytest.raises(ssl.SSLWantReadError):
                connection.unwrap()  # it sends close_notify, and waits for that of the other side
            connection.setblocking(True)
        if below_tls:
            assert _reply(connection)[0].status == http.client.OK
            assert connection.recv(1) == b""


def test_who_closes_its_half_in_the_middle_is_hung_up_on(connection: ssl.SSLSocket) -> None:
    connection.sendall(_request(_stored("half\n")[0])[:-5])
    socket.socket.shutdown(connection, socket.SHUT_WR)
    assert connection.recv(1) == b""


def test_ipv6(stack: RunningStack) -> None:
    with _connect(stack, host="::1") as connection:
        for body in (_stored("six\n")[0], form("ping")):
            connection.sendall(_request(body))
            assert _reply(connection)[0].status == http.client.OK


def test_verbs(connection: ssl.SSLSocket) -> None:
    for verb, path, status in (
        ("HEAD", "/nothing", http.client.NOT_FOUND),
        ("GET", "/nothing", http.client.NOT_FOUND),
        ("OPTIONS", f"/{state.SERVICE}", http.client.METHOD_NOT_ALLOWED),
    ):
        connection.sendall(_request(verb=verb, path=path))
        reply, content = _reply(connection, verb)
        assert reply.status == status
        assert not content or verb != "HEAD"
        if reply.will_close:
            break


def test_an_upgrade_is_not_taken(connection: ssl.SSLSocket, user: Client) -> None:
    for _ in range(2):
        body, stamp = _stored("no websocket\n")
        connection.sendall(_request(body, Connection="Upgrade", Upgrade="h2c") + _request(form("ping")))
        for _ in range(2):
            assert _reply(connection)[0].status == http.client.OK
        assert user.text_of(stamp) == "no websocket\n"


SMUGGLED = _request(form("sendMessage", dumped("smuggled\n"), "5" * 32, "alpha"))
SMUGGLERS = {
    "a blank before the colon": _request(_chunked(SMUGGLED)).replace(
        b"Content-Length:", b"Transfer-Encoding : chunked\r\nX:"
    ),
    "both lengths": _request(b"0\r\n\r\n" + SMUGGLED, Transfer_Encoding="chunked", Content_Length="5"),
    "two lengths": _request(SMUGGLED).replace(b"Content-Length", b"Content-Length: 0\r\nContent-Length"),
    "a NUL": _request(SMUGGLED, X="a\0b"),
    "a line feed": _request(SMUGGLED).replace(b"Content-Length", b"X: y\nContent-Length: 0\r\nX"),
    "HTTP/1.0 with chunks": _request(b"0\r\n\r\n" + SMUGGLED, version="1.0", Transfer_Encoding="chunked"),
    "an encoding more": _request(b"0\r\n\r\n" + SMUGGLED, Transfer_Encoding="gzip, chunked"),
    "no host": _request(form("ping")).replace(b"Host", b"Hose") + SMUGGLED,
}  # fmt: skip


@pytest.mark.parametrize("name", SMUGGLERS)
def test_smuggling(connection: ssl.SSLSocket, user: Client, name: str) -> None:
    connection.sendall(SMUGGLERS[name])
    reply, _ = _reply(connection)
    assert reply.status == http.client.BAD_REQUEST
    assert connection.recv(1) == b""
    assert user("listLogs", {"Stamp": "5" * 32}).value["total"] == 0


@pytest.mark.parametrize("method", ["appendLog", "ping"])
@pytest.mark.parametrize("cut", ["shorter", "a second member", "something behind it"])
def test_gzip_that_is_not_whole(stack: RunningStack, user: Client, stamp: str, method: str, cut: str) -> None:
    """Small ones on the short path and large ones are told the same: 400, and nothing is stored."""
    for text in ("short\n", "".join(f"{number}\n" for number in range(100_000))):
        with _connect(stack) as connection:
            arguments = [batch(stamp, 1, text)] if method == "appendLog" else []
            packed = gzip.compress(form(method, *arguments))
            body = {
                "shorter": packed[:-4],
                "a second member": packed + gzip.compress(b"&x=y"),
                "something behind it": packed + b"\0",
            }[cut]
            connection.sendall(_request(_stored("first\n")[0]))
            assert _reply(connection)[0].status == http.client.OK
            connection.sendall(_request(body, Content_Encoding="gzip"))
            assert _reply(connection)[0].status == http.client.BAD_REQUEST
    assert user("listLogs", {"Stamp": stamp}).value["total"] == 0


def test_a_storm_drains(stack: RunningStack) -> None:
    """Many handshakes at once, by people who try again: all get through."""

    def send(number: int) -> int:
        for attempt in range(1, 200):
            try:
                with _connect(stack) as connection:
                    connection.sendall(_request(_stored(f"{number}\n")[0]))
                    if _reply(connection)[0].status == http.client.OK:
                        return attempt
            except (OSError, http.client.HTTPException):
                continue
        raise AssertionError("never served")

    with ThreadPoolExecutor(60) as senders, ExitStack():
        attempts = list(senders.map(send, range(400)))
    assert len(attempts) == 400
