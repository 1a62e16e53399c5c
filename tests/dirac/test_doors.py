# SPDX-License-Identifier: GPL-3.0-only
"""Who may do what, over real TLS: each method, called by each kind of caller, for its own VO and for the other one.

``TABLE`` stands in ``docs/security.md`` as well, and the two are compared.
"""

from __future__ import annotations

import ast
import datetime
import http.client
import itertools
import json
import re
import ssl
import urllib.parse
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from harness.client import FORM, NOT_FOUND, REJECTED, Answer, Client, form
from harness.sender import batch
from harness.stacks import PROJECT, RunningStack, dumped
from parts.certificates import Authority, Issued, make_keys, pem
from parts.identities import ORGANISATION, subject
from parts.proxies import write_proxy

COLUMNS = (
    ("ping",),
    ("whoami",),
    ("sendMessage", "finaliseLogs"),
    ("appendLog",),
    (
        "getLogs",
        "readLog",
        "listLogs",
        "listValues",
        "countLogs",
        "outlineLog",
        "readLines",
        "findLines",
        "searchLogs",
    ),
    ("getStatistics", "getMetadata", "eraseLog"),
    ("any other",),
)
WRITERS = (*COLUMNS[2], *COLUMNS[3])
PILOT = "yes | yes | yes / own | yes / Rejected | yes / Rejected | 401 | 501"
USER = "yes | yes | 401 | 401 | yes / Rejected | 401 | 501"
OPERATOR = "yes | yes | yes | yes | yes | yes | 501"
KNOWN_BUT_IN_NO_GROUP = "yes | 401 | 401 | 401 | 401 | 401 | 501"
NOBODY = "401 | 401 | 401 | 401 | 401 | 401 | 401"
NO_CONNECTION = "TLS | TLS | TLS | TLS | TLS | TLS | TLS"
FORWARDING_IN_VAIN = "401 | 401 | 401 | 401 | 401 | 401 | 501"

TABLE = {
    "pilot of A (`GenericPilot`)": PILOT,
    "pilot of B (`Pilot`)": PILOT,
    "pilot of A with a limited proxy": PILOT,
    "user of A": USER,
    "user of B": USER,
    "user of A who administrates the CS": USER,
    "user of A whose proxy names no group": USER,
    "user of A with a certificate and no proxy": USER,
    "user of A whose proxy names a group that he is not in": KNOWN_BUT_IN_NO_GROUP,
    "operator": OPERATOR,
    "host that says `hosts`": OPERATOR,
    "host that does not say so": KNOWN_BUT_IN_NO_GROUP,
    "trusted portal for a user of A": USER,
    "trusted portal for a pilot of B": PILOT,
    "trusted portal for a user of A in a group that he is not in": KNOWN_BUT_IN_NO_GROUP,
    "trusted portal for somebody who is not in the Registry": KNOWN_BUT_IN_NO_GROUP,
    "user of A who says `hosts`": KNOWN_BUT_IN_NO_GROUP,
    "user of B who forwards a user of A": FORWARDING_IN_VAIN,
    "certificate of the CA that is not in the Registry": KNOWN_BUT_IN_NO_GROUP,
    "expired proxy": NO_CONNECTION,
    "certificate of another CA": NO_CONNECTION,
    "certificate signed by a user": NO_CONNECTION,
    "no certificate and no token": NOBODY,
}
VO_OF = {caller: "beta" if " of B (" in caller or caller.endswith("of B") else "alpha" for caller in TABLE}
VO_OF["user of B who forwards a user of A"] = "beta"

ALPHA_USER, BETA_PILOT = ([subject(name), name] for name in ("alpha_user", "beta_pilot"))
_A_YEAR = datetime.timedelta(days=365)


