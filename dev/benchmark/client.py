"""The load: pilots that send as fast as they are answered. It runs in processes of its own, see :mod:`.measurement`.

Each message has its own number in its first line, so that afterwards it can be found, once, in its log.
"""

import http.client
import json
import resource
import socket
import ssl
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field

from demonstration.content import PilotText

_LINES = 50
_LINE = 100
_MESSAGES_A_PILOT = 100
_NUMBER = "{number:08d}"
_PATIENCE = 60.0


@dataclass(frozen=True)
class Load:
    """What one process is to send.

    Attributes:
        keep_alive: one connection for all calls of a pilot, instead of one for each as stock pilots do
        pilots: so many at once, each in a thread
    """

    url: str
    proxy: str
    authorities: str
    vo: str
    keep_alive: bool
    pilots: int
    seconds: float


@dataclass
class Sent:
    """What became of it.

    Attributes:
        acknowledged: the numbers of the messages that were answered with S_OK, by stamp
        cpu: of this process, in seconds
        latencies: of each acknowledged message, in seconds
        failure: why the first pilot that gave up did so
    """

    acknowledged: dict[str, list[int]] = field(default_factory=dict)
    seconds: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def messages(self) -> int:
        return sum(map(len, self.acknowledged.values()))


def send(load: Load) -> Sent:
    """Send until the time is over."""
    sent = Sent()
    context = ssl.create_default_context(capath=load.authorities)
    context.load_cert_chain(load.proxy)
    begun, cpu = time.monotonic(), _cpu()
    deadline = begun + load.seconds

    def pilot() -> None:
        try:
            while time.monotonic() < deadline:
                _live(load, context, deadline, sent)
        except (OSError, ValueError, http.client.HTTPException) as error:
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
    address = urllib.parse.urlsplit(load.url)
    before, after = _request(address, stamp, load)
    connection: ssl.SSLSocket | None = None
    try:
        for number in range(_MESSAGES_A_PILOT):
            begun = time.monotonic()
            if begun > deadline:
                return
            if connection is None:
                connection = _connect(address, context)
            connection.sendall(b"%s%08d%s" % (before, number, after))
            reply = _reply(connection)
            if not json.loads(reply)["OK"]:
                raise ValueError(f"the collector answered {reply[:300]!r}")
            numbers.append(number)
            if not load.keep_alive:
                connection.close()
                connection = None
            sent.latencies.append(time.monotonic() - begun)
    finally:
        if connection is not None:
            connection.close()


def _request(address: urllib.parse.SplitResult, stamp: str, load: Load) -> tuple[bytes, bytes]:
    """The bytes of a request before and after the message's number: a client must cost less than the server."""
    arguments = json.dumps([json.dumps(message_text(stamp, load.vo, _NUMBER)), stamp, load.vo])
    body = urllib.parse.urlencode({"method": "sendMessage", "args": arguments})
    size = len(body) - len(urllib.parse.quote_plus(_NUMBER)) + len(_NUMBER.format(number=0))
    head = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {size}\r\nConnection: {'keep-alive' if load.keep_alive else 'close'}\r\n\r\n"
    )
    before, _, after = body.partition(urllib.parse.quote_plus(_NUMBER))
    return (head + before).encode(), after.encode()


def message_text(stamp: str, vo: str, number: str) -> str:
    """The text of one message: 50 lines, 5 kB, of which the first has the number."""
    text = "".join(PilotText(stamp, vo, seed=1).commands()).encode("ascii", "replace").decode().replace("\n", " ")
    lines = [text[start : start + _LINE - 1] for start in range(0, (_LINES - 1) * (_LINE - 1), _LINE - 1)]
    return "\n".join([f"2026-06-10T11:02:02.823512Z INFO [LaunchAgent] message {number}", *lines, ""])


def _connect(address: urllib.parse.SplitResult, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((address.hostname, address.port), timeout=_PATIENCE)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname=address.hostname)


def _reply(connection: ssl.SSLSocket) -> bytes:
    """The body of a reply that has a Content-Length, as Tornado's have."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    if status.split()[1] != "200":
        raise ValueError(f"the collector answered {status}")
    size = next(int(value) for name, _, value in (line.partition(":") for line in fields) if name == "Content-Length")
    while len(body) < size:
        body += _received(connection)
    return body


def _received(connection: ssl.SSLSocket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the collector closed the connection before its reply")
    return data


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
