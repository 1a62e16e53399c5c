# SPDX-License-Identifier: GPL-3.0-only
"""Starting and ending the processes of a stack, each known by its pid and the moment it started."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .failure import Failure

MARK = "PILOTLOGGING_STACK"
"""The environment variable that names its stack in every process of it."""

_TAIL_LINES = 25


@dataclass(frozen=True)
class Process:
    """A process that this stack started.

    Attributes:
        started: clock ticks from boot to its start, which tell it from a later process that got the same pid
        log: the file with its output
    """

    name: str
    pid: int
    started: int
    log: str

    @classmethod
    def of(cls, name: str, child: subprocess.Popen[Any], log: str = "") -> "Process":
        """A child that was just started."""
        try:
            return cls(name, child.pid, _started(child.pid), log)
        except OSError as error:
            raise Failure(f"{name} was gone at once") from error

    def state(self) -> str:
        """One word for people: running, paused or gone; one that ended but was not reaped is gone."""
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            status = psutil.Process(self.pid).status()
            if _started(self.pid) == self.started and status not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return "paused" if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else "running"
        return "gone"

    def is_running(self) -> bool:
        """Whether this very process is there."""
        return self.state() != "gone"

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, and to no other: the handle is opened before its start is compared."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.is_running():
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)

    def tail(self) -> str:
        """Where its log is, and its last lines."""
        try:
            lines = Path(self.log).read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        if not lines:
            return f"its log {self.log} is empty"
        return "\n    ".join([f"its log {self.log} ends with", *lines[-_TAIL_LINES:]])


def _started(pid: int) -> int:
    """As the kernel has it. psutil's ``create_time`` is a time of day: it moves when somebody sets the clock."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def start(
    name: str,
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    log: Path,
    directory: Path,
) -> Process:
    """Start a process that outlives this command.

    Raises:
        Failure: the program is not there
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = _spawn(
            command, environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=directory
        )
    process = Process.of(name, child, str(log))
    child.returncode = 0  # without this Popen's destructor warns
    return process


def run(command: Sequence[str | Path], environment: Mapping[str, str], stdin: str = "") -> str:
    """Run a program to its end and return its output; if this command is interrupted, so is the program.

    Raises:
        Failure: the program is not there, or it failed
    """
    pipe = subprocess.PIPE
    child = _spawn(command, environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    process = Process.of(str(command[0]), child)
    try:
        output, complaints = child.communicate(stdin)
    except BaseException:
        kill([process], environment[MARK])
        raise
    if child.returncode:
        raise Failure(f"{command[0]} failed: {(output + complaints).strip()[-3000:]}")
    return str(output)


def _spawn(command: Sequence[str | Path], environment: Mapping[str, str], **more: Any) -> subprocess.Popen[Any]:
    """In a session of its own, so that Ctrl-C in a terminal does not reach it."""
    words = [str(word) for word in command]
    try:
        return subprocess.Popen(words, env=dict(environment), start_new_session=True, **more)
    except FileNotFoundError as error:
        raise Failure(f"there is no program {words[0]}; run dev/install test") from error


def wait_until(process: Process, ready: Callable[[], bool], seconds: float = 180) -> None:
    """Wait until a process serves.

    Raises:
        Failure: it ended or took too long; the text has the end of its log
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.is_running():
            raise Failure(f"{process.name} ended while it started; {process.tail()}")
        if time.monotonic() > deadline:
            raise Failure(f"{process.name} did not serve within {seconds:g} s; {process.tail()}")
        time.sleep(0.05)


def end(processes: Sequence[Process], mark: str, patience: float = 30) -> None:
    """End processes and whatever they started: ask first, force after ``patience`` seconds.

    Args:
        mark: the value of MARK in the environment of this stack's processes
    """
    for process in processes:
        process.send(signal.SIGTERM)
        process.send(signal.SIGCONT)  # a paused one would not see the first signal
    deadline = time.monotonic() + patience
    while any(process.is_running() for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)
    kill(processes, mark)


def kill(processes: Sequence[Process], mark: str) -> None:
    """End processes and whatever they started, at once and without asking; returns when none is left."""
    while left := list(_left(processes, mark)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _left(processes: Sequence[Process], mark: str) -> Iterator[int]:
    """Processes that are still there, and their children, which share their sessions."""
    sessions = {process.pid for process in processes}
    for process in processes:
        if process.is_running():
            yield process.pid
    for pid in set(psutil.pids()) - sessions:
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(pid) in sessions and psutil.Process(pid).environ().get(MARK) == mark:
                yield pid
