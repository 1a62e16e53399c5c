# SPDX-License-Identifier: GPL-3.0-only
"""What DIRAC's own pilots and tools say to a collector, and what they get back: as from DIRAC's own."""

from __future__ import annotations

import http.client
import ssl
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from harness.client import FORM, REJECTED, Client, form
from harness.stacks import RunningStack, dumped
from harness.stock_pilot import StockPilot
from harness.waiting import until


@pytest.fixture(scope="module")
def stock_stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    """DIRAC's own collector."""
    return own_stack("--stock")


def _shape(answer: dict[str, Any]) -> Any:
    """Of a reply what a client of the stock collector can rely on. Its error messages have a beginning and a detail."""
    if answer["OK"]:
        return answer["Value"]
    return answer["Message"].partition(":")[0] if "Message" in answer else "no JSON"


LINES = ["a line", "", "ünïcödé € 𝄞"]
UUID = "5d4a2d6c-7bb1-4f0e-9a65-9a1b0fba5f9d"

CONVERSATIONS: dict[str, list[tuple[str, str, list[Any]]]] = {
    "a string": [
        ("alpha_pilot", "sendMessage", [dumped("line1\nline2\n"), "STAMP", "alpha"]),
        ("alpha_pilot", "sendMessage", [dumped("no line end"), "STAMP", "alpha"]),
        ("alpha_user", "getLogs", ["STAMP", "alpha"]),
    ],
    "a list": [
        ("alpha_pilot", "sendMessage", [dumped(LINES), "STAMP", "alpha"]),
        ("alpha_pilot", "sendMessage", [dumped([]), "STAMP", "alpha"]),
        ("alpha_user", "getLogs", ["STAMP", "alpha"]),
    ],
    "an empty string": [
        ("alpha_pilot", "sendMessage", [dumped(""), "STAMP", "alpha"]),
        ("alpha_user", "getLogs", ["STAMP", "alpha"]),
    ],
    "wnVO does not count with a proxy of a VO": [
        ("alpha_pilot", "sendMessage", [dumped("mine\n"), "STAMP", "beta"]),
        ("alpha_pilot", "sendMessage", [dumped("too\n"), "STAMP", None]),
        ("alpha_user", "getLogs", ["STAMP", "alpha"]),
    ],
    "finalised": [
        ("alpha_pilot", "sendMessage", [dumped("all\n"), "STAMP", "alpha"]),
        ("alpha_pilot", "finaliseLogs", [dumped({"retCode": "0"}), "STAMP", "alpha"]),
        ("alpha_user", "getLogs", ["STAMP.log", "alpha"]),
    ],
    "a UUID": [
        ("alpha_pilot", "sendMessage", [dumped("x\n"), UUID, "alpha"]),
        ("alpha_user", "getLogs", [UUID, "alpha"]),
    ],
    "a host": [
        ("host", "sendMessage", [dumped("from a host\n"), "STAMP", "beta"]),
        ("host", "finaliseLogs", [dumped({"retCode": "1"}), "STAMP", "beta"]),
        ("host", "getLogs", ["STAMP.log", "beta"]),
    ],
    "a host without a VO": [("host", "sendMessage", [dumped("x"), "STAMP", None])],
    "a host with a path for a VO": [("host", "sendMessage", [dumped("x"), "STAMP", "../alpha"])],
    "no stamp": [
        ("alpha_pilot", "sendMessage", [dumped("x"), "../../etc/passwd", "alpha"]),
        ("alpha_pilot", "finaliseLogs", [dumped({}), "x", "alpha"]),
    ],
    "somebody else": [("alpha_user", "sendMessage", [dumped("x"), "STAMP", "alpha"])],
    "no such method": [("alpha_pilot", "nothing", [])],
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_answers_as_diracs_own_collector_does(
    stack: RunningStack, stock_stack: RunningStack, name: str, stamp: str
) -> None:
    def shapes(of: RunningStack) -> list[tuple[int, Any]]:
        answers = []
        for caller, method, arguments in CONVERSATIONS[name]:
            client = of.as_host() if caller == "host" else of.client(caller)
            own = [a.replace("STAMP", stamp) if isinstance(a, str) else a for a in arguments]
            answer = client(method, *own)
            answers.append((answer.status, _shape(answer)))
        return answers

    assert shapes(stack) == shapes(stock_stack)


def test_metadata_have_what_diracs_agent_reads(stack: RunningStack, stock_stack: RunningStack) -> None:
    ours, stock = (of.as_host()("getMetadata").value for of in (stack, stock_stack))
    assert stock.keys() <= ours.keys()
    assert ours["LogPath"] == stock["LogPath"].replace(str(stock_stack.directory), str(stack.directory))


def test_logs_are_given_by_stamp_and_by_file_name_at_any_time(pilot: Client, user: Client, stamp: str) -> None:
    """DIRAC's own gives the one while the pilot runs, and the other when it has ended."""
    pilot("sendMessage", dumped("text\n"), stamp, "alpha")
    for name in (stamp, f"{stamp}.log"):
        assert user("getLogs", name, "alpha").value == {"StdOut": "text\n"}
    assert pilot("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha").value is None
    for name in (stamp, f"{stamp}.log"):
        assert user("getLogs", name, "alpha").value == {"StdOut": "text\n"}


def test_old_pilots_name_no_vo(pilot: Client, user: Client, stamp: str) -> None:
    assert pilot("sendMessage", dumped("a line\n"), stamp)["OK"]
    assert pilot("finaliseLogs", dumped({"retCode": "0"}), stamp)["OK"]
    page = user("readLog", stamp).value
    assert (page["text"], page["exitCode"]) == ("a line\n", 0)


def test_a_host_writes_only_for_a_vo_that_exists(stack: RunningStack, stamp: str) -> None:
    host = stack.as_host()
    assert host("sendMessage", dumped("x\n"), stamp, "alpha")["OK"]
    for method, document in (("sendMessage", "x\n"), ("finaliseLogs", {})):
        number, sentence = host(method, dumped(document), stamp, "gamma").refusal
        assert number == REJECTED
        assert "gamma" in sentence
    assert host("listLogs", {"VO": "gamma"}).value["total"] == 0


@pytest.mark.parametrize(("said", "known"), [("0", 0), (0, 0), ("255", 255), (-1, -1), ("killed", None), (None, None)])
def test_exit_code(pilot: Client, user: Client, stamp: str, said: Any, known: int | None) -> None:
    pilot("sendMessage", dumped("x\n"), stamp, "alpha")
    assert pilot("finaliseLogs", dumped({"retCode": said}), stamp, "alpha")["OK"]
    page = user("readLog", stamp).value
    assert (page["state"], page["finalised"], page["exitCode"]) == ("Complete", True, known)


def test_nobody_rewrites_history(pilot: Client, user: Client, stamp: str) -> None:
    """A second goodbye overwrites the first log of DIRAC's own collector."""
    pilot("sendMessage", dumped("first\n"), stamp, "alpha")
    pilot("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha")
    pilot("sendMessage", dumped("second\n"), stamp, "alpha")
    pilot("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha")
    assert user("getLogs", stamp, "alpha").value["StdOut"] == "first\nsecond\n"


def test_two_vos_may_use_one_stamp(stack: RunningStack, stamp: str) -> None:
    for vo in ("alpha", "beta"):
        assert stack.client(f"{vo}_pilot")("sendMessage", dumped(f"of {vo}\n"), stamp, vo)["OK"]
    for vo in ("alpha", "beta"):
        assert stack.client(f"{vo}_user")("getLogs", stamp, vo).value["StdOut"] == f"of {vo}\n"


FIRST = "2026-06-10T11:02:02.823512Z INFO [Pilot] one\n"
MORE = "2026-06-10T11:02:03.000001Z INFO [Pilot] two\n"


def _lose_the_reply(client: Client, body: bytes, stored: Callable[[], bool]) -> None:
    connection = client.connect()
    connection.request("POST", client.address.path, body, {"Content-Type": FORM})
    until(stored, what="the message is stored")
    connection.close()


def test_a_message_whose_reply_was_lost_is_stored_once(pilot: Client, user: Client, stamp: str) -> None:
    body = form("sendMessage", dumped(FIRST), stamp, "alpha")
    _lose_the_reply(pilot, body, lambda: user("getLogs", stamp, "alpha")["OK"])
    assert pilot.post(body)["OK"]
    assert user("getLogs", stamp, "alpha").value["StdOut"] == FIRST


def test_a_resent_buffer_with_more_behind_adds_only_that(pilot: Client, user: Client, stamp: str) -> None:
    body = form("sendMessage", dumped(FIRST), stamp, "alpha")
    _lose_the_reply(pilot, body, lambda: user("getLogs", stamp, "alpha")["OK"])
    assert pilot("sendMessage", dumped(FIRST + MORE), stamp, "alpha")["OK"]
    assert pilot("sendMessage", dumped(FIRST + MORE), stamp, "alpha")["OK"]
    assert user("getLogs", stamp, "alpha").value["StdOut"] == FIRST + MORE


def test_lines_that_are_honestly_alike_are_kept(pilot: Client, user: Client, stamp: str) -> None:
    for _ in range(3):
        assert pilot("sendMessage", dumped(".\n"), stamp, "alpha")["OK"]
    assert user("getLogs", stamp, "alpha").value["StdOut"] == ".\n.\n.\n"


@pytest.mark.parametrize("identity", ["alpha_pilot.pem", "beta_pilot.pem", "host"])
def test_an_unmodified_pilot_delivers_its_log(stack: RunningStack, stamp: str, identity: str) -> None:
    """A wrapper's text first, then three commands with buffers of their own, each send on a connection of its own."""
    layout = stack.layout
    vo = "beta" if identity.startswith("beta") else "alpha"
    certificate = layout.credentials / identity
    pilot = StockPilot(stack.urls[0], stamp, vo, certificate, layout.certificates)
    expected = ["2026-06-10T11:02:00,000001Z DEBUG    [pilotLogger] wrapper\n"]
    wrapper = pilot.command()
    wrapper.write(expected[0])
    wrapper.flush()
    for number, name in enumerate(("CheckWorkerNode", "InstallDIRAC", "LaunchAgent")):
        command = pilot.command(lines_at_once=10)
        for line in range(25):
            expected.append(f"2026-06-10T11:02:{line:02}.00000{number}Z INFO [{name}] line {line} — ü\n")
            command.write(expected[-1])
        command.flush()
        command.flush()  # an empty one
    pilot.finalise(7)
    reader = stack.as_host()
    assert reader("getLogs", stamp, vo).value["StdOut"] == "".join(expected)
    page = reader("readLog", stamp, vo).value
    assert (page["state"], page["exitCode"], page["lines"]) == ("Complete", 7, len(expected))


def test_an_unmodified_pilot_whose_replies_are_lost_delivers_its_log_once(
    stack: RunningStack, user: Client, stamp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector stores, the connection breaks before the reply: the pilot keeps its buffer and sends it again."""
    layout = stack.layout
    pilot = StockPilot(stack.urls[0], stamp, "alpha", layout.credentials / "alpha_pilot.pem", layout.certificates)
    buffer, expected = pilot.command(), ""
    read = http.client.HTTPResponse.begin
    for number in range(6):
        line = f"2026-06-10T11:02:02.{number:06}Z INFO [Pilot] {uuid.uuid4()}\n"
        expected += line
        buffer.write(line)
        lost = number % 3 != 2

        def begin(response: http.client.HTTPResponse, lost: bool = lost) -> None:
            read(response)
            if lost:
                raise ssl.SSLError("the reply was lost")

        with monkeypatch.context() as patch:
            patch.setattr(http.client.HTTPResponse, "begin", begin)
            if lost:
                with pytest.raises(OSError, match="lost"):
                    buffer.flush()
            else:
                buffer.flush()
    assert user("getLogs", stamp, "alpha").value["StdOut"] == expected
