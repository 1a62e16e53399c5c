# SPDX-License-Identifier: GPL-3.0-only
"""The child's half of :mod:`.vo_process`: one task for one VO, and its result as one JSON document."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import DIRAC

from ..deliver.archive_round import Carrier
from ..deliver.courier import Courier, give_back
from ..deliver.delivery_round import deliver_due
from ..deliver.probe import probe
from ..dirac_bridge.database import PilotLogDB
from ..dirac_bridge.stdout import take_stdout
from ..errors import PilotLoggingError
from .carriers import several
from .plugin_loading import load_archives, load_plugin, load_plugins, open_located

_GRACE_SECONDS = 10.0
"""After SIGTERM a transfer may go on for so long; then it is cut off, and its log goes to whoever comes next."""
_LINGERING = 0.75
"""Share of its turn in which a process waits for new text for a stream: to begin another one costs a second of CPU."""


def main() -> int:
    """The child: do one task, print its result.

    ``deliver VO OWNER SECONDS THRESHOLDS``: what is due, in the name of OWNER, with no new log after so many seconds;
    THRESHOLDS is a JSON object, see :func:`~..deliver.delivery_round.deliver_due`. ``fetch VO PLUGIN REFERENCE FILE``:
    an archived log into a file. ``find VO STAMP FILE``: the archived log of a stamp, by the plugins' own naming, into a
    file. ``probe VO PLUGIN``: whether a plugin works.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    tasks = parser.add_subparsers(dest="task", required=True)
    for task, names in {
        "deliver": ("vo", "owner", "seconds", "thresholds"),
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
    thresholds = json.loads(options.thresholds)
    with several(options.vo, options.owner, thresholds) as carriers:
        return _deliver_with(carriers, options, thresholds)


def _deliver_with(
    carriers: Mapping[str, Sequence[Carrier]], options: argparse.Namespace, thresholds: Mapping[str, int]
) -> dict[str, Any]:
    database = PilotLogDB()

    def cut_off() -> None:
        give_back(database, options.owner)
        os._exit(0)

    told_to_stop = _stop_on_signal(options.parent, cut_off)
    former = partial(load_plugin, options.vo)
    courier = Courier(database, load_plugins(options.vo), options.owner, Path(tempfile.gettempdir()), former)
    begun, turn = time.monotonic(), float(options.seconds)
    done = deliver_due(
        courier,
        options.vo,
        told_to_stop,
        thresholds,
        turn_is_over=lambda: time.monotonic() > begun + turn,
        # Not to the end, after which the VO would count as a slow one.
        lingers=lambda: time.monotonic() < begun + turn * _LINGERING,
        carriers=carriers,
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
