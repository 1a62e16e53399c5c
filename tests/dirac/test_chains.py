# SPDX-License-Identifier: GPL-3.0-only
"""Who somebody is: from the verified chain alone, on a connection and in a balancer's headers. A real collector."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import re
import socket
import ssl
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from harness.chain_table import CASES, REFUSED, Table, chains_of
from harness.chains import OtherAuthority, Party, make_proxy
from harness.client import Client, form
from harness.sender import batch
from harness.stacks import RunningStack
from harness.waiting import until

BALANCER = "127.0.0.3"
_SECTION = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
_DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    return own_stack("--option", "/WebApp/Balancer=nginx", "--option", f"{_SECTION}/BalancerAddresses={BALANCER}")


@pytest.fixture(scope="module")
def user(stack: RunningStack) -> Party:
    """alpha_user's own certificate, of the stack's CA."""
    parts = (stack.layout.users / f"alpha_user.{part}.pem" for part in ("cert", "key"))
    certificate, key = (part.read_bytes() for part in parts)
    return Party(
        x509.load_pem_x509_certificate(certificate),
        serialization.load_pem_private_key(key, None),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def authority(stack: RunningStack) -> x509.Certificate:
    """The stack's CA; its key is nowhere."""
    return x509.load_pem_x509_certificate(next(Path(stack.layout.certificates).glob("*.0")).read_bytes())


@pytest.fixture(scope="module")
def chains(user: Party, authority: x509.Certificate) -> Table:
    return chains_of(user, authority)


def _outcome(client: Client, headers: dict[str, str] | None = None) -> Any:
    try:
        answer = client.post(form("whoami"), headers)
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        client.close()
        return REFUSED
    if answer.status == http.client.UNAUTHORIZED:
        return REFUSED
    who = answer.value
    return who["username"], who["group"], who["isProxy"]


def test_the_table_is_whole(chains: Table) -> None:
    assert CASES == list(chains)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("case", CASES)
def test_on_a_connection(
    stack: RunningStack, chains: Table, tmp_path: Path, case: str, version: ssl.TLSVersion
) -> None:
    leaf, others, expected = chains[case]
    file = leaf.file(tmp_path / "proxy.pem", *others)
    with contextlib.closing(Client(stack.urls[0], stack.layout.certificates, file)) as client:
        client.context.minimum_version = client.context.maximum_version = version
        assert _outcome(client) == expected
    assert "Traceback" not in stack.log_of("collector-0")


@pytest.mark.parametrize("case", CASES)
def test_in_a_balancers_headers(stack: RunningStack, chains: Table, case: str) -> None:
    leaf, others, expected = chains[case]
    certificates = leaf.text + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in others)
    headers = {"X-Ssl_client_verify": "SUCCESS", "X-SSL-CERT": urllib.parse.quote(certificates)}
    client = stack.client(None)
    client.connection.source_address = (BALANCER, 0)
    assert _outcome(client, headers) == expected
    assert "Traceback" not in stack.log_of("collector-0")


def test_the_group_of_a_certificate_that_nobody_signed(stack: RunningStack, chains: Table, tmp_path: Path) -> None:
    """A payload with an ordinary proxy of alpha adds a certificate that names beta's group: it stays in alpha."""
    leaf, others, _ = chains["junk that claims the CA's key"]
    client = Client(stack.urls[0], stack.layout.certificates, leaf.file(tmp_path / "proxy.pem", *others))
    with contextlib.closing(client):
        assert client("listLogs", {"VO": "alpha"})["OK"]
        assert client("listLogs", {"VO": "beta"}).refusal


# Revocation