def _signed_by(user: str, layout: Any, path: Path, key: Any) -> None:
    """A certificate for beta_user that no CA has issued, but alpha_user."""
    now = datetime.datetime.now(datetime.UTC)
    issuer = x509.load_pem_x509_certificate((layout.users / f"{user}.cert.pem").read_bytes())
    issuers_key = serialization.load_pem_private_key((layout.users / f"{user}.key.pem").read_bytes(), None)
    name = [(NameOID.ORGANIZATION_NAME, ORGANISATION), (NameOID.COMMON_NAME, "beta_user")]
    builder = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(*part) for part in name]))
    builder = builder.issuer_name(issuer.subject).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - _A_YEAR).not_valid_after(now + _A_YEAR)
    made = builder.sign(issuers_key, hashes.SHA256())  # type: ignore[arg-type]
    chain = [made.public_bytes(serialization.Encoding.PEM), pem(key), issuer.public_bytes(serialization.Encoding.PEM)]
    path.write_bytes(b"".join(chain))


@pytest.fixture(scope="module")
def callers(stack: RunningStack) -> dict[str, Callable[[], Client]]:
    """Makes a client for each row of the table."""
    layout = stack.layout
    keys = iter(make_keys(6))
    issued = {name: Issued(*(layout.users / f"{name}.{part}.pem" for part in ("cert", "key"))) for name in (
        "alpha_user", "alpha_pilot"
    )}  # fmt: skip
    made = {name: layout.credentials / f"{name}.pem" for name in ("limited", "groupless", "foreign", "signed", "plain")}
    write_proxy(issued["alpha_pilot"], "alpha_pilot", next(keys), made["limited"], limited=True)
    write_proxy(issued["alpha_user"], None, next(keys), made["groupless"])
    write_proxy(issued["alpha_user"], "beta_pilot", next(keys), made["foreign"])
    _signed_by("alpha_user", layout, made["signed"], next(keys))
    made["plain"].write_bytes(issued["alpha_user"].certificate.read_bytes() + issued["alpha_user"].key.read_bytes())
    other = Authority(next(keys)).issue_user("alpha_user", next(keys), layout.credentials / "other")
    made["other"] = layout.credentials / "other.pem"
    made["other"].write_bytes(other.certificate.read_bytes() + other.key.read_bytes())

    def of(file: str | None, extra: Any = None) -> Callable[[], Client]:
        return lambda: stack.client(file, extra=extra)

    known = dict(
        zip(
            TABLE,
            [
                of("alpha_pilot"),
                of("beta_pilot"),
                of("limited"),
                of("alpha_user"),
                of("beta_user"),
                of("alpha_admin"),
                of("groupless"),
                of("plain"),
                of("foreign"),
                of("operator"),
                of("host", "hosts"),
                of("host"),
                of("host", ALPHA_USER),
                of("host", BETA_PILOT),
                of("host", [ALPHA_USER[0], "beta_pilot"]),
                of("host", ["/O=Nobody/CN=knows me", "alpha_user"]),
                of("alpha_user", "hosts"),
                of("beta_user", ALPHA_USER),
                of("stranger"),
                of("expired"),
                of("other"),
                of("signed"),
                of(None),
            ],
            strict=True,
        )
    )
    # DIRAC remembers for a minute that it has found somebody in a group, and then takes him for a member of any other.
    for member in ("alpha_user", "beta_user", "alpha_pilot"):
        assert stack.client(member)("whoami")["OK"]
    return known


@pytest.fixture(scope="module")
def stamps(stack: RunningStack) -> dict[str, str]:
    """A log of each VO, under the same stamp: they are two logs."""
    stamp = uuid.uuid4().hex
    for vo in ("alpha", "beta"):
        assert stack.client(f"{vo}_pilot")("sendMessage", dumped(f"secret of {vo}\n"), stamp, vo)["OK"]
    return {"alpha": stamp, "beta": stamp}


