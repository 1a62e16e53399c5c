"""Starting and ending the processes of a stack, each known by its pid and the moment it started."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .failure import StackFailure

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

    def is_running(self) -> bool:
        """Whether this very process is there; one that ended but was not reaped counts as gone."""
        now = _status(self.pid)
        return now is not None and now.started == self.started and now.state not in "ZX"

    def state(self) -> str:
        """One word for people: running, paused or gone."""
        if not self.is_running():
            return "gone"
        now = _status(self.pid)
        return "paused" if now is not None and now.state in "Tt" else "running"

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


def start(
    name: str,
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    log: Path,
    directory: Path,
) -> Process:
    """Start a process in a session of its own, so that Ctrl-C in a terminal does not reach it.

    Raises:
        StackFailure: the program is not there
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise StackFailure(f"{name}: there is no program {command[0]}; run dev/install test") from error
    status = _status(child.pid)
    if status is None:
        raise StackFailure(f"{name} was gone at once")
    child.returncode = 0  # it outlives this command; without this Popen's destructor warns
    return Process(name, child.pid, status.started, str(log))


def run(command: Sequence[str | Path], environment: Mapping[str, str], stdin: str = "") -> str:
    """Run a program to its end and return its output; if this command is interrupted, so is the program.

    Raises:
        StackFailure: the program is not there, or it failed
    """
    words = [str(word) for word in command]
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            text=True,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise StackFailure(f"there is no program {words[0]}; run dev/install test") from error
    status = _status(child.pid)
    try:
        output, complaints = child.communicate(stdin)
    except BaseException:
        if status is not None:
            kill([Process(words[0], child.pid, status.started, log="")], environment[MARK])
        raise
    if child.returncode:
        raise StackFailure(f"{words[0]} failed: {(output + complaints).strip()[-3000:]}")
    return output


def wait_until(process: Process, ready: Callable[[], bool], seconds: float = 180) -> None:
    """Wait until a process serves.

    Raises:
        StackFailure: it ended or took too long; the text has the end of its log
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.is_running():
            raise StackFailure(f"{process.name} ended while it started; {process.tail()}")
        if time.monotonic() > deadline:
            raise StackFailure(f"{process.name} did not serve within {seconds:g} s; {process.tail()}")
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
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in sessions:
            continue
        try:
            if os.getsid(int(entry.name)) not in sessions:
                continue
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in environment:
            yield int(entry.name)


@dataclass(frozen=True)
class _Status:
    state: str
    started: int


def _status(pid: int) -> _Status | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return _Status(state=fields[0], started=int(fields[19]))
