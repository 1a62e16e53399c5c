# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-status`` as an operator and as Nagios run it: a process of its own, asking every collector."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.client import Client
from harness.sender import batch
from harness.show import client_environment, on_terminal
from harness.stacks import PROJECT, RunningStack, dumped
from harness.waiting import until

COMMAND = PROJECT / ".venv" / "bin" / "dirac-pilot-logs-status"


@pytest.fixture(scope="module")
def pair(own_stack: Callable[..., RunningStack]) -> RunningStack:
    """Two collectors on one SQLite file; no disk of a test machine has less than twice a MiB left."""
    return own_stack(
        "--collectors", "2", "--option", "/Systems/WorkloadManagement/Services/TornadoPilotLogging/MinFreeDisk=1MiB"
    )


def status(stack: RunningStack, *arguments: str, caller: str = "operator") -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    done = subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=client_environment(stack, caller),
        timeout=180,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def status_as_json(stack: RunningStack, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, output, errors = status(stack, "--json", *arguments)
    assert output, errors
    return code, json.loads(output)


def test_all_is_well(pair: RunningStack, stamp: str) -> None:
    pilot = pair.client("alpha_pilot", 1)
    for number in range(1, 11):
        pilot("appendLog", batch(stamp, number, "12345\n"))
    pilot("sendMessage", "no JSON", stamp, "alpha")
    code, output, errors = status(pair)
    assert code == 0, output + errors
    lines = output.splitlines()
    assert lines[0] == "OK: all collectors are well."
    for url in pair.urls:
        assert sum(line.startswith(url.split("/")[2]) for line in lines) == 1
    assert next(line for line in lines if line.startswith("alpha ")).split()[1:5] == ["1", "0", "0", "0"]
    assert next(line for line in lines if line.startswith("malformed ")).split()[-1] == "1"
    assert "The message is not a JSON document" in output

    code, document = status_as_json(pair)
    assert (code, document["ok"], document["problems"]) == (0, True, [])
    assert [each["url"] for each in document["collectors"]] == sorted(pair.urls)
    (figures,) = [each["figures"] for each in document["collectors"] if each["url"] == pair.urls[1]]
    assert (figures["acknowledged"], figures["bytes"]) == (10, 60)
    assert figures["refused"] == {"malformed": 1}
    assert 0 < figures["latency"]["p50"] <= figures["latency"]["p99"]
    assert figures["rate"]["lastMinute"]["messages"] > 0
    assert figures["disk"]["left"] > 2 * figures["disk"]["least"] == 2 * 2**20
    assert figures["usage"]["alpha"]["text"] == 60
    (other,) = [each["figures"] for each in document["collectors"] if each["url"] == pair.urls[0]]
    assert (other["acknowledged"], other["logs"]) == (0, figures["logs"])


def test_one_of_two_is_dead_or_hangs(pair: RunningStack) -> None:
    pair.collector(0, "pause")
    code, document = status_as_json(pair, "--timeout=8")
    assert (code, document["problems"]) == (
        1,
        [f"{pair.urls[0]} gives no answer: it was silent for 8 s. Look at its log, and start it."],
    )
    pair.collector(0, "kill")
    code, output, _ = status(pair)
    assert code == 1
    assert f"{pair.urls[0]} gives no answer: Connection refused. Look at its log, and start it." in output
    assert next(line for line in output.splitlines() if line.startswith(pair.urls[1].split("/")[2])).split()[1] != "no"
    pair.collector(0, "start")
    code, output, _ = status(pair)
    assert code == 0, output


def test_a_backlog(pair: RunningStack, stamp: str) -> None:
    pilot = pair.client("alpha_pilot")
    pilot("sendMessage", dumped("one\n"), stamp, "alpha")
    pilot("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha")
    with pair.database() as connection:
        connection.execute(
            "UPDATE PilotLogs SET LastArrival = datetime('now', '-7 hours') || '.000000' WHERE Stamp = ?", [stamp]
        )
    code, output, _ = status(pair)
    assert code == 1
    assert "LocalDirectory of VO alpha lags behind: the oldest of 1 logs has waited 7 h. See whether Pilot" in output
    assert status(pair, "--hours=8")[0] == 0
    with pair.database() as connection:
        connection.execute("DELETE FROM PilotLogs WHERE Stamp = ?", [stamp])


def test_a_file_that_was_set_aside(pair: RunningStack) -> None:
    file: Path = pair.layout.sqlite.with_name("PilotLogDB.sqlite.corrupt-20260610T110202.823512Z")
    file.touch()
    code, document = status_as_json(pair)
    assert code == 1
    (said,) = document["problems"]
    assert said.startswith(f"{file} on ")
    file.unlink()


def test_little_room(own_stack: Callable[..., RunningStack]) -> None:
    stack = own_stack("--option", "/Systems/WorkloadManagement/Services/TornadoPilotLogging/MinFreeDisk=1000000GiB")
    number, sentence = stack.client("alpha_pilot")("sendMessage", dumped("one\n"), "0" * 32, "alpha").refusal
    assert (number, "MinFreeDisk" in sentence) == (3402, True)
    code, output, _ = status(stack)
    assert code == 1
    assert "left, and new text is refused (MinFreeDisk = " in output


def test_who_may_not_ask_is_told_so(pair: RunningStack) -> None:
    code, output, _ = status(pair, caller="alpha_user")
    assert code == 1
    assert output.count("the property Operator") == 2


@pytest.mark.parametrize("arguments", [["one"], ["--nonsense"], ["--hours=soon"]])
def test_called_wrongly(pair: RunningStack, arguments: list[str]) -> None:
    code, output, errors = status(pair, *arguments)
    assert (code, output) == (2, "")
    assert arguments[0].split("=")[0].lstrip("-") in errors


def test_on_a_terminal(pair: RunningStack) -> None:
    code, shown, errors = on_terminal(
        [COMMAND], client_environment(pair, "operator") | {"COLUMNS": "120", "TERM": "xterm"}
    )
    assert code == 0, errors
    assert b"\x1b[" in shown
    assert "─" in shown.decode()
    for url in pair.urls:
        assert url.split("/")[2] in shown.decode()


def test_a_server_asks_with_its_own_certificate(pair: RunningStack) -> None:
    """As Nagios does on a collector's host."""
    code, output, errors = status(pair, "-o", "/DIRAC/Security/UseServerCertificate=yes", caller="nobody")
    assert code == 0, output + errors


def test_who_was_turned_away_counts(pair: RunningStack) -> None:
    operator: Client = pair.client("operator")
    before = operator("getStatistics").value["refused"].get("not authorised", 0)
    assert pair.client("alpha_user")("getStatistics").status == 401
    assert pair.client(None)("readLog", "0" * 32).status == 401
    until(lambda: operator("getStatistics").value["refused"].get("not authorised", 0) == before + 2, 5)
