# SPDX-License-Identifier: GPL-3.0-only
"""Many thousands of pilots, each with a TLS connection of its own, against real collectors; is each acknowledged line
there, and once?

The pilots write at their times whatever the collectors do, and a latency counts from the moment at which a message was
due. All begin (ramp), write (steady), find no collector for a while (outage) and all come back at once (storm); then a
collector is killed (killed), and half of the pilots end (ends). The exit code is 0 only if nothing was lost or doubled,
the storm drained, and the p99 of the steady phase is below a second (with --any-speed: however fast it was).
"""

import argparse
import sys
from pathlib import Path

from parts.program import run, scratch_folder

from .report import show, summary
from .run import LINES, Load, Trial
from .truth import compare

PROFILES = {"module": 0.0, "mixed": 0.5, "stock": 1.0}
_A_COLLECTOR = 15_000
"""Pilots of one collector: a process may have some 20,000 files where nobody has raised that."""


def main() -> int:
    """Run, check, print; the last line is the result."""
    arguments = _arguments()
    with scratch_folder("scale") as folder:
        return run("scale", lambda: _trial(folder, arguments))


def _trial(folder: Path, arguments: argparse.Namespace) -> int:
    load = Load(
        pilots=arguments.pilots,
        stock=PROFILES[arguments.profile],
        collectors=arguments.collectors or -(-arguments.pilots // _A_COLLECTOR),
        database=arguments.database,
        ramp=arguments.ramp or arguments.pilots / arguments.rate,
        steady=60 * arguments.minutes,
        outage=arguments.outage,
        period=arguments.period,
        patience=arguments.patience,
    )
    trial = Trial(folder, load)
    result = trial.run()
    verdict = compare(trial.stack, trial.results, LINES)
    show(load, result, verdict)
    line, good = summary(load, result, verdict, any_speed=arguments.any_speed)
    print(line, flush=True)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev/scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pilots", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=10, help="of the steady phase")
    parser.add_argument("--profile", choices=PROFILES, default="module", help="kept connections and numbers, or not")
    parser.add_argument("--collectors", type=int, help=f"one for each {_A_COLLECTOR:,} pilots, unless told")
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--rate", type=float, default=200, help="pilots that begin in a second")
    parser.add_argument("--ramp", type=float, help="seconds in which all begin; for --rate")
    parser.add_argument("--outage", type=float, default=120, help="seconds without a collector")
    parser.add_argument("--period", type=float, default=60, help="seconds between two messages of a pilot")
    parser.add_argument("--patience", type=float, default=1200, help="seconds that a phase may take to settle")
    parser.add_argument("--any-speed", action="store_true", help="only what is lost, doubled or never drained is bad")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
