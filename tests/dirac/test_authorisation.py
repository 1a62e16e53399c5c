"""Who may do what: each method, called by each kind of caller."""

from __future__ import annotations

import ast
import http.client
import ssl
import uuid
from typing import Any

import pytest
from harness.client import NOT_FOUND, REJECTED, Client
from harness.sender import batch
from harness.stacks import PROJECT, RunningStack, dumped

UNAUTHORISED = http.client.UNAUTHORIZED
DONE, FOREIGN = "done", REJECTED

ALPHA_USER = ["/O=PilotLogging stack/CN=alpha_user", "alpha_user"]
BETA_PILOT = ["/O=PilotLogging stack/CN=beta_pilot", "beta_pilot"]

CALLERS: dict[str, tuple[str | None, Any]] = {
    "alpha_pilot": ("alpha_pilot", None),  # GenericPilot
    "beta_pilot": ("beta_pilot", None),  # Pilot only
    "alpha_user": ("alpha_user", None),
    "beta_user": ("beta_user", None),
    "alpha_admin": ("alpha_admin", None),  # CSAdministrator: that is no right to read others' logs
    "operator": ("operator", None),
    "host": ("host", "hosts"),
    "host for alpha_user": ("host", ALPHA_USER),
    "host for beta_pilot": ("host", BETA_PILOT),
    "host that does not say so": ("host", None),
    "alpha_user who says it is a host": ("alpha_user", "hosts"),
    "beta_user who says it is alpha_user": ("beta_user", ALPHA_USER),
    "stranger": ("stranger", None),
    "nobody": (None, None),
}

WRITE_METHODS = ("sendMessage", "finaliseLogs", "appendLog")
WRITERS = {"alpha_pilot", "beta_pilot", "operator", "host", "host for beta_pilot"}
OPERATOR_METHODS = ("getMetadata", "getStatistics")
OPERATORS = {"operator", "host"}
READ_METHODS = ("getLogs", "readLog", "listLogs")
READERS_OF_ALPHA = {"alpha_pilot", "alpha_user", "alpha_admin", "operator", "host", "host for alpha_user"}
READERS_OF_BETA = {"beta_pilot", "beta_user", "operator", "host", "host for beta_pilot"}


def expected(method: str, caller: str) -> Any:
    """What a caller gets who asks for a log of VO alpha."""
    if method == "ping":
        return UNAUTHORISED if caller in ("nobody", "beta_user who says it is alpha_user") else DONE
    if method in WRITE_METHODS:
        if caller not in WRITERS:
            return UNAUTHORISED
        # The stock methods write for the credentials' own VO, whatever wnVO says; appendLog refuses.
        return FOREIGN if method == "appendLog" and "beta" in caller else DONE
    if method in OPERATOR_METHODS:
        return DONE if caller in OPERATORS else UNAUTHORISED
    if caller in READERS_OF_ALPHA:
        return DONE
    return FOREIGN if caller in READERS_OF_BETA else UNAUTHORISED


@pytest.fixture(scope="module")
def stamp_of_alpha(stack: RunningStack) -> str:
    stamp = uuid.uuid4().hex
    assert stack.client("alpha_pilot")("sendMessage", dumped("secret of alpha\n"), stamp, "alpha")["OK"]
    return stamp


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", ["ping", *WRITE_METHODS, *OPERATOR_METHODS, *READ_METHODS])
def test_who_may_do_what(stack: RunningStack, stamp_of_alpha: str, stamp: str, method: str, caller: str) -> None:
    certificate, extra = CALLERS[caller]
    arguments: dict[str, list[Any]] = {
        "ping": [],
        "sendMessage": [dumped("x\n"), stamp, "alpha"],
        "finaliseLogs": [dumped({}), stamp, "alpha"],
        "appendLog": [batch(stamp, 1, "x\n")],
        "getMetadata": [],
        "getStatistics": [],
        "getLogs": [stamp_of_alpha, "alpha"],
        "readLog": [stamp_of_alpha, "alpha"],
        "listLogs": [{"Stamp": stamp_of_alpha, "VO": "alpha"}],
    }
    answer = stack.client(certificate, extra=extra)(method, *arguments[method])
    outcome: Any = DONE if answer["OK"] else answer.get("Errno", answer.status)
    assert outcome == expected(method, caller), answer
    if method in READ_METHODS and outcome != DONE:
        assert "secret" not in str(answer)
    if method in WRITE_METHODS:
        written_in = [row["VO"] for row in stack.as_host()("listLogs", {"Stamp": stamp}).value["rows"]]
        own_vo = "beta" if "beta" in caller else "alpha"
        assert written_in == ([own_vo] if outcome == DONE else [])


@pytest.mark.parametrize("method", ["ping", "sendMessage", "readLog"])
def test_an_expired_proxy_does_not_get_through_the_handshake(stack: RunningStack, stamp: str, method: str) -> None:
    """It is that of alpha_pilot."""
    expired = stack.client("expired")
    arguments = [] if method == "ping" else [stamp, "alpha"] if method == "readLog" else [dumped("x"), stamp, "alpha"]
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        expired(method, *arguments)


def test_readers_of_several_vos_name_one_others_need_not(stack: RunningStack, stamp_of_alpha: str) -> None:
    assert stack.client("alpha_user")("readLog", stamp_of_alpha).value["text"] == "secret of alpha\n"
    assert stack.client("operator")("readLog", stamp_of_alpha).refusal[0] == REJECTED
    assert stack.client("operator")("readLog", stamp_of_alpha, "alpha").value["text"] == "secret of alpha\n"
    assert stack.client("beta_user")("readLog", stamp_of_alpha).refusal[0] == NOT_FOUND


def test_a_log_of_another_vo_looks_like_none(stack: RunningStack, stamp_of_alpha: str, stamp: str) -> None:
    """Whether there is such a log is no business of another VO's."""
    beta = stack.client("beta_user")
    for known, unknown in (
        (beta("readLog", stamp_of_alpha, "alpha"), beta("readLog", stamp, "alpha")),
        (beta("getLogs", stamp_of_alpha, "alpha"), beta("getLogs", stamp, "alpha")),
    ):
        assert known == unknown


def test_refusals_do_not_end_a_connection(stack: RunningStack, stamp: str) -> None:
    """A 401 is an answer like any other: the next request on the connection gets its own."""
    for caller in ("alpha_user", "stranger", None):
        client: Client = stack.client(caller)
        for _ in range(6):
            assert client("sendMessage", dumped("x"), stamp, "alpha").status == UNAUTHORISED


def test_every_method_of_the_service_is_in_the_table() -> None:
    """A new method must be thought of here; its authorisation is a line of its own in the handler."""
    source = (
        PROJECT / "src/PilotLoggingDIRAC/WorkloadManagementSystem/Service/TornadoPilotLoggingHandler.py"
    ).read_text()
    (handler,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    exported = {node.name for node in handler.body if isinstance(node, ast.FunctionDef)}
    exported = {name.removeprefix("export_") for name in exported if name.startswith("export_")}
    assigned = {target.id for node in handler.body if isinstance(node, ast.Assign) for target in node.targets}
    assert exported == {*WRITE_METHODS, *OPERATOR_METHODS, *READ_METHODS}
    assert {f"auth_{name}" for name in exported} <= assigned
