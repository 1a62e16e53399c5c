# SPDX-License-Identifier: GPL-3.0-only
"""The load: pilots that send as fast as they are answered. It runs in processes of its own, see :mod:`.measurement`.

Each message has its own number in its first line, so that afterwards it can be found, once, in its log.
"""

import gzip
import json
import random
import resource
import ssl
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field

from demonstration.content import PilotText
from parts.calls import Connection, Refused, form, head, tls_context, value_of

_LINES = 50
_LINE = 100
_MESSAGES_A_PILOT = 100
_NUMBER = "{number:08d}"
_IN_A_BATCH = 12
_PATIENCE = 60.0


@dataclass(frozen=True)
class Load:
    """What one process is to send.

    Attributes:
        keep_alive: one connection for all calls of a pilot, instead of one for each as stock pilots do
        pilots: so many at once, each in a thread
        rate: messages a second of all these pilots, which are then sent at their times, however long an answer takes;
            0 for as fast as they are answered
        batches: as our own module sends: twelve messages in one, numbered and gzip'd
    """

    url: str
    proxy: str
    authorities: str
    vo: str
    keep_alive: bool
    pilots: int
    seconds: float
    rate: float = 0.0
    batches: bool = False

    @property
    def every(self) -> float:
        """Seconds between two messages of one pilot; 0: none."""
        return self.pilots / self.rate if self.rate else 0.0


@dataclass
class Sent:
    """What became of it.

    Attributes:
        acknowledged: the numbers of the messages that were answered with S_OK, by stamp
        cpu: of this process, in seconds
        latencies: of each acknowledged message, in seconds, from when it was due
        failure: why the first pilot that gave up did so
    """

    acknowledged: dict[str, list[int]] = field(default_factory=dict)
    seconds: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def messages(self) -> int:
        return len(self.latencies)


def send(load: Load) -> Sent:
    """Send until the time is over."""
    sent = Sent()
    context = tls_context(load.authorities, load.proxy)
    begun, cpu = time.monotonic(), _cpu()
    deadline = begun + load.seconds

    def pilot() -> None:
        try:
            while time.monotonic() < deadline:
                _live(load, context, deadline, sent)
        except (Refused, OSError, ValueError) as error:
            sent.failure = sent.failure or f"{type(error).__name__}: {error}"

    threads = [threading.Thread(target=pilot) for _ in range(load.pilots)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.seconds, sent.cpu = time.monotonic() - begun, _cpu() - cpu
    return sent


def _live(load: Load, context: ssl.SSLContext, deadline: float, sent: Sent) -> None:
    """One pilot: some messages of the same log."""
    stamp = uuid.uuid4().hex
    numbers = sent.acknowledged.setdefault(stamp, [])
    with Connection(load.url, context, _PATIENCE) as connection:
        before, after = _request(connection.address, stamp, load)
        text = message_text(stamp, load.vo, _NUMBER) if load.batches else ""
        due = time.monotonic() + random.random() * load.every
        for number in range(_MESSAGES_A_PILOT):
            due = due + load.every if load.every else time.monotonic()
            time.sleep(max(0.0, due - time.monotonic()))
            if due > deadline:
                return
            if load.batches:
                some = range(_IN_A_BATCH * number, _IN_A_BATCH * (number + 1))
                together = "".join(text.replace(_NUMBER, f"{one:08d}") for one in some)
                batch = {"stamp": stamp, "vo": load.vo, "session": "bench", "seq": number + 1, "text": together}
                connection.call(gzip.compress(form("appendLog", batch), 6), fields="Content-Encoding: gzip\r\n")
                numbers.extend(some)
            else:
                _deliver(connection, b"%s%08d%s" % (before, number, after))
                numbers.append(number)
            if not load.keep_alive:
                connection.close()
            sent.latencies.append(time.monotonic() - due)


def _deliver(connection: Connection, message: bytes) -> None:
    """Send a message; again where two threads of DIRAC's own collector made the same folder, and one was told so."""
    while True:
        try:
            value_of(*connection.exchange(message))
            return
        except Refused as error:
            if "FileExistsError" not in str(error):
                raise
            connection.close()


def _request(address: urllib.parse.SplitResult, stamp: str, load: Load) -> tuple[bytes, bytes]:
    """The bytes of a request before and after the message's number: a client must cost less than the server."""
    body = form("sendMessage", json.dumps(message_text(stamp, load.vo, _NUMBER)), stamp, load.vo)
    before, _, after = body.partition(urllib.parse.quote_plus(_NUMBER).encode())
    size = len(before) + len(_NUMBER.format(number=0)) + len(after)
    return head(address, size, load.keep_alive) + before, after


def message_text(stamp: str, vo: str, number: str) -> str:
    """The text of one message: 50 lines, 5 kB, of which the first has the number."""
    text = "".join(PilotText(stamp, vo, seed=1).commands()).encode("ascii", "replace").decode().replace("\n", " ")
    lines = [text[start : start + _LINE - 1] for start in range(0, (_LINES - 1) * (_LINE - 1), _LINE - 1)]
    return "\n".join([f"2026-06-10T11:02:02.823512Z INFO [LaunchAgent] message {number}", *lines, ""])


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
