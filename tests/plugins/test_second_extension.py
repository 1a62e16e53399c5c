# SPDX-License-Identifier: GPL-3.0-only
"""A community's own extension beside ours: installed by pip, chosen in the CS, used by the real agent and collector.

VO alpha uses its plugin of our contract, VO beta its plugin with DIRAC's old interface.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.client import NOT_FOUND
from harness.sender import batch
from harness.stacks import Program, RunningStack, running
from harness.waiting import until
from parts.environment import BIN

from PilotLoggingDIRAC.deliver.conformance import fetched, store
from PilotLoggingDIRAC.errors import ConfigurationError, NotKept, Unavailable
from PilotLoggingDIRAC.storage.legacy_plugin import LegacyPlugin
from PilotLoggingDIRAC.storage.plugin_loading import load_plugin

SOURCE = Path(__file__).with_name("second_extension")
PLUGINS = "WorkloadManagementSystem/Client/PilotLoggingPlugins"
TEXT = "".join(f"2026-11-22T12:00:00Z INFO [Pilot] line {number}: über ☃\n" for number in range(3000))
"""Three messages of the old interface."""
LATE = "a late line\n"
STAMP = uuid.uuid4().hex


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, installed from its source into a directory for a PYTHONPATH."""
    folder = tmp_path_factory.mktemp("second")
    shutil.copytree(SOURCE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(folder / "installed"), str(folder / "source")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "installed"


def test_it_passes_the_conformance_suite_that_we_ship(installed: Path, tmp_path: Path) -> None:
    """With its own test, as its authors run it."""
    shutil.copy(SOURCE / "conformance.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", "conformance.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^2\d passed in", done.stdout, re.MULTILINE), done.stdout


class Second:
    """A stack whose CS chooses the plugins, with the extension on the path of its agent and its collector."""

    def __init__(self, stack: RunningStack, archive: Path, journal: Path) -> None:
        self.stack = stack
        self._archive = archive
        self._journal = journal

    def send(self, vo: str, seq: int, text: str, **more: Any) -> None:
        answer = self.stack.client(f"{vo}_pilot")("appendLog", batch(STAMP, seq, text, vo=vo, **more))
        assert answer["OK"], answer

    def set_journal_limit(self, calls: int | None) -> None:
        """From now on the old plugin takes so many calls in all."""
        limit = self._journal.with_suffix(".limit")
        limit.unlink(missing_ok=True)
        if calls is not None:
            limit.write_text(str(calls))

    def change_collector(self) -> Program:
        """The stack's own knows no extension: one on the same port that has this one."""
        stack = self.stack
        stack.collector(0, "stop")
        command = [BIN / "tornado-start-all", "--cfg", stack.layout.configuration]
        command += ["-o", f"/Systems/Tornado/Port={stack.plan.ports['collector-0']}"]
        environment = stack.environment("collector-0", DIRAC_USE_TORNADO_IOLOOP="yes")
        return stack.start("collector", command, environment, stack.layout.home("collector-0"))

    def serves(self, collector: Program) -> bool:
        assert collector.process.poll() is None, collector.said
        try:
            return bool(self.stack.client("operator")("getStatistics")["OK"])
        except OSError:
            return False

    def end_pauses(self) -> None:
        """Let the pauses after failed deliveries be over."""
        with self.stack.database() as connection:
            connection.execute("UPDATE PilotLogDeliveries SET NextAttempt = '2020-01-01 00:00:00.000000'")

    def wait_for_expiry(self) -> None:
        """Wait until both logs are archived and all their text has left the database."""
        left = "SELECT 1 FROM PilotLogs WHERE State != 'Archived' OR ExpiredChunkID < LastChunkID"
        until(lambda: not self.stack.rows(left), 40, "both logs expire")

    def delivery(self, vo: str) -> dict[str, Any]:
        (row,) = self.stack.rows(
            "SELECT d.*, l.State AS LogState, l.ExpiredBytes FROM PilotLogDeliveries d JOIN PilotLogs l USING (LogID) "
            "WHERE VO = ? AND Stamp = ?",
            vo,
            STAMP,
        )
        return row

    def read(self, vo: str) -> Any:
        return self.stack.client(f"{vo}_user")("getLogs", STAMP, vo)

    @property
    def zipped(self) -> dict[str, str]:
        """The files of VO alpha."""
        return {path.name: gzip.decompress(path.read_bytes()).decode() for path in (self._archive / "alpha").iterdir()}

    @property
    def journal(self) -> list[list[Any]]:
        """What the old plugin was asked: method, document, stamp and VO."""
        return [json.loads(line) for line in self._journal.read_text().splitlines()]

    @property
    def handed_over(self) -> str:
        return "".join(document for method, document, _, _ in self.journal if method == "sendMessage")


@pytest.fixture(scope="module")
def second(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Second]:
    folder = tmp_path_factory.mktemp("stack")
    options = {
        "/Operations/alpha/Pilot/LoggingPlugins": "ZippedFolder",
        "/Operations/alpha/Pilot/ZippedFolder/Path": folder / "zipped",
        "/Operations/beta/Pilot/LoggingPlugins": "Journal",
        "/Operations/beta/Pilot/JournalPath": folder / "journal",
    }
    arguments = [word for path, value in options.items() for word in ("--option", f"{path}={value}")]
    with running(folder / "stack", *arguments, path=(installed,)) as stack:
        yield Second(stack, folder / "zipped", folder / "journal")


@pytest.fixture(scope="module")
def failed_once(second: Second) -> Iterator[Program]:
    """An agent that goes on, and the logs of both VOs, while the journal has no room for all of its own."""
    second.set_journal_limit(2)
    for vo in ("alpha", "beta"):
        second.send(vo, 1, TEXT[:100_000])
        second.send(vo, 2, TEXT[100_000:], final={"retCode": "7"})
    collector = second.change_collector()
    expire_at_once = {f"/Operations/{vo}/Pilot/KeepDelivered": 0 for vo in ("alpha", "beta")}
    with second.stack.cycling_agent(expire_at_once) as agent:
        tried = "SELECT 1 FROM PilotLogDeliveries WHERE Plugin = 'Journal' AND Attempts > 0"
        archived = "SELECT 1 FROM PilotLogs WHERE VO = 'alpha' AND State = 'Archived'"
        until(lambda: second.stack.rows(tried) and second.stack.rows(archived), 40, "the agent has tried both plugins")
        until(lambda: second.serves(collector), 40, "the collector serves")
        yield agent


@pytest.fixture(scope="module")
def delivered(second: Second, failed_once: Program) -> Second:
    """The journal has room again; the text of both logs has left the database."""
    second.set_journal_limit(None)
    second.end_pauses()
    second.wait_for_expiry()
    return second


@pytest.fixture(scope="module")
def late(delivered: Second) -> Second:
    """A late line has come to both logs, was delivered, and has left the database."""
    for vo in ("alpha", "beta"):
        delivered.send(vo, 3, LATE)
    delivered.wait_for_expiry()
    return delivered


def test_a_plugin_that_fails_does_not_hold_up_the_other(second: Second, failed_once: Program) -> None:
    assert second.zipped == {f"{STAMP}.log.gz": TEXT}
    assert second.delivery("alpha")["LogState"] == "Archived"
    beta = second.delivery("beta")
    assert (beta["State"], beta["LogState"]) == ("Pending", "Complete")
    assert beta["Attempts"] >= 1, "and another one when its pause of a minute is over"
    assert beta["LastError"] == "JournalPlugin.sendMessage returned S_ERROR: The journal is full"
    assert beta["LastError"] in failed_once.said


def test_the_old_plugin_got_each_line_once_and_then_the_goodbye(delivered: Second) -> None:
    journal = delivered.journal[:4]
    assert [(call[0], *call[2:]) for call in journal] == [
        *[("sendMessage", STAMP, "beta")] * 3,
        ("finaliseLogs", STAMP, "beta"),
    ]
    assert "".join(call[1] for call in journal[:3]) == TEXT
    assert journal[3][1] == {"retCode": "7"}


def test_readers_get_the_text_from_the_new_plugin_and_a_plain_no_from_the_old(delivered: Second) -> None:
    for vo in ("alpha", "beta"):
        row = delivered.delivery(vo)
        assert (row["State"], row["ExpiredBytes"]) == ("Delivered", len(TEXT.encode()))
    assert delivered.read("alpha").value == {"StdOut": TEXT}
    assert delivered.read("beta").refusal == (
        NOT_FOUND,
        f"The text of log {STAMP} was handed over to JournalPlugin, which cannot give it back.",
    )


def test_a_late_line_joins_the_copy_and_goes_alone_to_the_old_plugin(late: Second) -> None:
    assert late.zipped == {f"{STAMP}.log.gz": TEXT + LATE}
    assert late.journal[4:] == [
        ["sendMessage", LATE, STAMP, "beta"],
        ["finaliseLogs", {"retCode": "7"}, STAMP, "beta"],
    ]
    assert late.read("alpha").value == {"StdOut": TEXT + LATE}


class TestLoading:
    """In this process, where DIRAC's own plugins are what has the old interface."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """DIRAC's own plugin writes below the working directory."""
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize("name", ["FileCacheLogging", "FileCacheLoggingPlugin"])
    def test_diracs_own_plugin_is_taken_by_either_name(self, name: str, tmp_path: Path) -> None:
        plugin = load_plugin("alpha", name)
        assert isinstance(plugin, LegacyPlugin)
        text = TEXT.encode()
        assert store(plugin, STAMP, text, tmp_path) == STAMP
        assert (tmp_path / "pilotlogs" / "alpha" / f"{STAMP}.log").read_bytes() == text
        with pytest.raises(NotKept):
            fetched(plugin, STAMP)

    def test_what_diracs_own_plugin_refuses_is_unavailable(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match=r"^FileCacheLoggingPlugin.sendMessage returned S_ERROR: Pilot UUID"):
            store(load_plugin("alpha", "FileCacheLogging"), "Not-A-Stamp", b"text\n", tmp_path)

    @pytest.mark.parametrize("name", ["PilotLogging", "FileCacheDownload"])
    def test_what_has_neither_interface_is_refused(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match=f"Pilot/LoggingPlugins names {name}, and .* is neither"):
            load_plugin("alpha", name)

    def test_our_own_plugins_have_one_name(self) -> None:
        with pytest.raises(ConfigurationError, match="no extension has a LocalDirectoryPluginPlugin"):
            load_plugin("alpha", "LocalDirectoryPlugin")
