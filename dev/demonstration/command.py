# SPDX-License-Identifier: GPL-3.0-only
"""Twenty simulated pilots of two communities send their logs to a real collector; is every byte stored, and once?

A throw-away stack with the embedded defaults (SQLite, LocalDirectory) is started, and ended and removed afterwards.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from parts import lifecycle, pilots, portal, state
from parts.failure import Failure
from parts.layout import Layout
from parts.program import INTERRUPTED, remove, run

from . import report
from .comparison import compare
from .crowd import Crowd, Pilot
from .delivery import Collector, deliver_all
from .tail import Tail

_SILENT_AFTER = "/Operations/Defaults/Pilot/SilentAfter=3s"
"""The killed pilot's log is not to be waited for three hours."""


def main() -> int:
    """Run the demo; the exit code is 0 only if nothing is lost, duplicated or changed."""
    parser = argparse.ArgumentParser(prog="dev/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the stack running, and say what to try with it")
    arguments = parser.parse_args()
    layout = Layout(Path(tempfile.mkdtemp(prefix="pilotlogging-demo-")))
    keep = False
    try:
        code = run("demo", lambda: print(_demonstrate(layout, arguments.keep)))
        keep = arguments.keep and code != INTERRUPTED
        if code == 1 and not keep:
            print("demo: make demo KEEP=1 leaves the stack running, to be looked at", file=sys.stderr)
        return code
    finally:
        if not keep:
            remove(layout.root)


def _demonstrate(layout: Layout, keep: bool) -> str:
    lifecycle.up(layout.root, state.Plan(options=(_SILENT_AFTER,), portal=keep))
    say = _Progress()
    url = state.load(layout.root).collector_urls[0]
    records = layout.home("sent")

    with Crowd(url, layout, records) as crowd:
        crowd.start()
        say(f"{len(crowd.pilots)} pilots begin, half of them as DIRAC's own pilot, half with appendLog")
        followed = crowd.followed
        with Tail(layout, followed, lambda line: say(f"{followed.stamp[:8]}… | {line}")) as tail:
            tail.start()
            crowd.kill_the_doomed()
            say(f"{crowd.doomed.stamp} is killed in the middle of its job (SIGKILL)")
            crowd.wait()
            say("all other pilots have said goodbye")
            tail.wait()
            say("dirac-pilot-logs-show --follow gave every byte, and ended with the log")

        rows = deliver_all(Collector(url, layout), len(crowd.pilots))
        say("the agent has delivered all logs")
        comparison = compare({report.archived_name(pilot): pilot.sent for pilot in crowd.pilots}, layout.archive)
        if not comparison.problems:
            _check_rows(crowd, rows)

    report.show_table(crowd.pilots, rows, layout)
    if keep:
        stack = state.load(layout.root)
        pilots.add(stack, [_as_submitted(pilot) for pilot in crowd.pilots])
        report.show_what_to_try(crowd.pilots, layout, portal.address(stack))
    last_line = (
        f"demo: {len(rows)} logs, {comparison.sent} lines sent, {comparison.stored} lines stored, "
        f"{comparison.lost} lost, {comparison.duplicated} duplicated"
    )
    if comparison.problems:
        raise Failure("\n".join([*comparison.problems, last_line]))
    return last_line


def _as_submitted(pilot: Pilot) -> pilots.Pilot:
    """As PilotMonitor knows it."""
    reference = f"htcondorce://ce.example.org/{pilot.stamp[:12]}.0"
    status = "Aborted" if pilot.doomed else "Done"
    return pilots.Pilot(reference, pilot.stamp, pilot.vo, status=status)


def _check_rows(crowd: Crowd, rows: dict) -> None:
    """What the collector says of the logs must be true as well."""
    for pilot in crowd.pilots:
        row = rows[pilot.stamp]
        told = (row["VO"], row["Lines"], row["Bytes"], row["Finalised"] is not None, row["ExitCode"])
        exit_code = None if pilot.doomed else pilot.exit_code
        true = (pilot.vo, pilot.sent.count(b"\n"), len(pilot.sent), not pilot.doomed, exit_code)
        if told != true:
            raise Failure(
                f"log {pilot.stamp}: VO, lines, bytes, goodbye and exit code are {true}, and the collector says {told}"
            )


class _Progress:
    """One line a step, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"demo: {time.monotonic() - self._started:6.1f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
