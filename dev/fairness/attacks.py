# SPDX-License-Identifier: GPL-3.0-only
"""What one VO does that may cost the others nothing.

Each runs in a process of its own, which is nice to the others: what is measured is how the collector shares itself out,
not how the machine does.
"""

import gzip
import json
import os
import socket
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from parts.calls import Connection, Refused, form, head
from parts.state import Stack
from readerbenchmark.load import Access

VO = "beta"
PILOT, USER = f"{VO}_pilot", f"{VO}_user"
_NICE = 10
_PATIENCE = 300.0
_GZIP = "Content-Encoding: gzip\r\n"
_LARGE = 10_400_000
"""Bytes of text: nearly all that a message may have."""
_LONG_LOG = 2000
"""Chunks of each of two sessions, of which one came backwards."""
_BACKWARDS = 200
_SLOW_BODIES = 600

Once = Callable[[], object]


@dataclass(frozen=True)
class Target(Access):
    """What is attacked.

    Attributes:
        archive: the folder of the plugin LocalDirectory
    """

    archive: str = ""

    @classmethod
    def to(cls, stack: Stack) -> "Target":
        access = Access.to(stack)
        return cls(access.url, access.authorities, access.credentials, str(stack.layout.archive))


@dataclass(frozen=True)
class Calls:
    """What became of the calls of an attack; shared by the processes."""

    answered: "Synchronized[int]"
    refused: "Synchronized[int]"


def run(name: str, access: Target, ready: Event, calls: Calls) -> None:
    """Prepare, say so, and go on until somebody ends this process."""
    os.nice(_NICE)
    threads, prepare = ATTACKS[name]
    once = prepare(access)
    ready.set()
    for _ in range(threads - 1):
        threading.Thread(target=_again_and_again, args=(once, calls), daemon=True).start()
    _again_and_again(once, calls)


def _again_and_again(once: Once, calls: Calls) -> None:
    while True:
        try:
            once()
            count = calls.answered
        except (Refused, OSError):
            count = calls.refused  # which is right
            time.sleep(0.01)
        with count.get_lock():
            count.value += 1


class _Connected(threading.local):
    """A connection for each thread."""

    def __init__(self, access: Target, who: str) -> None:
        self.connection = Connection(access.url, access.context(who), _PATIENCE)


def _sent_by(access: Target, who: str, body: bytes, fields: str = _GZIP) -> Once:
    """Send one body again and again."""
    own = _Connected(access, who)
    return lambda: own.connection.call(body, fields=fields)


def _call(access: Target, who: str, method: str, *arguments: Any) -> Once:
    return _sent_by(access, who, form(method, *arguments), "")


def _fields(access: Target) -> Once:
    return _sent_by(access, USER, gzip.compress(b"a=b&" * 5_000_000))


def _structure(access: Target) -> Once:
    return _sent_by(access, USER, gzip.compress(b"method=listLogs&args=[" + b"[]," * 5_000_000 + b"[]]"))


def _store(access: Target, text: str) -> str:
    stamp = uuid.uuid4().hex
    batch = {"stamp": stamp, "session": "s", "seq": 1, "text": text}
    with Connection(access.url, access.context(PILOT), _PATIENCE) as pilot:
        pilot.call(gzip.compress(form("appendLog", batch)), fields=_GZIP)
    return stamp


