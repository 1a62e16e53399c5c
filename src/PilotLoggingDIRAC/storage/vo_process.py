"""Work for one VO in a process of its own.

``X509_USER_PROXY`` is one for a whole process, and a storage library that hangs or crashes takes its process with it:
so the agent delivers the logs of each VO, and the collector fetches what needs a proxy, in a child of this module.

The parent hands the child its whole configuration in a file that only its user can read, and gets one JSON document on
the child's standard output; what the child logs goes on to the parent's standard error. All temporary files of a child
are in a folder of its own, which the parent removes, however the child ended.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import DIRAC

from ..deliver.courier import Courier
from ..deliver.delivery_round import deliver_due
from ..deliver.probe import probe
from ..deliver.stale_files import remove_stale
from ..dirac_bridge import cs
from ..dirac_bridge.stdout import take_stdout
from ..errors import NotFound, NotKept, PilotLoggingError, Rejected, Unavailable
from ..store import deliveries
from ..WorkloadManagementSystem.DB.PilotLogDB import PilotLogDB
from .plugin_loading import load_archives, load_plugin, load_plugins, open_located

_GRACE_SECONDS = 10.0
"""After SIGTERM a transfer may go on for so long; then it is cut off, and its log goes to whoever comes next."""
STORAGE_DEFAULTS = {
    "XRD_CONNECTIONWINDOW": "5",
    "XRD_CONNECTIONRETRY": "2",
    "XRD_STREAMERRORWINDOW": "10",
    "AWS_MAX_ATTEMPTS": "2",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}
"""For storage libraries, where the environment does not say otherwise. With their own figures one file hangs for 200 s
on an xrootd server that is down; the agent has its own pauses and comes again. And boto3 takes a part of a file for
damaged where an S3 server sends the checksum of the whole with it; DIRAC compares its own checksum in any case."""
_LINGERING = 0.75
"""Share of its turn in which a process waits for new text for a stream: to begin another one costs a second of CPU."""
_FOLDERS = "PilotLogProcesses"
_KINDS: dict[str, type[PilotLoggingError]] = {
    kind.__name__: kind for kind in (Rejected, NotFound, NotKept, Unavailable)
}


class VOProcess:
    """A child that works for one VO; used by the parent."""

    def __init__(self, vo: str, task: str, arguments: Sequence[str] = ()) -> None:
        """Start it.

        Args:
            vo: The VO.
            task: ``deliver``, ``fetch``, ``find`` or ``probe``, see :func:`main`.
            arguments: Those of the task.
        """
        self.vo = vo
        self._folder = _own_folder(f"{task}-{vo}-")
        configuration = self._folder / "dirac.cfg"
        try:
            cs.dump_configuration(configuration)
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, "--parent", str(os.getpid()), task, vo, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=STORAGE_DEFAULTS
                | os.environ
                | {"DIRACSYSCONFIG": str(configuration), "DIRAC_NO_CFG": "1", "TMPDIR": str(self._folder)},
                text=True,
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end soon; it gives back what it had taken on."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once. What it had taken on goes to others when its lease ends."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Its result.

        Raises:
            Unavailable: It failed, was ended, or takes longer than ``timeout`` seconds (then it is ended).
            NotFound: It said so.
        """
        try:
            output, _ = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.communicate()
            raise Unavailable(f"The work for VO {self.vo} took longer than {timeout} s.") from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError as error:
            code = self._process.returncode
            raise Unavailable(f"The process for VO {self.vo} ended with exit code {code} and no result.") from error
        if "error" in answer:
            raise _KINDS.get(answer["error"], Unavailable)(answer["message"])
        return answer


def _own_folder(prefix: str) -> Path:
    """A new folder for a child's configuration and temporary files. Those are removed whose parents were killed."""
    folder = cs.work_folder() / _FOLDERS
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    return Path(tempfile.mkdtemp(dir=folder, prefix=prefix))


