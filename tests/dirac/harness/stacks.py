# SPDX-License-Identifier: GPL-3.0-only
"""Stacks of ``dev/stack`` and the programs that run against them, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts import environment, mariadb, state

from .client import Client
from .waiting import PATIENCE, until

PROJECT = Path(__file__).resolve().parents[3]
DEV = PROJECT / "dev"
AGENT = "WorkloadManagement/PilotLoggingAgent"
_EXPIRE_AT_ONCE = {"/Operations/alpha/Pilot/KeepDelivered": 0}
_AGENT_SECTION = f"/Systems/{AGENT.replace('/', '/Agents/')}"


def dev_stack(*arguments: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run ``dev/stack`` and give its exit code and output."""
    command = [str(DEV / "stack"), *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


@dataclass
class Program:
    """A program that was started, with its output in files."""

    process: subprocess.Popen[bytes]
    output: Path
    errors: Path

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code. Nothing is given up before PATIENCE."""
        return self.process.wait(max(seconds, PATIENCE))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish_cycle(self) -> None:
        """Of an agent: wait until a cycle has ended that began after this call."""
        begun = self.said.count("Starting cycle")
        until(lambda: self._summaries() > begun, 40, "the agent ends a cycle")

    def _summaries(self) -> int:
        assert self.process.poll() is None, self.said
        return self.said.count("run summary")

    @property
    def said(self) -> str:
        """Both streams, so far."""
        return self.output.read_text(errors="replace") + self.errors.read_text(errors="replace")

    def end(self) -> None:
        """Make sure that it is gone, with what it started (it has a session of its own)."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in of_session(self.process.pid):
            os.kill(pid, signal.SIGKILL)


def of_session(session: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@dataclass
class RunningStack:
    """A stack that is up.

    Attributes:
        path: Directories that go before all others on the PYTHONPATH of agents and collectors: extensions.
    """

    directory: Path
    path: Sequence[Path] = ()
    _clients: list[Client] = field(default_factory=list)
    _programs: list[Program] = field(default_factory=list)
    _expiring: bool = False

    @property
    def plan(self) -> state.Stack:
        return state.load(self.directory)

    @property
    def urls(self) -> list[str]:
        return self.plan.collector_urls

    @property
    def layout(self) -> Any:
        return self.plan.layout

    def client(self, caller: str | None, collector: int = 0, extra: Any = None) -> Client:
        """A client with a new connection.

        Args:
            caller: A file in the credentials folder without ``.pem``; ``host`` for the host; None for nobody.
        """
        layout = self.layout
        certificate = None
        if caller is not None:
            certificate = layout.credentials / (caller if caller == "host" else f"{caller}.pem")
        client = Client(self.urls[collector], layout.certificates, certificate, extra)
        self._clients.append(client)
        return client

    def as_host(self, collector: int = 0, extra: Any = "hosts") -> Client:
        """A client with the host's certificate, as a server of the site has it."""
        return self.client("host", collector, extra)

    def collector(self, number: int, action: str) -> None:
        """``stop``, ``start``, ``kill``, ``pause`` or ``resume``."""
        self.component(f"collector-{number}", action)

    def component(self, name: str, action: str) -> None:
        """The same for any part of the stack."""
        done = dev_stack("component", self.directory, name, action)
        assert done.returncode == 0, done.stderr

    def log_of(self, component: str) -> str:
        return str(self.layout.log(component).read_text(errors="replace"))

    def environment(self, home: str, **more: str) -> dict[str, str]:
        """The environment of a component of this stack that has ``home`` as its DIRAC_ROOT_PATH."""
        own = environment.of_component(self.layout, home, **more)
        own["PYTHONPATH"] = ":".join([*(str(folder) for folder in self.path), own["PYTHONPATH"]])
        return own

    def start(
        self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path | None = None
    ) -> Program:
        """Start a program; it is ended with the stack at the latest."""
        folder = self.layout.home("programs")
        stem = f"{len(self._programs)}-{name}"
        output, errors = folder / f"{stem}.out", folder / f"{stem}.err"
        with output.open("wb") as out, errors.open("wb") as err:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(environment),
                cwd=cwd or folder,
                start_new_session=True,
            )
        program = Program(process, output, errors)
        self._programs.append(program)
        return program

    def start_agent(
        self, cycles: int = 1, options: Mapping[str, Any] | None = None, home: str = "test-agent", **more: str
    ) -> Program:
        """Start the real PilotLoggingAgent; without a pause between its cycles (that of ``PollingTime`` remains).

        Args:
            options: Paths and values on top of the stack's configuration.
            home: Names the agent's own DIRAC_ROOT_PATH below the stack's directory.
        """
        given = {f"{_AGENT_SECTION}/MaxCycles": cycles, f"{_AGENT_SECTION}/PollingTime": 1} | dict(options or {})
        command: list[str | Path] = [sys.executable, DEV / "parts" / "impatient_agent.py", AGENT]
        command += ["--cfg", self.layout.configuration]
        for path, value in given.items():
            command += ["-o", f"{path}={value}"]
        return self.start(home, command, self.environment(home, **more), self.layout.home(home))

    def run_agent(self, cycles: int = 1, options: Mapping[str, Any] | None = None, **more: str) -> Program:
        """Run the agent to its end."""
        agent = self.start_agent(cycles, options, **more)
        assert agent.wait(60) == 0, agent.said
        return agent

    @contextmanager
    def cycling_agent(self, options: Mapping[str, Any] | None = None, **more: str) -> Iterator[Program]:
        """An agent that goes on for as long as the block runs, and is then ended as an operator would."""
        agent = self.start_agent(0, options, **more)
        try:
            yield agent
            agent.send(signal.SIGTERM)
            assert agent.wait(30) == 0, agent.said
        finally:
            agent.end()

    def run_agent_until(
        self, condition: Callable[[], Any], options: Mapping[str, Any] | None = None, seconds: float = 60, **more: str
    ) -> Program:
        """Let an agent cycle until something has come true, then end it as an operator would."""
        with self.cycling_agent(options, **more) as agent:

            def done() -> Any:
                assert agent.process.poll() is None, agent.said
                return condition()

            until(done, seconds, "what the agent should do")
        return agent

    @contextmanager
    def expiring_agent(self) -> Iterator[None]:
        """An agent that archives what is closed and lets the text of VO alpha leave the database at once."""
        with self.cycling_agent(_EXPIRE_AT_ONCE):
            self._expiring = True
            try:
                yield
            finally:
                self._expiring = False

    def expire(self, *stamps: str) -> None:
        """Have closed logs of VO alpha archived, and their text leave the database."""
        marks = ", ".join("?" * len(stamps))
        left = f"SELECT 1 FROM PilotLogs WHERE VO = 'alpha' AND Stamp IN ({marks}) AND ExpiredChunkID < LastChunkID"
        if self._expiring:
            until(lambda: not self.rows(left, *stamps), 60, "the logs expire")
        else:
            self.run_agent_until(lambda: not self.rows(left, *stamps), _EXPIRE_AT_ONCE)

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """The SQLite file itself, as somebody who looks at it by hand; committed at the end."""
        connection = sqlite3.connect(self.layout.sqlite, timeout=20)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the SQLite file."""
        with self.database() as connection:
            return [dict(row) for row in connection.execute(statement, values)]

    def run_sql(self, statement: str) -> str:
        """A statement on the stack's MariaDB, as its administrator."""
        return mariadb.run_sql(self.plan, statement, "PilotLogDB")

    def archived(self, vo: str, stamp: str) -> Path:
        """Where the LocalDirectory plugin keeps a log."""
        return Path(self.layout.archive / vo / f"{stamp}.log")

    def end(self) -> None:
        """End all that was started."""
        for client in self._clients:
            client.close()
        for program in self._programs:
            program.end()
        done = dev_stack("down", self.directory)
        assert done.returncode == 0, done.stderr


@contextmanager
def running(directory: Path, *arguments: str, path: Sequence[Path] = ()) -> Iterator[RunningStack]:
    """A stack for as long as the block runs."""
    done = dev_stack("up", directory, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    stack = RunningStack(directory, path)
    try:
        yield stack
    finally:
        stack.end()


def milliseconds_of(call: Any) -> tuple[float, Any]:
    """How long a call takes, and what it gives."""
    begun = time.monotonic()
    value = call()
    return 1000 * (time.monotonic() - begun), value


def dumped(value: Any) -> str:
    """A JSON document in a string, as the stock methods take it."""
    return json.dumps(value)
