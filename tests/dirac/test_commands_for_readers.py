# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-list``, ``-show``, ``-search`` and ``-download`` as people run them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.client import Client
from harness.sender import batch
from harness.show import client_environment, command, on_terminal, run_command
from harness.stacks import RunningStack, dumped
from harness.waiting import until
from parts import mariadb

HOSTILE = "\x1b[2J\x1b]0;owned\x07red\x9b31m \u202egpj.exe \x00\x08 tab\tend"
LEVELS = [
    "2026-06-10T11:02:01.000000Z INFO [CheckWorkerNode] hello\n",
    "2026-06-10T11:02:02.000000Z ERROR [InstallDIRAC] No space left on device\n",
    "  Traceback of it\n",
    "2026-06-10T11:02:03.000000Z WARN [InstallDIRAC] disk\n",
]


class Pilots:
    """Three pilots at a site that nobody else has: one open, one failed, one of VO beta."""

    def __init__(self, stack: RunningStack) -> None:
        self.site = f"LCG.{uuid.uuid4().hex[:12]}.org"
        self.open, self.failed, self.beta = (uuid.uuid4().hex for _ in range(3))
        self.text = "".join(LEVELS)
        self.reference = f"https://ce.example.org:9619/{self.failed}"
        pilot = stack.client("alpha_pilot")
        context = {"site": self.site, "ce": HOSTILE}
        pilot("appendLog", batch(self.open, 1, self.text, context=context))
        reference = context | {"pilotReference": self.reference}
        pilot("appendLog", batch(self.failed, 1, self.text, context=reference, final={"retCode": "3"}))
        stack.client("beta_pilot")("appendLog", batch(self.beta, 1, self.text, vo="beta", context={"site": self.site}))


@pytest.fixture(scope="module")
def pilots(stack: RunningStack) -> Pilots:
    return Pilots(stack)


def objects(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def said(errors: str) -> list[str]:
    """What a command says on standard error, without what DIRAC logs there."""
    assert "Traceback" not in errors
    return [line.split(": ", 1)[1] for line in errors.splitlines() if line.startswith("dirac-pilot-logs-")]


def test_the_list(stack: RunningStack, pilots: Pilots) -> None:
    code, output, errors = run_command(stack, "list", f"--site={pilots.site.upper()}")
    assert (code, said(errors)) == (0, [])
    head, *lines = output.decode().splitlines()
    assert head.split()[:3] == ["Stamp", "State", "Exit"]
    assert [line.split()[0] for line in lines] == [pilots.failed, pilots.open]
    assert not any(ord(character) < 32 for line in lines for character in line)
    code, output, errors = run_command(stack, "list", f"--site={pilots.site}", "--json", "--failed", "--since=1h")
    (row,) = objects(output)
    assert (row["Stamp"], row["ExitCode"], row["Errors"]) == (pilots.failed, 3, 1)
    code, output, errors = run_command(stack, "list", f"--site={pilots.site}", "--limit=1", caller="operator")
    assert (code, said(errors)) == (0, ["1 of 3 logs; --limit=0 lists all."])
    code, output, errors = run_command(stack, "list", f"--site={pilots.site}", "--silent", "--json")
    assert (code, output, said(errors)) == (0, b"", ["There is no such log."])


@pytest.mark.parametrize("word", ["list", "search"])
def test_a_terminal_is_not_steered(stack: RunningStack, pilot: Client, stamp: str, word: str) -> None:
    site = uuid.uuid4().hex[:12]
    pilot("appendLog", batch(stamp, 1, f"{HOSTILE} needle\n", context={"site": site + HOSTILE}))
    arguments = [f"--site={site}"] + (["needle"] if word == "search" else [])
    code, shown, errors = on_terminal([command(word), *arguments], client_environment(stack, "alpha_user"))
    assert code == 0, errors
    text = shown.decode()
    assert stamp in text
    assert "\u202e" not in text
    # Colours are the command's own.
    text = re.sub("\x1b\\[[0-9;]*m", "", text)
    assert not {character for character in text if ord(character) < 32 and character not in "\r\n\t"}


def test_some_lines_of_a_log(stack: RunningStack, pilots: Pilots) -> None:
    code, output, _ = run_command(stack, "show", pilots.open, "--errors")
    assert (code, output.decode()) == (0, "".join(LEVELS[1:3]))
    code, output, _ = run_command(stack, "show", pilots.reference, "--level=warn", "--grep=DI(SK|RAC)", "-i", "--json")
    assert (code, [line["n"] for line in objects(output)]) == (0, [2, 4])
    code, shown, errors = on_terminal([command("show"), pilots.open], client_environment(stack, "alpha_user"))
    assert code == 0, errors
    assert f"\x1b[31m{LEVELS[1].strip()}\x1b[0m".encode() in shown


def test_some_lines_of_a_log_that_grows(stack: RunningStack, pilot: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "".join(LEVELS) + LEVELS[1][:40]))
    follower = stack.start("show", [command("show"), stamp, "-f", "--errors"], client_environment(stack, "alpha_user"))
    expected = "".join(LEVELS[1:3])
    until(lambda: follower.output.read_text() == expected, what="the errors are shown that there are")
    pilot("appendLog", batch(stamp, 2, LEVELS[1][40:] + LEVELS[0]))
    expected += LEVELS[1]
    until(lambda: follower.output.read_text() == expected, what="an error is shown when it has come whole")
    pilot("appendLog", batch(stamp, 3, LEVELS[1].rstrip(), final={"retCode": 0}))
    assert follower.wait(180) == 0, follower.said
    assert follower.output.read_text() == expected + LEVELS[1]


