# SPDX-License-Identifier: GPL-3.0-only
"""How fast people read one large log and the list of many, and what it costs the pilots that send meanwhile.

One real collector, over TLS, on connections that are kept. Nothing is asserted on time.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from parts import faults, lifecycle, state
from parts.calls import Connection
from parts.failure import Failure
from parts.program import run, scratch_folder

from PilotLoggingDIRAC.errors import PilotLoggingError

from . import load
from .contents import VO, Log, Many, open_database, store_log, store_rows
from .load import ABSENT, OPERATOR, READERS, USER, Access

_PLACES = 10
"""Of which lines are read in each round."""
_LINES = 500
_ROWS = 100
_LOGS = 500
"""With fewer, some of the lists would be empty."""


def main() -> int:
    """Measure and print; the exit code is 0 if the collector answered everything."""
    arguments = _arguments()
    with scratch_folder("bench-readers") as folder:
        return run("bench-readers", lambda: _bench(folder / "stack", arguments), PilotLoggingError)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev/bench-readers", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--rounds", type=_at_least(1), default=5)
    parser.add_argument("--lines", type=_at_least(_LINES), default=490_000, help="of the large log, 126 bytes each")
    parser.add_argument("--seconds", type=float, default=15, help="of each measurement of acknowledgements")
    parser.add_argument("--logs", type=_at_least(_LOGS), default=200_000, help="in the list")
    return parser.parse_args()


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"a number from {least} on, not {text!r}")
        return int(text)

    return number


def _bench(directory: Path, arguments: argparse.Namespace) -> None:
    lifecycle.up(directory, state.Plan(database=arguments.database))
    stack = state.load(directory)
    database = open_database(stack)
    access = Access.to(stack)
    try:
        log = store_log(database, arguments.lines)
        _show_one_log(stack, access, log, arguments.rounds)
        _show_acknowledgements(access, log, arguments.seconds)
        begun = time.monotonic()
        many = store_rows(database, arguments.logs)
        took = time.monotonic() - begun
        print(f"\n{arguments.logs:,} logs, put into the list in {took:.0f} s; {_ROWS} rows and their total", flush=True)
        _show_list(access, many, arguments.rounds)
    finally:
        database.close()


def _show_one_log(stack: state.Stack, access: Access, log: Log, rounds: int) -> None:
    """A collector that has just started knows no outline yet, so it is started again in each round."""
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for action in ("stop", "start"):
            faults.change(stack, stack.collectors[0], action)
        caller = access.caller(USER)
        caller.ask("listLogs", {}, [], 0, 1)  # it connects, and the collector learns who asks
        for what in ("outlineLog, cold", "outlineLog, warm"):
            took, outline = _timed(caller, "outlineLog", log.stamp, VO)
            seconds.setdefault(what, []).append(took)
            _insist(outline["lines"] == log.lines, "the outline has other lines than the log")
        took, answer = _timed(caller, "outlineLog", log.stamp, VO, outline["version"])
        seconds.setdefault("outlineLog, its version is still right", []).append(took)
        _insist(answer["unchanged"], "the outline has changed, and the log has not")
        for _ in range(_PLACES):
            first = random.randint(1, max(log.lines - _LINES, 1))
            took, answer = _timed(caller, "readLines", log.stamp, VO, first, _LINES)
            seconds.setdefault(f"readLines, {_LINES} lines anywhere", []).append(took)
            _insist(answer["lines"][0]["n"] == first, "readLines gave other lines")
        seconds.setdefault("findLines, a text that is not there", []).append(_find_nothing(caller, log))
        caller.close()
    print(f"\nOne log of {log.lines:,} lines, {log.size / 1e6:.1f} MB, {stack.plan.database}")
    _show_times(seconds)


def _find_nothing(caller: Connection, log: Log) -> float:
    """The seconds that it takes to look through all of a log, however many calls that is."""
    seconds, first, done = 0.0, 1, False
    while not done:
        took, answer = _timed(caller, "findLines", log.stamp, VO, {"text": ABSENT}, first)
        seconds += took
        first, done = answer["next"], answer["done"]
        _insist(answer["total"] == 0, "findLines found what is not there")
    return seconds


def _show_acknowledgements(access: Access, log: Log, seconds: float) -> None:
    print(
        f"\n{'Acknowledgements of appendLog, ms':<44} {'median':>9} {'99 %':>9} {'messages':>9}  readers' calls/s",
        flush=True,
    )
    for mode, measured in load.measure(access, log, seconds).items():
        latencies = measured.latencies
        _insist(bool(latencies), "no message was sent in time: give it more seconds")
        print(
            f"{f'{READERS} readers: {mode}' if mode else 'without readers':<44} "
            f"{1000 * statistics.median(latencies):>9.1f} {1000 * latencies[int(0.99 * (len(latencies) - 1))]:>9.1f} "
            f"{len(latencies):>9}  {measured.calls:>16.1f}",
            flush=True,
        )


def _show_list(access: Access, many: Many, rounds: int) -> None:
    callers = {who: access.caller(who) for who in (USER, OPERATOR)}
    for caller in callers.values():
        caller.ask("listLogs", {}, [], 0, 1)
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for what, (who, selection, sort, start) in _lists(many).items():
            took, answer = _timed(callers[who], "listLogs", selection, sort, start, _ROWS)
            seconds.setdefault(what, []).append(took)
            _insist(bool(answer["rows"]), f"the list is empty: {what}")
        took, _ = _timed(callers[USER], "listValues", {}, ["Site", "CE", "State", "ExitCode"], 50)
        seconds.setdefault("listValues of four columns", []).append(took)
    _show_times(seconds)


def _lists(many: Many) -> Mapping[str, tuple[str, Mapping[str, Any], Sequence[Sequence[str]], int]]:
    """Who asks, the selection, the sort and the first row."""
    return {
        "latest of a VO": (USER, {}, (), 0),
        f"the same, from row {many.deep:,}": (USER, {}, (), many.deep),
        "of a site": (USER, {"Site": many.site}, (), 0),
        "with errors": (USER, {"HasErrors": True}, (), 0),
        "an exit code": (USER, {"ExitCode": 137}, (), 0),
        "silent": (USER, {"Silent": True}, (), 0),
        "quiet": (USER, {"Quiet": True}, (), 0),
        "quiet, all VOs": (OPERATOR, {"Quiet": True}, (), 0),
        "in a state": (USER, {"State": "Complete"}, (), 0),
        "of the last day": (USER, {"Since": many.last_day}, (), 0),
        "a part of the host, all VOs": (OPERATOR, {"Contains": {"Host": many.host}}, (), 0),
        "a part of the reference, all VOs": (OPERATOR, {"Contains": {"PilotReference": many.reference}}, (), 0),
        "sorted by Errors": (USER, {}, (("Errors", "DESC"),), 0),
        "sorted by Lines": (USER, {}, (("Lines", "DESC"),), 0),
    }


def _timed(caller: Connection, method: str, *arguments: Any) -> tuple[float, Any]:
    begun = time.monotonic()
    answer = caller.ask(method, *arguments)
    return time.monotonic() - begun, answer


def _show_times(seconds: Mapping[str, Sequence[float]]) -> None:
    print(f"{'':<44} {'median ms':>9} {'least':>9} {'most':>9}")
    for what, times in seconds.items():
        figures = (statistics.median(times), min(times), max(times))
        print(f"{what:<44} " + " ".join(f"{1000 * figure:>9.1f}" for figure in figures), flush=True)


def _insist(holds: bool, otherwise: str) -> None:
    """What was answered is what was asked for, or its time says nothing."""
    if not holds:
        raise Failure(otherwise)


if __name__ == "__main__":
    sys.exit(main())