def _expression(access: Target) -> Once:
    stamp = _store(access, ("x" * 5000 + "\n") * (_LARGE // 5001))
    return _call(access, USER, "findLines", stamp, "", {"regex": "(x{1,30}){1,30}y"}, 1, 10)


def _awkward_text(access: Target) -> Once:
    text = urllib.parse.quote_plus("://a:b@") * (_LARGE // 7)

    def once() -> None:
        batch = json.dumps({"stamp": uuid.uuid4().hex, "session": "s", "seq": 1, "text": "@"})
        before, after = (urllib.parse.quote_plus(part) for part in f"[{batch}]".split("@"))
        body = gzip.compress(f"method=appendLog&args={before}{text}{after}".encode(), 1)
        with Connection(access.url, access.context(PILOT), _PATIENCE) as pilot:
            pilot.call(body, fields=_GZIP)

    return once


def _dead_archive(access: Target) -> Once:
    """Whoever opens this log waits: it is a pipe, which nobody writes."""
    stamp = uuid.uuid4().hex
    pipe = Path(access.archive, VO, f"{stamp}.log")
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    return _call(access, USER, "readLog", stamp, VO)


def _many_chunks(access: Target) -> Once:
    stamp = uuid.uuid4().hex
    numbers = range(1, _LONG_LOG + 1)
    backwards = [first - of for first in range(_BACKWARDS, _LONG_LOG + 1, _BACKWARDS) for of in range(_BACKWARDS)]
    with Connection(access.url, access.context(PILOT), _PATIENCE) as pilot:
        for session, order in (("a", numbers), ("b", backwards)):
            for number in order:
                pilot.ask("appendLog", {"stamp": stamp, "session": session, "seq": number, "text": f"{number}\n"})
    return _call(access, USER, "readLog", stamp, "", "", 4_000_000)


def _slow_bodies(access: Target) -> Once:
    """Each connection says what it will send, and does not."""
    address = urllib.parse.urlsplit(access.url)
    context = access.context(USER)
    held: list[socket.socket] = []

    def once() -> None:
        if len(held) >= _SLOW_BODIES:
            held.pop(0).close()
        plain = socket.create_connection((address.hostname or "", address.port or 0), _PATIENCE)
        connection = context.wrap_socket(plain, server_hostname=address.hostname)
        connection.sendall(head(address, 100, keep=True))
        held.append(connection)

    return once


def _unread_replies(access: Target) -> Once:
    stamp = _store(access, "\x01" * _LARGE)
    address = urllib.parse.urlsplit(access.url)
    context, body = access.context(USER), form("getLogs", stamp, "")

    def once() -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect((address.hostname, address.port))
        with context.wrap_socket(plain, server_hostname=address.hostname) as connection:
            connection.sendall(head(address, len(body), keep=True) + body)
            time.sleep(5)

    return once


def _without_text(access: Target) -> Once:
    own = _Connected(access, PILOT)
    return lambda: own.connection.ask("finaliseLogs", '{"retCode": "0"}', uuid.uuid4().hex, "")


def _selection(access: Target) -> Once:
    arguments = json.dumps([{"Site": [f"x{number}" for number in range(100_000)]}, [], 0, 1])
    return _sent_by(access, USER, gzip.compress(b"method=listLogs&args=" + arguments.encode()))


def _sort(access: Target) -> Once:
    return _call(access, USER, "listLogs", {}, [["VO", "ASC"]] * 20_000, 0, 1)


def _runaway(access: Target) -> Once:
    stamp, session, lock, number = uuid.uuid4().hex, uuid.uuid4().hex, threading.Lock(), 0
    text = ("2026-06-10T11:02:02.823512Z INFO [x] the same again and again\n" * 40_000)[:2_000_000]
    own = _Connected(access, PILOT)

    def once() -> None:
        nonlocal number
        with lock:
            number += 1
            batch = {"stamp": stamp, "session": session, "seq": number, "text": text}
        own.connection.call(gzip.compress(form("appendLog", batch), 1), fields=_GZIP)

    return once


ATTACKS: dict[str, tuple[int, Callable[[Target], Once]]] = {
    "4 bodies of many fields": (4, _fields),
    "4 JSON of many lists": (4, _structure),
    "5 a slow expression": (8, _expression),
    "6 text that is slow to redact": (4, _awkward_text),
    "8 a log of chunks in disorder": (8, _many_chunks),
    "9 bodies that do not come": (2, _slow_bodies),
    "10 replies that nobody reads": (12, _unread_replies),
    "11 messages without text": (8, _without_text),
    "12 a selection of 100,000 sites": (4, _selection),
    "12 a sort by 20,000 columns": (4, _sort),
    "13 a pilot that runs away": (4, _runaway),
    # Last: its readers have all of their VO's places for some minutes.
    "7 an archive that hangs": (20, _dead_archive),
}
"""What it is called, by its number in the issue that it came from; in how many threads; and what makes it ready."""