def _arguments(method: str, vo: str, new: str, old: str) -> list[Any]:
    return {
        "sendMessage": [dumped("x\n"), new, vo],
        "finaliseLogs": [dumped({}), new, vo],
        "appendLog": [batch(new, 1, "x\n", vo=vo)],
        "getLogs": [old, vo],
        "readLog": [old, vo],
        "listLogs": [{"Stamp": old, "VO": vo}],
        "listValues": [{"Stamp": old, "VO": vo}, ["VO"]],
        "countLogs": [{"Stamp": old, "VO": vo}, "VO"],
        "outlineLog": [old, vo],
        "readLines": [old, vo],
        "findLines": [old, vo, {"text": "secret"}],
        "eraseLog": [old, vo, {"text": "secret"}],
        "searchLogs": ["secret", {"Stamp": old, "VO": vo}],
    }.get(method, [])


def _outcome(client: Client, method: str, arguments: list[Any]) -> tuple[str, Answer]:
    try:
        answer = client(method, *arguments)
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        client.close()
        return "TLS", Answer()
    if answer["OK"]:
        return "yes", answer
    if answer.status != http.client.OK:
        assert "Traceback" not in answer["Text"]
        return str(answer.status), answer
    number, sentence = answer.refusal
    assert len(sentence) < 200
    return {REJECTED: "Rejected", NOT_FOUND: "NotFound"}[number], answer


@pytest.mark.parametrize("caller", TABLE)
def test_the_table(
    stack: RunningStack, callers: dict[str, Callable[[], Client]], stamps: dict[str, str], caller: str
) -> None:
    client = callers[caller]()
    own = VO_OF[caller]
    other = "beta" if own == "alpha" else "alpha"
    found = []
    for column, cell in zip(COLUMNS, TABLE[caller].split(" | "), strict=True):
        expected = cell.split(" / ")
        for method, (vo, wanted) in itertools.product(
            column, zip((own, other), expected if len(expected) == 2 else 2 * expected, strict=True)
        ):
            name = "drop_database" if method == "any other" else method
            new = uuid.uuid4().hex
            outcome, answer = _outcome(client, name, _arguments(name, vo, new, stamps[vo]))
            written = [row["VO"] for row in stack.rows("SELECT VO FROM PilotLogs WHERE Stamp = ?", new)]
            if method in WRITERS and outcome == "yes":
                assert written in ([vo], [own])
                outcome = "yes" if written == [vo] else "own"
            else:
                assert written == []
            if outcome != "yes":
                assert "secret" not in str(answer)
            elif method in ("getLogs", "readLog", "readLines", "searchLogs"):
                assert [word for word in ("alpha", "beta") if f"secret of {word}" in str(answer.value)] == [vo]
            found.append((method, vo, outcome, wanted))
        client.close()
    assert [entry for entry in found if entry[2] != entry[3]] == []


def test_the_table_of_the_document_is_this_one() -> None:
    text = (PROJECT / "docs" / "security.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    header = rows.index(
        ["caller", *(", ".join(f"`{name}`" for name in column) for column in COLUMNS[:-1]), "any other"]
    )
    documented = {row[0]: " | ".join(row[1:]) for row in rows[header + 2 : header + 2 + len(TABLE)]}
    assert documented == TABLE


