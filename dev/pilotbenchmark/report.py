# SPDX-License-Identifier: GPL-3.0-only
"""The tables at the end: ratios first, for they are what carries over to other machines."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from .endings import CASES, Case, Ending
from .loggers import LIVE, OFF, OURS, STOCK, Logger
from .measurement import Measured

Rounds = Mapping[Logger, list[Measured]]
"""By logger, the measurements in the order of the rounds."""
_LEAST_DIFFERENCE = 0.01
"""Seconds of CPU: what is below is noise, and no ratio."""
SHARE = 0.2
"""Of the stock logger's bytes: ours must not send more."""


def ratios(rounds: Rounds) -> dict[str, dict[str, list[float]]]:
    """What ours costs, as a part of what the stock logger costs with each of its settings, round by round."""
    return {
        stock.name: {
            "bytes sent": _over(rounds, stock, lambda one: one.sent),
            "bytes both ways": _over(rounds, stock, lambda one: one.sent + one.answered),
            "requests": _over(rounds, stock, lambda one: one.requests),
            "connections": _over(rounds, stock, lambda one: one.connections),
            "CPU of the pilot": _over(rounds, stock, lambda one: one.cpu),
            "CPU for sending": _over_added_cpu(rounds, stock),
            "memory": _over(rounds, stock, lambda one: one.memory),
        }
        for stock in (STOCK, LIVE)
        if stock in rounds
    }


def fails(rounds: Rounds) -> list[str]:
    """What ours must not do with a healthy collector, and did."""
    failures = []
    worst = max(_over(rounds, STOCK, lambda one: one.sent))
    if worst > SHARE:
        failures.append(f"ours sent {worst:.3f} of the stock logger's bytes, more than {SHARE}")
    most = max(one.connections for one in rounds[OURS])
    if most != 1:
        failures.append(f"ours made {most} connections")
    return failures


def as_json(by_title: Mapping[str, Rounds], ends: Sequence[Mapping[Case, Ending]]) -> dict[str, object]:
    """All that was measured, in the order of the rounds."""
    return {
        "measured": {
            title: {logger.name: [asdict(one) for one in several] for logger, several in rounds.items()}
            for title, rounds in by_title.items()
        },
        "endings": [
            {"death": case.death, "moment": case.moment, "logger": case.logger.name, **asdict(end)}
            for each in ends
            for case, end in each.items()
        ],
    }


def show_ratios(by_title: Mapping[str, Rounds]) -> None:
    """What ours costs, as a part of what stock loggers cost under the same loads."""
    table = Table(box=box.SIMPLE, title="ours / stock: median (min to max) of all rounds")
    table.add_column("")
    columns = []
    for title, rounds in by_title.items():
        for stock, parts in ratios(rounds).items():
            table.add_column(f"{title}:\nours / {stock}", justify="right")
            columns.append(parts)
    for what in columns[0]:
        table.add_row(what, *(_spread(parts[what], ".2f") for parts in columns))
    _print(table)


def show_costs(title: str, rounds: Rounds) -> None:
    one = rounds[OFF][0]
    table = Table(box=box.SIMPLE, title=f"{title}: {one.lines} lines, {one.size / 1e6:.2f} MB in the classic log")
    table.add_column("")
    for logger in rounds:
        table.add_column(logger.name, justify="right")
    rows: dict[str, tuple[Callable[[Measured], float], str]] = {
        "CPU s": (lambda one: one.cpu, ".2f"),
        "peak memory MiB": (lambda one: one.memory, ".1f"),
        "wall time s": (lambda one: one.seconds, ".2f"),
        "sys.exit to end s": (lambda one: one.exit, ".2f"),
        "requests": (lambda one: one.requests, ".0f"),
        "TLS connections": (lambda one: one.connections, ".0f"),
        "kB sent": (lambda one: one.sent / 1000, ".1f"),
        "kB received": (lambda one: one.answered / 1000, ".1f"),
    }
    for name, (what, form) in rows.items():
        table.add_row(name, *(_spread([what(one) for one in rounds[logger]], form) for logger in rounds))
    _print(table)


def show_endings(rounds: Rounds, ends: Sequence[Mapping[Case, Ending]]) -> None:
    """Seconds that sending adds to the pilot's end.

    Args:
        ends: Of each round.
    """
    table = Table(box=box.SIMPLE, title="seconds that the logger adds to the pilot's end")
    for column in ("collector", "logger", "added s", "exit code", "lines not said"):
        table.add_column(column, justify="left" if column in ("collector", "logger") else "right")
    usual = statistics.median(one.exit for one in rounds[OFF])
    for logger in (STOCK, OURS):
        table.add_row("healthy", logger.name, _spread([one.exit - usual for one in rounds[logger]], ".2f"), "0", "0")
    for case in CASES:
        several = [each[case] for each in ends]
        table.add_row(
            f"{case.death} {case.moment}",
            case.logger.name,
            _added(several, usual),
            _all("hangs" if one.exit_code is None else str(one.exit_code) for one in several),
            _all(str(one.missing) for one in several),
        )
    _print(table)


def _added(ends: Sequence[Ending], usual: float) -> str:
    if any(one.exit_code is None for one in ends):
        return "without end"
    seconds = [one.seconds - usual for one in ends if one.seconds is not None]
    return _spread(seconds, ".2f") if len(seconds) == len(ends) else "died before"


def _all(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def _over(rounds: Rounds, stock: Logger, what: Callable[[Measured], float]) -> list[float]:
    return [what(ours) / what(other) for ours, other in zip(rounds[OURS], rounds[stock], strict=True)]


def _over_added_cpu(rounds: Rounds, stock: Logger) -> list[float]:
    turns = zip(rounds[OURS], rounds[stock], rounds[OFF], strict=True)
    return [max(ours.cpu - off.cpu, 0) / max(other.cpu - off.cpu, _LEAST_DIFFERENCE) for ours, other, off in turns]


def _spread(values: Sequence[float], form: str) -> str:
    middle, least, most = (format(value, form) for value in (statistics.median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least} to {most})"


def _print(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else 140).print(table)
