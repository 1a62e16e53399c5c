# SPDX-License-Identifier: GPL-3.0-only
"""The portal of a stack: logs that are sent to it, and what it answers to somebody without a browser."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.client import Client
from harness.sender import batch
from harness.stacks import RunningStack
from parts import pilots
from parts.state import Stack

Parameters = Mapping[str, Any] | Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Reply:
    """What the portal answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def sentence(self) -> str:
        """The sentence of a refusal, which tells nothing that it should not."""
        assert 400 <= self.status < 500 or self.status == 503, (self.status, self.body[:300])
        assert self.headers["Content-Type"] == "application/json"
        told = self.json
        assert list(told) == ["error"], told
        text = told["error"]
        assert isinstance(text, str)
        assert 10 < len(text) < 500, text
        for leak in ("Traceback", "rpcStub", "/O=", "site-packages", "Error("):
            assert leak not in text, text
        return text


class Portal:
    """A stack with a portal."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.plan: Stack = stack.plan
        self.origin = f"https://localhost:{self.plan.ports['portal']}"
        self._pilots: dict[str, Client] = {}
        self._seq: dict[str, int] = {}
        self._connections: dict[str | None, http.client.HTTPSConnection] = {}

    def address(self, user: str, path: str = "") -> str:
        """An address below a user's own group."""
        return f"{self.origin}/DIRAC/s:None/g:{user}/{path}"

    # Pilots

    def send(self, text: str, vo: str = "alpha", stamp: str | None = None, **more: Any) -> str:
        """Send text as a pilot of a VO does; gives its stamp. ``context``, ``final`` and ``seq`` as in appendLog."""
        stamp = stamp or uuid.uuid4().hex
        if vo not in self._pilots:
            self._pilots[vo] = self.stack.client(f"{vo}_pilot")
        pilot = self._pilots[vo]
        pilot.close()  # an idle connection may have been closed meanwhile
        self._seq[stamp] = more.pop("seq", self._seq.get(stamp, 0) + 1)
        assert pilot("appendLog", batch(stamp, self._seq[stamp], text, vo=vo, **more))["OK"]
        return stamp

    def add_pilot(self, stamp: str, vo: str = "alpha", **more: Any) -> str:
        """Let the WMS know a pilot; gives its reference."""
        reference = f"htcondorce://ce.example.org/{uuid.uuid4().hex[:12]}.0"
        pilots.add(self.plan, [pilots.Pilot(reference, stamp, vo, **more)])
        return reference

    # Requests

    def get(
        self,
        user: str | None,
        path: str,
        parameters: Parameters = (),
        group: str | None = None,
        verb: str = "GET",
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask the portal as a user, in the group of the same name unless another is named."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        address = f"/DIRAC/s:None/g:{group or user or 'alpha_user'}/{path}?{query}"
        for connection in (self._connections.pop(user, None), self._connect(user)):
            if connection is None:
                continue
            try:
                connection.request(verb, address, headers={"Accept": accept, **(headers or {})})
                reply = connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionError):
                continue  # it was idle for too long
            self._connections[user] = connection
            return Reply(reply.status, dict(reply.getheaders()), reply.read())
        raise AssertionError(f"the portal hung up at {address}")

    def _connect(self, user: str | None) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(capath=str(self.stack.layout.certificates))
        if user:
            users = self.stack.layout.users
            context.load_cert_chain(users / f"{user}.cert.pem", users / f"{user}.key.pem")
        return http.client.HTTPSConnection("localhost", self.plan.ports["portal"], context=context, timeout=60)

    def close(self) -> None:
        """Close what is open."""
        for connection in self._connections.values():
            connection.close()

    def ask(self, user: str, method: str, parameters: Parameters = ()) -> Any:
        """What a method of our handler gives."""
        reply = self.get(user, f"PilotLogs/{method}", parameters)
        assert reply.status == 200, reply.body
        return reply.json
