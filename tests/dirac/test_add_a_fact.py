# SPDX-License-Identifier: GPL-3.0-only
"""docs/howto/add-a-fact.md to the letter: its diff on a copy of the tree, and the way of the new fact there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.sender import batch
from harness.show import client_environment, command
from harness.stacks import PROJECT, RunningStack
from harness.waiting import until
from parts import environment
from sqlalchemy import URL

from PilotLoggingDIRAC.model import Append, LogKey
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase

COPIED = ("src", "docs", "tests/docs/test_facts.py", "pyproject.toml")
OLD, NEW = LogKey("alpha", "0" * 32), LogKey("alpha", "1" * 32)

UPGRADED = """
import sys
from sqlalchemy import make_url
from PilotLoggingDIRAC.ingest.append_protocol import parse_batch
from PilotLoggingDIRAC.store import logs
from PilotLoggingDIRAC.store.append import append_all
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase

database = PreparedDatabase(make_url(sys.argv[1]))
said = {"stamp": "1" * 32, "session": "s", "seq": 1, "text": "two\\n", "context": {"batchSystem": "HTCondor"}}
append = parse_batch("alpha", said, 1000)
database.transact(lambda connection: append_all(connection, [append], database.now(connection)))
with database.reading() as connection:
    rows = logs.list_page(connection, {}, [["Stamp", "ASC"]], 0, 10).rows
    by_system = [["BatchSystem", "ASC"]]
    chosen = logs.list_page(connection, {"Contains": {"BatchSystem": "condor"}}, by_system, 0, 10).rows
print([(row["Stamp"][0], row["Lines"], row["BatchSystem"]) for row in rows], [row["Stamp"][0] for row in chosen])
"""

STREAMED = """
import sys
from pathlib import Path
from sqlalchemy import URL
from PilotLoggingDIRAC.deliver.contract import StreamPlugin
from PilotLoggingDIRAC.deliver.courier import Courier
from PilotLoggingDIRAC.deliver.queue.encoder import encode
from PilotLoggingDIRAC.deliver.streaming import StreamCourier
from PilotLoggingDIRAC.settings import Settings
from PilotLoggingDIRAC.store.upgrade import PreparedDatabase

class Printer(StreamPlugin[Settings]):
    Settings = Settings

    def send(self, chunks, acknowledgements):
        for chunk in chunks:
            for message in encode(chunk, 100_000):
                print(message.body.decode())
            acknowledgements.confirmed(chunk)

    def close(self):
        pass

database = PreparedDatabase(URL.create("sqlite", database=sys.argv[1]))
printer = Printer("alpha", Settings())
courier = Courier(database, {"Printer": printer}, "agent", Path(sys.argv[2]))
assert StreamCourier(courier, "alpha", "Printer", printer).carry(lambda: True).problem is None
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the document's change."""
    copy = tmp_path_factory.mktemp("changed")
    for name in COPIED:
        place = copy / name
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (PROJECT / name).is_dir() else shutil.copy)(PROJECT / name, place)
    (change,) = re.findall(
        r"^```diff\n(.*?)^```$", (PROJECT / "docs" / "howto" / "add-a-fact.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert 0 < change.count("\n+++ ") <= 5, "the files that a new fact means"
    done = subprocess.run(["git", "apply", "-"], cwd=copy, input=change, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return copy


def run(changed: Path, *arguments: str | Path) -> str:
    """Python's output, with the changed package."""
    own = dict(os.environ) | {"PYTHONPATH": str(changed / "src")}
    done = subprocess.run(
        [sys.executable, *arguments], env=own, cwd=changed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_database_of_today_gets_the_column_and_keeps_its_logs(changed: Path, new_url: Callable[[], URL]) -> None:
    url = new_url()
    today = PreparedDatabase(url)
    today.transact(lambda connection: append_all(connection, [Append(OLD, b"one\n")], today.now(connection)))
    today.close()
    said = run(changed, "-c", UPGRADED, url.render_as_string(hide_password=False))
    assert said.strip() == "[('0', 1, ''), ('1', 1, 'HTCondor')] ['1']"


def test_documents_and_page_say_the_same_as_the_code(changed: Path) -> None:
    assert " passed" in run(changed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/docs/test_facts.py")


def _start_changed(stack: RunningStack) -> None:
    """Put a collector with the change, which starts with the database of the one before it, in that one's place."""
    stack.collector(0, "stop")
    options = ["-o", f"/Systems/Tornado/Port={stack.plan.ports['collector-0']}"]
    program: list[str | Path] = [environment.BIN / "tornado-start-all", "--cfg", stack.layout.configuration, *options]
    own = stack.environment("collector-0", DIRAC_USE_TORNADO_IOLOOP="yes")
    collector = stack.start("changed", program, own, stack.layout.home("collector-0"))

    def answers() -> bool:
        assert collector.process.poll() is None, collector.said
        with contextlib.suppress(OSError):
            return bool(stack.client("alpha_user")("ping")["OK"])
        return False

    until(answers, 60, "the changed collector answers")


def test_from_append_log_to_readers_and_streams(
    own_stack: Callable[..., RunningStack], changed: Path, tmp_path: Path
) -> None:
    stack = own_stack(path=(changed / "src",))
    _start_changed(stack)
    with_fact, without = uuid.uuid4().hex, uuid.uuid4().hex
    pilot, user = stack.client("alpha_pilot"), stack.client("alpha_user")
    assert pilot("appendLog", batch(with_fact, 1, "line\n", context={"batchSystem": "HTCondor"}))["OK"]
    assert pilot("appendLog", batch(without, 1, "line\n", context={"site": "LCG.CERN.ch"}))["OK"]
    (row,) = user("listLogs", {"BatchSystem": "HTCondor"}).value["rows"]
    assert (row["Stamp"], row["BatchSystem"]) == (with_fact, "HTCondor")
    counted = user("countLogs", {}, "BatchSystem").value["rows"]
    assert {each["Value"]: each["Logs"] for each in counted} == {"HTCondor": 1, "": 1}

    as_user = client_environment(stack, "alpha_user") | {"PYTHONPATH": str(changed / "src")}

    def ask(*arguments: str) -> str:
        done = subprocess.run([command("list"), *arguments], env=as_user, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (listed,) = map(json.loads, ask("--batch=condor", "--json").splitlines())
    assert (listed["Stamp"], listed["BatchSystem"]) == (with_fact, "HTCondor")
    assert "HTCondor" in ask("--by=batch")

    streamed: list[Any] = [
        json.loads(line) for line in run(changed, "-c", STREAMED, stack.layout.sqlite, tmp_path).splitlines()
    ]
    assert {each["stamp"]: each["context"] for each in streamed} == {
        with_fact: {"batchSystem": "HTCondor"},
        without: {"site": "LCG.CERN.ch"},
    }