@pytest.mark.parametrize("by_proxy", [True, False])
def test_a_revoked_user(stack: RunningStack, tmp_path: Path, by_proxy: bool) -> None:
    """Behind a proxy as well, on a new connection and on one that is there already, and in a balancer's headers."""
    other = OtherAuthority(f"CA that revokes {by_proxy}")
    other.write(stack.layout.certificates)
    revoked, good = (other.issue("alpha_pilot", serial=serial) for serial in (7001, 7002))
    clients = []
    for party in (revoked, good):
        leaf = make_proxy(party, "alpha_pilot") if by_proxy else party
        file = leaf.file(tmp_path / f"{party.certificate.serial_number}.pem", party.certificate)
        clients.append(Client(stack.urls[0], stack.layout.certificates, file))
    for client in clients:
        assert client("whoami").value["username"] == "alpha_pilot"  # a CA without a list goes on
    message = batch("c" * 32, 1, "x\n")
    assert clients[0]("appendLog", message).status == http.client.OK
    other.write(stack.layout.certificates, [7001, 9999])
    # On the connection that was there before.
    until(lambda: clients[0]("appendLog", message).status == http.client.UNAUTHORIZED, what="the list is read")
    clients[0].close()
    assert _outcome(clients[0]) == REFUSED
    assert clients[1]("whoami")["OK"]
    clients[1].close()
    assert clients[1]("whoami")["OK"], "the others of this CA go on"
    text = re.sub(
        r"-----BEGIN EC.*?END EC PRIVATE KEY-----\n", "", (tmp_path / "7001.pem").read_text(), flags=re.DOTALL
    )
    headers = {"X-Ssl_client_verify": "SUCCESS", "X-SSL-CERT": urllib.parse.quote(text)}
    balancer = stack.client(None)
    balancer.connection.source_address = (BALANCER, 0)
    assert balancer.post(form("whoami"), headers).status == http.client.UNAUTHORIZED
    other.write(stack.layout.certificates, [])
    until(lambda: _outcome(clients[0]) != REFUSED, what="it is taken back")
    for client in clients:
        client.close()


def test_a_list_that_another_ca_signed_counts_for_nothing(stack: RunningStack, tmp_path: Path) -> None:
    other, pretender = OtherAuthority("CA with an enemy"), OtherAuthority("CA with an enemy")
    party = other.issue("alpha_pilot", serial=8001)
    pretender.write(stack.layout.certificates, [8001])
    other.write(stack.layout.certificates)
    witness = OtherAuthority("CA of a witness")
    seen = witness.issue("alpha_pilot", serial=8002)
    witness.write(stack.layout.certificates, [8002])
    client, watch = (
        Client(stack.urls[0], stack.layout.certificates, one.file(tmp_path / f"{number}.pem"))
        for number, one in enumerate((party, seen))
    )
    until(lambda: _outcome(watch) == REFUSED, what="the lists have been read")
    assert client("whoami")["OK"]
    client.close()


# Time


def test_an_expired_proxy_ends_its_connections_rights(stack: RunningStack, user: Party, tmp_path: Path) -> None:
    proxy = make_proxy(user, "alpha_user", ends=datetime.timedelta(seconds=8))
    file = proxy.file(tmp_path / "proxy.pem", user.certificate)
    with contextlib.closing(Client(stack.urls[0], stack.layout.certificates, file)) as client:
        assert client("whoami")["OK"]
        until(lambda: client("whoami").status == http.client.UNAUTHORIZED, what="the proxy expires")


# Sessions


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_no_session_is_resumed(stack: RunningStack, version: ssl.TLSVersion) -> None:
    client = stack.client("alpha_user")
    client.context.minimum_version = client.context.maximum_version = version
    assert client("whoami")["OK"]
    session = client.connection.sock.session
    for _ in range(3):
        address = (client.address.hostname, client.address.port)
        with (
            contextlib.closing(http.client.HTTPSConnection(*address, context=client.context)) as second,
            contextlib.suppress(ValueError),
        ):
            second.sock = client.context.wrap_socket(
                socket.create_connection(address), server_hostname="localhost", session=session
            )
            assert not second.sock.session_reused
            second.request(
                "POST", client.address.path, form("whoami"), {"Content-Type": "application/x-www-form-urlencoded"}
            )
            assert second.getresponse().status == http.client.OK


@pytest.mark.parametrize(
    "ciphers",
    ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-GCM-SHA384"],
)
def test_ciphers_without_forward_secrecy_or_aead_are_refused(stack: RunningStack, ciphers: str) -> None:
    client = stack.client("alpha_user")
    client.context.maximum_version = ssl.TLSVersion.TLSv1_2
    client.context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        client("ping")
