# SPDX-License-Identifier: GPL-3.0-only
"""Pilots write numbered lines while collectors, agents, database, disks and storage fail at random; is all stored?

What goes wrong is drawn from the seed and printed first. The exit code is 0 only if every acknowledged line is stored
once and in order, every log ends archived, nothing is in a log that is not its own, and all components are well.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from parts import program

from . import report
from .run import Run, show_plan


def main() -> int:
    """Run once."""
    options = _arguments()
    if options.plan:
        show_plan(options, may_mount=not options.no_disks)
        return 0
    folder = options.keep or Path(tempfile.mkdtemp(prefix="pilotlogging-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder.resolve(), options)
    code = 2
    try:
        code = program.run("faults", lambda: _judge(run, options), code=code)
        if code == 2:
            print(f"faults: {run.again}", file=sys.stderr)
        return code
    finally:
        program.refuse_signals()
        run.end(keep=options.keep is not None or code in (1, 2))


def _judge(run: Run, options: argparse.Namespace) -> int:
    result = run.run()
    report.show(result)
    if options.json:
        report.write(result, options.json)
    print(f"faults: {'all is well' if result.good else 'NOT ALL IS WELL'}; {run.again}", flush=True)
    return 0 if result.good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev/faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long pilots write")
    parser.add_argument("--seed", type=int, default=1, help="chooses the faults and the pilots' lives")
    parser.add_argument("--pilots", type=int, default=60, help="at one time")
    parser.add_argument("--rate", type=float, default=30, help="messages a second of all together, about")
    parser.add_argument("--pause", type=float, default=6, help="seconds from one fault to the next, on average")
    parser.add_argument("--mishaps", type=float, default=0.06, help="share of the calls that are cut on purpose")
    parser.add_argument("--collectors", type=int, help="default: 3, on SQLite 1")
    parser.add_argument("--database", choices=("mariadb", "sqlite"), default="mariadb")
    parser.add_argument("--grid", action="store_true", help="alpha's logs go to xrootd, beta's to S3")
    parser.add_argument("--option", metavar="/PATH=VALUE", action="append", default=[], help="of the configuration")
    parser.add_argument("--no-disks", action="store_true", help="leave full disks out")
    parser.add_argument("--plan", action="store_true", help="print what would go wrong, and do nothing")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="use this directory, and leave all files in it")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the result there as well")
    options = parser.parse_args()
    options.collectors = options.collectors or (3 if options.database == "mariadb" else 1)
    return options


if __name__ == "__main__":
    sys.exit(main())
