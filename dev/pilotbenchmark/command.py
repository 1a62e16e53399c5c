# SPDX-License-Identifier: GPL-3.0-only
"""What sending its log costs a pilot: without remote logging, with the stock remote logger, and with our module.

Whole pilots run in turns against one real collector and say the same lines, at once and over some time. Each line is
looked for in the collector afterwards. Then pilots end while the collector is dead. Nothing is asserted on time; but
ours must open one connection and send at most a fifth of the stock logger's bytes: the exit code says whether it did.
"""

import argparse
import json
import sys
from pathlib import Path

from harness.stacks import running
from parts.program import run, scratch_folder
from pilot.harness import MINIATURE, checkout

from . import report
from .endings import endings
from .load import Load
from .loggers import AT_ONCE, PACED
from .measurement import Place, measure
from .report import Rounds


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    with scratch_folder("bench-pilot") as folder:
        return run("bench-pilot", lambda: _bench_in(folder, arguments), AssertionError, ValueError)


def _bench_in(folder: Path, arguments: argparse.Namespace) -> int:
    with running(folder / "stack") as stack:
        files = checkout(arguments.pilot) if arguments.pilot else MINIATURE
        return _bench(Place(stack, folder, files), arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev/bench-pilot", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000, help="that a pilot says")
    parser.add_argument(
        "--seconds", type=float, default=20, help="in which it says them, the second time; 0: once only"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exit-time", type=float, default=20, help="RemoteLoggerExitTime")
    parser.add_argument("--patience", type=float, default=30, help="seconds after which a stock pilot hangs")
    parser.add_argument("--pilot", metavar="CHECKOUT", help="of DIRACGrid/Pilot; without it a small pilot of our own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all that was measured")
    return parser.parse_args()


def _bench(place: Place, arguments: argparse.Namespace) -> int:
    loads = {"at once": (Load(arguments.lines, 0), AT_ONCE)}
    if arguments.seconds:
        loads[f"over {arguments.seconds:g} s"] = (Load(arguments.lines, arguments.seconds), PACED)
    rounds: dict[str, Rounds] = {title: {logger: [] for logger in loggers} for title, (_, loggers) in loads.items()}
    ends = []
    for number in range(arguments.rounds):
        progress = f"bench-pilot: round {number + 1} of {arguments.rounds}"
        for title, (load, loggers) in loads.items():
            line = f"{progress}, {title:<9}"
            for logger in loggers:
                measured = measure(place, load, logger, arguments.exit_time)
                rounds[title][logger].append(measured)
                line += f"  {logger.name}: {measured.cpu:.2f} s CPU, {measured.sent / 1000:.0f} kB"
            print(line, flush=True)
        ends.append(endings(place, arguments.lines, arguments.exit_time, arguments.patience))
        print(f"{progress}, dead collectors", flush=True)
    report.show_ratios(rounds)
    for title, measurements in rounds.items():
        report.show_costs(title, measurements)
    report.show_endings(rounds["at once"], ends)
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(rounds, ends), indent=1))
    failures = [f"{title}: {failure}" for title, measured in rounds.items() for failure in report.fails(measured)]
    for failure in failures:
        print(f"bench-pilot: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
