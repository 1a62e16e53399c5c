# SPDX-License-Identifier: GPL-3.0-only
"""Damaged requests on the wire, a few hundred of them: an answer that is no fault of the collector, or a hang-up."""

from __future__ import annotations

import gzip
import random
import ssl
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from harness.client import FORM, Client, form
from harness.sender import batch
from harness.stacks import RunningStack, dumped

_ANSWERED = {b"200", b"400", b"401", b"404", b"405", b"411", b"413", b"417", b"501"}
"""HTTP 501 is DIRAC's word for a method that is not there; 500 is never right."""
_INTERESTING = [
    b"",
    b"%",
    b"%%",
    b"&",
    b"=",
    b"\0",
    b"\r\n",
    b"\xff",
    b"[",
    b"]",
    b'"',
    b"9" * 400,
    b"-1",
    b"null",
    b"[" * 400,
]


def _calls(stamp: str) -> list[bytes]:
    return [
        form("sendMessage", dumped("line\n"), stamp, "alpha"),
        form("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha"),
        form("appendLog", batch(stamp, 1, "line\n", context={"site": "x"}, final={"retCode": "0"})),
        form("readLog", stamp, "alpha", "1.2.3", 10),
        form("getLogs", stamp, "alpha"),
        form("listLogs", {"VO": "alpha", "Since": "2026-06-10T11:02:02Z"}, [["VO", "ASC"]], 0, 10),
        form("listValues", {"Contains": {"Site": "x"}, "Silent": True}, ["Site", "ExitCode"], 5),
        form("countLogs", {"Contains": {"Site": "x"}, "Failed": True}, "Site", 5),
        form("outlineLog", stamp, "alpha", "1.2.3.0"),
        form("readLines", stamp, "alpha", 1, 10, [1, 2]),
        form("findLines", stamp, "alpha", {"regex": "l.n[e]+", "levels": ["ERROR"], "since": "2026-06-10"}, 1, 10),
        form("searchLogs", {"text": "line", "ignoreCase": True}, {"Stamp": stamp}, "9.0.0.1.0", 10),
    ]


def _damaged(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            damaged[place:place] = chance.choice(_INTERESTING)
        elif kind == 1:
            del damaged[place : place + chance.randint(1, 30)]
        elif kind == 2:
            damaged[place : place + 1] = bytes([chance.randrange(256)])
        else:
            damaged[place:] = damaged[place:] + damaged[:place]
    return bytes(damaged)


def _requests(path: str, chance: random.Random) -> Iterator[bytes]:
    while True:
        body = chance.choice(_calls(uuid.UUID(int=chance.getrandbits(128)).hex))
        headers = {b"Host": b"localhost", b"Content-Type": FORM.encode()}
        kind = chance.randrange(4)
        if kind == 0:
            body = _damaged(body, chance)
        elif kind == 1:
            body = _damaged(gzip.compress(body), chance)
            headers[b"Content-Encoding"] = b"gzip"
        headers[b"Content-Length"] = b"%d" % len(body)
        if kind == 2:
            headers[_damaged(chance.choice(list(headers)), chance)] = _damaged(chance.choice(list(headers)), chance)
        head = b"POST %s HTTP/1.1\r\n" % path.encode() + b"".join(b"%s: %s\r\n" % pair for pair in headers.items())
        yield (_damaged(head, chance) if kind == 3 else head) + b"Connection: close\r\n\r\n" + body


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_requests(stack: RunningStack, pilot: Client, user: Client, stamp: str, seed: int) -> None:
    before = len(stack.log_of("collector-0"))
    requests = _requests(pilot.address.path, random.Random(seed))
    answered = 0
    for _ in range(100):
        connection = pilot.connect(timeout=20)
        connection.connect()
        connection.sock.settimeout(1.0)  # a request that claims more than it has waits for the rest, as it should
        reply = b""
        with suppress(OSError, ssl.SSLError):
            connection.sock.sendall(next(requests))
            reply = connection.sock.recv(2000)
        connection.close()
        if reply:
            answered += 1
            assert reply.split(b" ", 2)[1] in _ANSWERED, reply
            assert b"Traceback" not in reply
    assert answered > 50
    assert pilot("sendMessage", dumped("still there\n"), stamp, "alpha")["OK"]
    assert user.text_of(stamp) == "still there\n"
    log = stack.log_of("collector-0")[before:]
    assert "Traceback" not in log
    assert "Exception serving request" not in log
