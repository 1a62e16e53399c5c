# SPDX-License-Identifier: GPL-3.0-only
"""The verdict on a run, once everything has settled."""

import argparse
import resource
from itertools import pairwise
from pathlib import Path

from parts.state import Stack

from . import collect, health, oracle, report, truth
from .watch import Watch

_MOST_MEMORY, _MOST_ON_A_GRID = 400 * 2**20, 600 * 2**20
"""Of one component with its children: on a grid a collector has two that fetch from the storage."""


def reach(stack: Stack, options: argparse.Namespace, figures: dict, record: Path, watch: Watch) -> report.Result:
    """Compare what the pilots noted with all that is stored, and look whether all parts are well.

    Args:
        figures: of the pilots
        record: the file with what they noted
    """
    known = truth.read(record)
    rows = collect.rows_of(stack)
    stored = collect.stored_logs(stack, known.logs, rows, options.seed)
    findings = [finding for key, log in known.logs.items() for finding in oracle.check_log(log, stored[key])]
    files = [] if options.grid else collect.archive_files(stack.layout.archive)
    findings += oracle.check_strangers(known.logs, rows, files)
    unwell = list(health.unhealthy(stack, stack.layout.root / "log"))
    limit = _MOST_ON_A_GRID if options.grid else _MOST_MEMORY
    unwell += [f"{name} took {u.most >> 20} MiB" for name, u in watch.usage.items() if u.most > limit]
    unwell += [f"a pilot was refused: {rejection}" for rejection in figures["rejections"]]
    moments = sorted(known.moments)
    return report.Result(
        configuration=f"{options.database}, {options.collectors} collectors" + (", grid" if options.grid else ""),
        seconds=options.seconds,
        seed=options.seed,
        pilots=options.pilots,
        logs=len(known.logs),
        figures=figures,
        stored_lines=sum(one.text.count("\n") for one in stored.values() if one.text),
        stored_bytes=sum(len(one.text.encode("utf-8", "surrogatepass")) for one in stored.values() if one.text),
        quiet=max((later - earlier for earlier, later in pairwise(moments)), default=0.0),
        memory={name: (usage.most, usage.growth) for name, usage in sorted(watch.usage.items())},
        findings=findings,
        unwell=unwell,
        driver_cpu=sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]),
    )