def test_every_method_of_the_service_is_in_the_table() -> None:
    """A new method must be thought of here; its authorisation is a line of its own in the handler."""
    source = (
        PROJECT / "src/PilotLoggingDIRAC/WorkloadManagementSystem/Service/TornadoPilotLoggingHandler.py"
    ).read_text()
    (handler,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    exported = {node.name for node in handler.body if isinstance(node, ast.FunctionDef)}
    exported = {name.removeprefix("export_") for name in exported if name.startswith("export_")}
    assigned = {target.id for node in handler.body if isinstance(node, ast.Assign) for target in node.targets}
    exported.discard("ping")  # DIRAC's own, which is open to all
    assert exported == {*itertools.chain.from_iterable(COLUMNS[2:-1])}
    assert {f"auth_{name}" for name in exported} <= assigned


# Readers


def test_readers_of_several_vos_name_one_others_need_not(stack: RunningStack, stamps: dict[str, str]) -> None:
    stamp = stamps["alpha"]
    assert stack.client("alpha_user")("readLog", stamp).value["text"] == "secret of alpha\n"
    assert stack.client("beta_user")("readLog", stamp).value["text"] == "secret of beta\n"
    assert stack.client("operator")("readLog", stamp).refusal[0] == REJECTED
    assert stack.client("operator")("readLog", stamp, "alpha").value["text"] == "secret of alpha\n"


def test_a_log_of_another_vo_looks_like_none(stack: RunningStack, stamps: dict[str, str], stamp: str) -> None:
    """Whether there is such a log is no business of another VO's."""
    beta = stack.client("beta_user")
    for method in ("readLog", "getLogs", "outlineLog", "readLines"):
        assert beta(method, stamps["alpha"], "alpha") == beta(method, stamp, "alpha")


def test_a_list_neither_shows_nor_counts_the_logs_of_others(stack: RunningStack, stamps: dict[str, str]) -> None:
    beta = stack.client("beta_user")
    for selection in ({}, {"Stamp": stamps["alpha"]}, {"Stamp": [stamps["alpha"]] * 2}, {"VO": "beta"}):
        page = beta("listLogs", selection, [["VO", "ASC"]], 0, 1000).value
        assert {row["VO"] for row in page["rows"]} == {"beta"}
        assert page["total"] == len(page["rows"])
    assert beta("listLogs", {"VO": ["beta", "alpha"]}).refusal[0] == REJECTED
    assert beta("searchLogs", "secret", {"VO": ["beta", "alpha"]}).refusal[0] == REJECTED
    assert "alpha" not in str(beta("searchLogs", "secret").value)
    assert [value for value, _ in beta("listValues", {}, ["VO"]).value["values"]["VO"]] == ["beta"]


@pytest.mark.parametrize(
    "stamp", ["../alpha/x", "..%2falpha", "\x00" * 32, "a" * 10_000, ["a" * 32], "%61" * 32, "a" * 31 + "/"], ids=repr
)
def test_stamps_that_are_ways_to_somewhere(stack: RunningStack, stamp: Any) -> None:
    pilot = stack.client("beta_pilot")
    for method in ("sendMessage", "finaliseLogs", "appendLog", "getLogs", "readLog"):
        number, sentence = pilot(method, *_arguments(method, "beta", stamp, stamp)).refusal
        assert number == REJECTED
        assert len(sentence) < 200


# Groups and extra credentials


def test_nobody_becomes_a_member_of_another_group_by_asking_often(
    stack: RunningStack, callers: dict[str, Callable[[], Client]], stamps: dict[str, str]
) -> None:
    """In both orders: what DIRAC remembers of a DN is neither used for another group nor spoilt by one."""
    foreign, own = callers["user of A whose proxy names a group that he is not in"](), stack.client("alpha_user")
    for _ in range(3):
        assert foreign("readLog", stamps["beta"], "beta").status == http.client.UNAUTHORIZED
        assert own("readLog", stamps["alpha"]).value["text"] == "secret of alpha\n"


@pytest.mark.parametrize("caller", ["host", "alpha_user"])
@pytest.mark.parametrize(
    "extra",
    [[], ["x"], [1, 2], ["/DN", ["group"]], [["x"], "group"], ["a", "b", "c"], {"a": 1}, 5, True, [None, None], [{}]],
    ids=repr,
)
def test_extra_credentials_of_no_sense(stack: RunningStack, stamp: str, caller: str, extra: Any) -> None:
    answer = stack.client(caller, extra=extra)("appendLog", batch(stamp, 1, "x"))
    assert answer.refusal[0] == REJECTED


@pytest.mark.parametrize(
    "extra", ["alpha_pilot", "visitor", "dirac_admin", ["", ""], [subject("localhost"), "hosts"], "\x00", "a/b", "../x"]
)
def test_extra_credentials_give_a_user_nothing(stack: RunningStack, stamp: str, extra: Any) -> None:
    client = stack.client("alpha_user", extra=extra)
    assert client("appendLog", batch(stamp, 1, "x")).status == http.client.UNAUTHORIZED
    assert client("getStatistics").status == http.client.UNAUTHORIZED


def test_refusals_do_not_end_the_connection_of_a_peer_that_is_known(stack: RunningStack, stamp: str) -> None:
    """A 401 is an answer like any other: the next request on the connection gets its own."""
    client = stack.client("alpha_user")
    assert client("sendMessage", dumped("x"), stamp, "alpha").status == http.client.UNAUTHORIZED
    connection = client.connection.sock
    for _ in range(5):
        assert client("sendMessage", dumped("x"), stamp, "alpha").status == http.client.UNAUTHORIZED
    assert client("ping")["OK"]
    assert client.connection.sock is connection


# Other ways to ask


@pytest.mark.parametrize("verb", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"])
@pytest.mark.parametrize("caller", ["operator", None])
def test_other_verbs(stack: RunningStack, caller: str | None, verb: str) -> None:
    client = stack.client(caller)
    query = urllib.parse.urlencode({"method": "getStatistics", "args": "[]"})
    for body in (b"", form("getStatistics") * 1000):
        client.connection.request(verb, f"{client.address.path}?{query}", body, {"X-Http-Method-Override": "POST"})
        assert client.connection.getresponse().status == http.client.METHOD_NOT_ALLOWED
        client.close()
    assert "Uncaught exception" not in stack.log_of("collector-0")


@pytest.mark.parametrize(
    "path",
    ["/", "/..", "/WorkloadManagement", "/WorkloadManagement/TornadoPilotLogging/", "//WorkloadManagement/JobManager",
     "/WorkloadManagement/TornadoPilotLogging/getStatistics", "/WorkloadManagement/%54ornadoPilotLogging", "*",
     "/etc/passwd", "/Configuration/Server", "/static/x"],
)  # fmt: skip
@pytest.mark.parametrize("caller", ["operator", None])
def test_other_paths(stack: RunningStack, caller: str | None, path: str) -> None:
    client = stack.client(caller)
    connection = client.connection
    connection.putrequest("POST", "/x")
    connection._buffer[0] = f"POST {path} HTTP/1.1".encode()  # http.client will not send some of these
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    assert connection.getresponse().status == http.client.NOT_FOUND


@pytest.mark.parametrize("line", ["POST /\x7f HTTP/1.1", "POST / HTTP/1.2", "post / HTTP/1.1"])
@pytest.mark.parametrize("caller", ["operator", None])
def test_what_is_no_request_line(stack: RunningStack, caller: str | None, line: str) -> None:
    connection = stack.client(caller).connection
    connection.putrequest("POST", "/x")
    connection._buffer[0] = line.encode()
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    assert connection.getresponse().status == http.client.BAD_REQUEST


@pytest.mark.parametrize(
    "method",
    ["export_ping", "auth_ping", "Ping", "ping ", " ping", "ping\x00", "pìng", "ping.__call__", "_pre_initialize",
     "__class__", "streamToClient", "getCSOption", "", ".", "../ping"],
)  # fmt: skip
def test_other_methods(stack: RunningStack, method: str) -> None:
    assert stack.client("operator")(method).status == http.client.NOT_IMPLEMENTED


def test_what_stands_in_the_url_counts_for_nothing(stack: RunningStack) -> None:
    """DIRAC would read credentials from there, with a decoder that imports any module."""
    issued = Issued(*(stack.layout.users / f"alpha_user.{part}.pem" for part in ("cert", "key")))
    hostile = ['"hosts"', '{"__dCls": "X", "__dMod": "antigravity"}', "[", '["a", "b"]']
    for number, (encoded, key) in enumerate(zip(hostile, make_keys(len(hostile)), strict=True)):
        # What is known of a certificate chain is remembered, so each has one that is new to the collector.
        write_proxy(issued, "alpha_user", key, stack.layout.credentials / f"new-{number}.pem")
        client = stack.client(f"new-{number}")
        query = urllib.parse.urlencode({"extraCredentials": encoded, "method": "getStatistics", "args": "[5]"})
        for _ in range(2):
            client.connection.request("POST", f"{client.address.path}?{query}", form("whoami"), {"Content-Type": FORM})
            answer = json.loads(client.connection.getresponse().read())
            assert answer["Value"]["username"] == "alpha_user"


# Balancers that end TLS


BALANCER = "127.0.0.3"
_SECTION = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"


def _as_balancer(
    stack: RunningStack, source: str, name: str = "alpha_pilot", headers: dict[str, str] | None = None
) -> Answer:
    """Ask as a balancer would that has verified the certificate of ``name``; it has none of its own."""
    client = stack.client(None)
    client.connection.source_address = (source, 0)
    chain = (stack.layout.credentials / f"{name}.pem").read_text()
    certificates = "".join(re.findall("-----BEGIN CERTIFICATE.*?END CERTIFICATE-----\n", chain, re.DOTALL))
    usual = {"X-Ssl_client_verify": "SUCCESS", "X-SSL-CERT": urllib.parse.quote(certificates)}
    return client.post(form("whoami"), usual | (headers or {}))


@pytest.fixture(scope="module")
def balanced(own_stack: Callable[..., RunningStack]) -> RunningStack:
    """``/WebApp/Balancer`` is set, as for the portal of many sites, and one balancer is ours."""
    return own_stack("--option", "/WebApp/Balancer=nginx", "--option", f"{_SECTION}/BalancerAddresses={BALANCER}")


def test_a_balancer_hands_on_certificates(balanced: RunningStack) -> None:
    for name in ("alpha_pilot", "beta_user", "alpha_pilot"):
        assert _as_balancer(balanced, BALANCER, name).value["username"] == name
    assert balanced.client("alpha_user")("ping")["OK"]


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2", "127.0.0.33"])
def test_anybody_elses_headers_count_for_nothing(balanced: RunningStack, source: str) -> None:
    assert _as_balancer(balanced, BALANCER).value["username"] == "alpha_pilot"
    for pretence in ({}, {"X-Forwarded-For": BALANCER}, {"X-Real-Ip": BALANCER}, {"Forwarded": f"for={BALANCER}"}):
        assert _as_balancer(balanced, source, headers=pretence).status == http.client.UNAUTHORIZED


def test_a_certificate_goes_before_headers(balanced: RunningStack) -> None:
    client = balanced.client("alpha_user")
    client.connection.source_address = (BALANCER, 0)
    headers = {"X-Ssl_client_verify": "SUCCESS", "X-SSL-CERT": "x"}
    assert client.post(form("whoami"), headers).value["username"] == "alpha_user"


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("alpha_pilot", {"X-Ssl_client_verify": "FAILED"}),
        ("alpha_pilot", {"X-SSL-CERT": "garbage"}),
        ("alpha_pilot", {"X-SSL-CERT": ""}),
        ("expired", {}),
        ("stranger", {}),
    ],
)
def test_what_the_balancer_has_not_verified_is_refused(balanced: RunningStack, name: str, headers: Any) -> None:
    assert _as_balancer(balanced, BALANCER, name, headers).status == http.client.UNAUTHORIZED
    assert "Traceback" not in balanced.log_of("collector-0")


def test_without_a_balancer_in_the_cs_no_header_counts(
    stack: RunningStack, own_stack: Callable[..., RunningStack]
) -> None:
    """DIRAC's option for all of the installation and ours for the collector are both needed."""
    for named_only_here in (stack, own_stack("--option", f"{_SECTION}/BalancerAddresses={BALANCER}/32")):
        assert _as_balancer(named_only_here, BALANCER).status == http.client.UNAUTHORIZED


def test_an_address_that_is_none_stops_the_start(stack: RunningStack) -> None:
    from PilotLoggingDIRAC.errors import ConfigurationError
    from PilotLoggingDIRAC.settings import CollectorSettings, parse

    for wrong in ("nginx.example.org", "10.0.0.1/8", "10.0.0.256"):
        with pytest.raises(ConfigurationError, match="BalancerAddresses"):
            parse(CollectorSettings, "/S", {"BalancerAddresses": wrong})