def main() -> int:
    """The child: do one task, print its result.

    ``deliver VO OWNER SECONDS PATIENCE``: what is due, in the name of OWNER, with no new log after so many seconds;
    PATIENCE is a JSON object, see :func:`~..deliver.community.deliver_due`. ``fetch VO PLUGIN REFERENCE FILE``: an
    archived log into a file. ``find VO STAMP FILE``: the archived log of a stamp, by the plugins' own naming, into a
    file. ``probe VO PLUGIN``: whether a plugin works.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    tasks = parser.add_subparsers(dest="task", required=True)
    for task, names in {
        "deliver": ("vo", "owner", "seconds", "patience"),
        "fetch": ("vo", "plugin", "reference", "file"),
        "find": ("vo", "stamp", "file"),
        "probe": ("vo", "plugin"),
    }.items():
        subparser = tasks.add_parser(task)
        for name in names:
            subparser.add_argument(name)
    options = parser.parse_args()
    result = take_stdout()
    try:
        DIRAC.initialize(require_auth=False, host_credentials=True, log_level=DIRAC.LogLevel.ERROR)
        # It has the passwords of all services in it, and has been read.
        Path(os.environ["DIRACSYSCONFIG"]).unlink(missing_ok=True)
        answer = _TASKS[options.task](options)
    except PilotLoggingError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    with suppress(BrokenPipeError):  # the parent was killed, and nobody wants to know
        result.write(json.dumps(answer).encode())
        result.close()
    # gfal2 and xrootd have threads that may keep an interpreter from ending.
    os._exit(0)


def _deliver(options: argparse.Namespace) -> dict[str, Any]:
    database = PilotLogDB()

    def cut_off() -> None:
        database.transact(lambda connection: deliveries.release_all(connection, options.owner))
        os._exit(0)

    told_to_stop = _stop_on_signal(options.parent, cut_off)
    former = partial(load_plugin, options.vo)
    courier = Courier(database, load_plugins(options.vo), options.owner, Path(tempfile.gettempdir()), former)
    begun, turn = time.monotonic(), float(options.seconds)
    done = deliver_due(
        courier,
        options.vo,
        told_to_stop,
        json.loads(options.patience),
        turn_is_over=lambda: time.monotonic() > begun + turn,
        # Not to the end, after which the VO would count as a slow one.
        lingers=lambda: time.monotonic() < begun + turn * _LINGERING,
    )
    return asdict(done) | {"works": sorted(done.works), "down": sorted(done.down)}


def _stop_on_signal(parent: int, cut_off: Callable[[], None]) -> Callable[[], bool]:
    """Whether to stop: after SIGTERM, or when the parent is gone. What still runs then is cut off after a while."""
    stop = threading.Event()

    def ending(*_: Any) -> None:
        if not stop.is_set():
            stop.set()
            timer = threading.Timer(_GRACE_SECONDS, cut_off)
            timer.daemon = True
            timer.start()

    signal.signal(signal.SIGTERM, ending)
    signal.signal(signal.SIGINT, ending)

    def stopping() -> bool:
        if os.getppid() != parent:
            ending()
        return stop.is_set()

    return stopping


def _fetch(options: argparse.Namespace) -> dict[str, Any]:
    with load_plugin(options.vo, options.plugin).fetch(options.reference) as source:
        return _copied(source, options.file)


def _find(options: argparse.Namespace) -> dict[str, Any]:
    with open_located(load_archives(options.vo), options.stamp) as source:
        return _copied(source, options.file)


def _probe(options: argparse.Namespace) -> dict[str, Any]:
    return {"seen": probe(load_plugin(options.vo, options.plugin), Path(tempfile.gettempdir()))}


def _copied(source: Any, file: str) -> dict[str, Any]:
    with Path(file).open("wb") as target:
        shutil.copyfileobj(source, target, 2**20)
    return {"size": Path(file).stat().st_size}


_TASKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "deliver": _deliver,
    "fetch": _fetch,
    "find": _find,
    "probe": _probe,
}


if __name__ == "__main__":
    sys.exit(main())
