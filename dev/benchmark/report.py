# SPDX-License-Identifier: GPL-3.0-only
"""The table at the end."""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from .measurement import Measured

STOCK, OURS, ECDSA = "stock", "ours", "ours-ecdsa"
"""The third has a host key of that kind."""
NEW = "new"
Rounds = Mapping[str, Mapping[str, Sequence[Measured]]]
"""By mode and collector, the measurements in the order of the rounds."""


def show(rounds: Rounds) -> None:
    """Print medians over the rounds, and how many times as fast ours is, taken round by round."""
    table = Table(box=box.SIMPLE, title="5 kB, 50 lines, sendMessage; medians of all rounds")
    table.add_column("connection")
    table.add_column("collector")
    for column in ("requests/s", "p50 ms", "p99 ms", "collector CPU ms", "client CPU ms"):
        table.add_column(column, justify="right")
    for mode, collectors in rounds.items():
        for collector, measured in collectors.items():
            table.add_row(
                mode,
                collector,
                _median(measured, lambda one: one.rate, ".0f"),
                _median(measured, lambda one: one.p50, ".1f"),
                _median(measured, lambda one: one.p99, ".1f"),
                _median(measured, lambda one: one.server_cpu, ".2f"),
                _median(measured, lambda one: one.client_cpu, ".2f"),
            )
        table.add_section()
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    for mode, collectors in rounds.items():
        for name in collectors.keys() - {STOCK}:
            _show_ratio(mode, name, collectors[STOCK], collectors[name])


def _show_ratio(mode: str, name: str, stock: Sequence[Measured], ours: Sequence[Measured]) -> None:
    ratios = [after.rate / before.rate for before, after in zip(stock, ours, strict=True)]
    costs = [before.server_cpu / after.server_cpu for before, after in zip(stock, ours, strict=True)]
    print(
        f"bench: {mode:<10} {name} / stock: {statistics.median(ratios):.2f} times the requests a second "
        f"(min {min(ratios):.2f}, max {max(ratios):.2f}), {statistics.median(costs):.2f} for the same CPU"
    )


def _median(measured: Sequence[Measured], what: Callable[[Measured], float], form: str) -> str:
    return format(statistics.median(map(what, measured)), form)
