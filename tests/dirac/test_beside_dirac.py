# SPDX-License-Identifier: GPL-3.0-only
"""A service of DIRAC's own in the same process, on one port with ours: it notices nothing but that chains are sound."""

from __future__ import annotations

import gzip
import http.client
import json
import time
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from harness.chains import Party, group_extension, make, make_proxy, name
from harness.client import FORM, Answer, Client, form
from harness.stacks import RunningStack, dumped

STOCK = "/Framework/TornadoNotification"
SECONDS = 3
"""After which a connection without credentials is closed."""


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    section = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
    options = [
        "/Systems/Framework/Services/TornadoNotification/Protocol=https",
        "/Systems/Framework/Services/TornadoNotification/Authorization/Default=authenticated",
        f"{section}/UnauthenticatedTime={SECONDS}",
    ]
    return own_stack(*(word for option in options for word in ("--option", option)))


def _ask(client: Client, body: bytes, path: str = STOCK, **headers: str) -> Any:
    client.connection.request("POST", path, body, {"Content-Type": FORM} | headers)
    reply = client.connection.getresponse()
    content = reply.read()
    answer = Answer(json.loads(content) if reply.status == http.client.OK else {})
    answer.status = reply.status
    return answer


def test_both_answer_on_one_connection(stack: RunningStack) -> None:
    client = stack.client("alpha_pilot")
    for number in range(3):
        assert _ask(client, form("ping"))["OK"]
        sock = client.connection.sock
        assert client("sendMessage", dumped(f"{number}\n"), uuid.uuid4().hex, "alpha")["OK"]
        who = _ask(client, form("whoami"))["Value"]
        assert (who["username"], who["group"]) == ("alpha_pilot", "alpha_pilot")
        assert client.connection.sock is sock


def test_its_connections_are_kept_beyond_the_time_of_the_unauthenticated(stack: RunningStack) -> None:
    client = stack.client("alpha_user")
    assert _ask(client, form("ping"))["OK"]
    sock = client.connection.sock
    time.sleep(2 * SECONDS + 1)
    assert _ask(client, form("ping"))["OK"]
    assert client.connection.sock is sock


def test_large_bodies_and_replies(stack: RunningStack) -> None:
    client = stack.client("alpha_user")
    text = "x" * 5 * 2**20
    for body, headers in (
        (form("echo", text), {}),
        (gzip.compress(form("echo", text)), {"Content-Encoding": "gzip"}),
    ):
        assert _ask(client, body, **headers)["Value"] == text


@pytest.mark.parametrize("caller", ["stranger", None])
def test_whoever_may_not_is_refused_by_dirac(stack: RunningStack, caller: str | None) -> None:
    assert _ask(stack.client(caller), form("sendMail", "a@b", "s", "b", "c@d")).status == http.client.UNAUTHORIZED


def test_its_callers_are_known_by_their_verified_chain_as_well(stack: RunningStack, tmp_path: Any) -> None:
    """A certificate that nobody signed, behind a proxy, changes nothing; an unsound proxy does not connect."""
    files = (stack.layout.users / f"alpha_user.{part}.pem" for part in ("cert", "key"))
    certificate, key = (file.read_bytes() for file in files)
    user = Party(
        x509.load_pem_x509_certificate(certificate),
        serialization.load_pem_private_key(key, None),  # type: ignore[arg-type]
    )
    forged = make(name("nobody"), name("nobody"), None, [(group_extension("beta_user"), False)])
    proxy = make_proxy(user, "alpha_user")
    good = proxy.file(tmp_path / "good.pem", user.certificate, forged.certificate)
    client = Client(stack.urls[0], stack.layout.certificates, good)
    assert _ask(client, form("whoami"))["Value"]["group"] == "alpha_user"
    client.close()
    bad = make_proxy(user, "alpha_user", critical=False).file(tmp_path / "bad.pem", user.certificate)
    client = Client(stack.urls[0], stack.layout.certificates, bad)
    with pytest.raises((OSError, http.client.HTTPException)):
        _ask(client, form("whoami"))
    client.close()


def test_paths_that_there_are_not(stack: RunningStack) -> None:
    client = stack.client("alpha_user")
    for path in ("/Framework/Nothing", f"{STOCK}/x", urllib.parse.quote("/ä")):
        assert _ask(client, b"", path).status == http.client.NOT_FOUND
        client.close()