def test_a_search(stack: RunningStack, pilots: Pilots) -> None:
    code, output, errors = run_command(stack, "search", "no SPACE", "-i", f"--site={pilots.site}")
    lines = [f"{stamp}:2:{LEVELS[1]}" for stamp in (pilots.failed, pilots.open)]
    assert (code, output.decode(), said(errors)) == (0, "".join(lines), [])
    code, output, errors = run_command(
        stack, "search", "--regex", "^ +T", "--json", f"--site={pilots.site}", "--limit=1", "--level=ERROR"
    )
    (found,) = objects(output)
    assert (found["stamp"], found["n"], found["command"]) == (pilots.failed, 3, "InstallDIRAC")
    (sentence,) = said(errors)
    assert sentence.startswith("Stopped after 1 lines, in ")
    code, output, errors = run_command(stack, "search", str(uuid.uuid4()))
    assert (code, output) == (1, b"")
    assert re.fullmatch(r"Nothing was found in \d+ logs?\.", said(errors)[0])
    # To have looked at nothing is another thing.
    code, output, errors = run_command(stack, "search", "SPACE", f"--site={uuid.uuid4()}")
    assert (code, output) == (1, b"")
    assert said(errors) == ["Nothing was searched: no log fits these conditions."]


def test_a_download(stack: RunningStack, pilots: Pilots, tmp_path: Path) -> None:
    def download(*arguments: str) -> tuple[int, list[str]]:
        code, _, errors = run_command(stack, "download", f"--site={pilots.site}", *arguments, cwd=tmp_path)
        return code, said(errors)

    assert download("--failed", "--to=logs") == (0, ["1 downloaded: logs"])
    file = tmp_path / "logs" / "alpha" / f"{pilots.failed}.log"
    assert file.read_text() == pilots.text
    (tmp_path / "logs" / "alpha" / f"{pilots.open}.log").write_text("mine")
    code, sentences = download("--to=logs")
    assert (code, sentences[-1]) == (1, "1 there already, 1 left alone: logs")
    assert (tmp_path / "logs" / "alpha" / f"{pilots.open}.log").read_text() == "mine"
    code, sentences = download("--to=logs.tar")
    assert (code, sentences) == (0, ["2 downloaded: logs.tar"])
    with tarfile.open(tmp_path / "logs.tar") as tar:
        assert {member.name for member in tar} == {f"alpha/{stamp}.log" for stamp in (pilots.failed, pilots.open)}
    code, sentences = download("--to=logs.tar")
    assert (code, sentences) == (1, ["logs.tar is there already: name another file, or give --overwrite."])
    unknown = uuid.uuid4().hex
    code, sentences = download(pilots.failed, unknown)
    assert (code, sentences) == (1, ["1 downloaded: pilot-logs", "1 of these stamps are not in the list of logs."])


@pytest.mark.parametrize(
    ("word", "arguments", "code", "sentence"),
    [
        ("list", ["--state=Gone"], 2, "--state takes one of Open, Quiet, Complete, Silent, Archived, not 'Gone'"),
        ("list", ["--since=yesterday"], 2, "--since takes a time in UTC such as "),
        ("list", ["--VO=beta"], 1, "You may not read the logs of VO beta."),
        ("show", [], 2, "takes stamps or references, or --job"),
        ("show", ["STAMP", "--grep=("], 1, "The regex is not a regular expression of RE2: "),
        ("show", ["--job=5"], 1, "Of job 5: DIRAC's PilotManager says: "),
        ("show", ["https://ce/none"], 1, "No log says that its pilot has the reference https://ce/none: "),
        ("search", [""], 2, "takes one text that is not empty"),
        ("search", ["x", "--VO=beta"], 1, "You may not read the logs of VO beta."),
        ("download", [], 2, "takes stamps, or switches that say which logs, such as --since=1d"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_wrong_is_one_sentence(
    stack: RunningStack, pilots: Pilots, word: str, arguments: list[str], code: int, sentence: str
) -> None:
    given = [argument.replace("STAMP", pilots.open) for argument in arguments]
    exit_code, output, errors = run_command(stack, word, *given)
    assert (exit_code, output) == (code, b"")
    (first,) = said(errors)
    assert first.startswith(sentence)


ADD_PILOT = """
import sys
from DIRAC.Core.Base.Script import Script
Script.parseCommandLine()
from DIRAC.WorkloadManagementSystem.Client.PilotManagerClient import PilotManagerClient
reference, stamp = sys.argv[1:]
assert PilotManagerClient().addPilotReferences([reference], "alpha", "DIRAC", {reference: stamp})["OK"]
"""


def test_what_dirac_alone_knows(own_stack: Callable[..., RunningStack]) -> None:
    """Stock pilots do not say their reference, and no pilot says its jobs: DIRAC's PilotManager is asked."""
    stack, stamp = own_stack("--portal"), uuid.uuid4().hex
    stack.client("alpha_pilot")("sendMessage", dumped("hello\n"), stamp, "alpha")
    reference = f"https://ce.example.org:9619/{stamp}"
    environment = client_environment(stack, "operator")
    subprocess.run([sys.executable, "-c", ADD_PILOT, reference, stamp], env=environment, check=True, timeout=180)
    of_job = "INSERT INTO JobToPilotMapping (PilotID, JobID, StartTime) SELECT PilotID, 4711, NOW() FROM PilotAgents"
    mariadb.run_sql(stack.plan, of_job, "PilotAgentsDB")
    for argument in (reference, "--job=4711"):
        code, output, errors = run_command(stack, "show", argument)
        assert (code, output) == (0, b"hello\n"), errors
    code, _, errors = run_command(stack, "show", "--job=4712")
    assert code == 1
    assert said(errors)[0].startswith("Of job 4712: DIRAC's PilotManager says: ")
