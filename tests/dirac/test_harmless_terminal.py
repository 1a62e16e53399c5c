# SPDX-License-Identifier: GPL-3.0-only
"""No text of a log, a service or the CS steers a terminal: all commands, all that they print, poison in every field."""

from __future__ import annotations

import configparser
import re
import unicodedata
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from harness.client import NOT_FOUND, REJECTED, UNAVAILABLE
from harness.hostile_service import POISON, Poison, hostile_collector
from harness.sender import batch
from harness.show import client_environment, command
from harness.stacks import PROJECT, RunningStack
from harness.waiting import PATIENCE

STAMP = uuid.uuid4().hex
TEXT = (
    f"2026-01-01T00:00:00.000000Z INFO [PilotLogging] Worker-node module {POISON} sends this log, session {POISON}x\n"
    f"2026-01-01T00:00:01.000000Z ERROR [PilotLogging] needle {POISON}\n"
    f"2026-01-01T00:00:02.000000Z WARN [PilotLogging] lost {POISON}\nneedle {POISON}"
)
CALLS = {
    "config": ["show --vo alpha", "check --vo alpha", "enable --vo alpha --yes", "show --vo alpha --json"],
    "download": [f"--to=copies {STAMP}", "--to=copy.tar --site=s"],
    "erase": [f"{STAMP} --text=needle --dry-run", f"{STAMP} --lines=4 --yes", f"{STAMP} --text=nothing-of-it"],
    "list": ["", "--by=site --color=always", "--json"],
    "search": ["needle", "--color=never needle", "--json needle"],
    "show": [
        f"{STAMP} --check",
        f"{STAMP} {'f' * 32}",
        f"{STAMP[:6]} --color=never -n 1",
        f"{STAMP} --json",
        f"{STAMP} {STAMP[:8]} -f",
        "https://ce/gone",
    ],
    "status": ["", "--json"],
}
_OURS = re.compile(r"\x1b\[(?:0|[1-3]|3[0-7]|9[0-7]|1;3[0-7])?m|\x1b\[K|\r\n|\r(?=\x1b\[K)")
"""Colours, and what the line of progress needs."""


def _as_cfg(tree: dict[str, Any]) -> str:
    """A tree in the form of DIRAC's files of configuration."""
    return "".join(
        f"{name} = {value}\n" if isinstance(value, str) else f"{name}\n{{\n{_as_cfg(value)}}}\n"
        for name, value in tree.items()
    )


class Terminal:
    """The commands at a terminal, asking a collector that was taken over, with a configuration that was too."""

    def __init__(self, stack: RunningStack, folder: Path, poison: Poison, url: str) -> None:
        self.poison = poison
        self._stack, self._folder = stack, folder
        self._configuration = folder / "dirac.cfg"
        poisoned = POISON.replace("\r", "").replace("\u2028", "")  # they would end a line of the file
        pilot = {"RemoteLoggerURL": f"https://{poisoned}", "PilotLogLevel": poisoned, "UploadPath": poisoned}
        ce = {f"ce{poisoned}": {"CEType": poisoned}}
        own = {
            "Systems": {"WorkloadManagement": {"URLs": {"TornadoPilotLogging": url}}},
            "Operations": {"alpha": {"Pilot": pilot}},
            "Resources": {"Sites": {"LCG": {f"LCG.{poisoned}.org": {"CEs": ce}}}},
        }
        self._configuration.write_text(_as_cfg(own))

    def run(self, word: str, arguments: str) -> str:
        """What the terminal gets, standard error too."""
        environment = client_environment(self._stack, "operator")
        for name in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"):
            environment.pop(name, None)
        environment["DIRACSYSCONFIG"] = f"{self._configuration},{environment['DIRACSYSCONFIG']}"
        child = pexpect.spawn(
            str(command(word)),
            arguments.split(),
            env=environment | {"TERM": "xterm", "PAGER": "cat"},
            cwd=str(self._folder),
            timeout=PATIENCE,
            dimensions=(24, 200),
        )
        child.expect(pexpect.EOF)
        child.close()
        return bytes(child.before).decode("utf-8", "surrogateescape")


@pytest.fixture(scope="module")
def terminal(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    context = dict.fromkeys(("site", "ce", "queue", "host", "pilotReference", "pilotVersion"), f"s{POISON}")
    stack.client("alpha_pilot")("appendLog", batch(STAMP, 1, TEXT, context=context, final={"retCode": "1"})).value  # noqa: B018
    poison = Poison()
    with hostile_collector(stack, poison) as url:
        yield Terminal(stack, tmp_path_factory.mktemp("terminal"), poison, url)


def assert_harmless(shown: str) -> None:
    left = _OURS.sub("", shown)
    steering = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    bad = [c for c in left if unicodedata.category(c) in steering and c not in "\t\n"]
    assert not bad, (bad[:5], left[max(0, left.index(bad[0]) - 200) : left.index(bad[0]) + 50])
    # It is there, as something to see; and none of our own colours is one that it asked for.
    assert "\x1b[32mOK" not in shown.replace("\x1b[1;32mOK", "").replace("\x1b[32mOK  ", "")


def test_every_command_is_called() -> None:
    declared = configparser.ConfigParser()
    declared.read(PROJECT / "setup.cfg")
    names = re.findall(r"^dirac-pilot-logs-(\w+) =", declared["options.entry_points"]["console_scripts"], re.MULTILINE)
    assert sorted(names) == sorted(CALLS)


@pytest.mark.parametrize("word", CALLS)
@pytest.mark.parametrize("everything", [False, True], ids=["what is shown", "everything"])
def test_poisoned_answers(terminal: Terminal, word: str, everything: bool) -> None:
    terminal.poison.all, terminal.poison.error = everything, 0
    calls = CALLS[word][:2] if everything else CALLS[word]
    seen = [terminal.run(word, call) for call in calls]
    for shown in seen:
        assert_harmless(shown)
    assert any("gpj.exe" in shown for shown in seen), "the poison has reached no output"


@pytest.mark.parametrize(
    ("word", "error"),
    [("download", REJECTED), ("list", UNAVAILABLE), ("search", REJECTED), ("show", NOT_FOUND), ("status", UNAVAILABLE)],
)
def test_poisoned_refusals(terminal: Terminal, word: str, error: int) -> None:
    terminal.poison.all, terminal.poison.error = False, error
    shown = terminal.run(word, CALLS[word][0])
    assert_harmless(shown)
    assert "gpj.exe" in shown
    assert "\ndirac-pilot-logs-show: OK" not in shown.replace("\r\n", "\n"), "a sentence looks like one of ours"
