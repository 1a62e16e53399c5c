# SPDX-License-Identifier: GPL-3.0-only
"""The figures of a trial, for people and for docs/performance.md."""

from collections import defaultdict

from .run import PHASES, Load, Result
from .truth import Verdict

_AIM = 1.0
"""Seconds: the p99 of the steady phase that is good."""


def show(load: Load, result: Result, verdict: Verdict) -> None:
    """Print all but the last line."""
    measured = result.measured
    print(
        f"\n{load.pilots:,} pilots ({load.stock:.0%} stock), a message of 5 kB each {load.period:g} s; "
        f"{load.collectors} collectors, {load.database}; {result.connections:,} TLS connections at one time\n"
    )
    print(f"{'phase':<8} {'s':>6} {'due/s':>8} {'acked/s':>8} {'p50':>9} {'p99':>9} {'p99.9':>9}")
    for phase in PHASES:
        lasted = result.lasted[phase]
        acknowledged = measured.acknowledged(phase)
        quantiles = " ".join(f"{_time(measured.quantile(phase, share)):>9}" for share in (0.5, 0.99, 0.999))
        print(
            f"{phase:<8} {lasted:>6.0f} {measured.due[phase] / lasted:>8.0f} {acknowledged / lasted:>8.0f} {quantiles}"
        )
    print("\nattempts that failed, by reason")
    for reason, count in measured.refusals.most_common():
        print(f"{count:>9,}  {reason}")
    print(f"{measured.resends:>9,}  messages sent again")
    _show_processes(result)
    print(
        f"\ndatabase {result.database_bytes / 1e9:.2f} GB for {verdict.bytes / 1e9:.2f} GB of text; "
        f"{result.waiting_for_delivery:,} ended logs wait for their delivery"
    )
    for example in verdict.examples:
        print(f"WRONG {example}")


def _show_processes(result: Result) -> None:
    """Collectors and clients are added up: they are alike."""
    cores: dict[str, float] = defaultdict(float)
    memory: dict[str, int] = defaultdict(int)
    names: dict[str, int] = defaultdict(int)
    for name, most in result.memory.items():
        kind = name.rstrip("0123456789").rstrip("-")
        names[kind] += 1
        memory[kind] += most
        cores[kind] += result.cpu.get("steady", {}).get(name, 0.0) / result.lasted["steady"]
    print(f"\n{'processes':<14} {'':>3} {'cores, steady':>14} {'memory, most':>14}")
    for kind, number in names.items():
        print(f"{kind:<14} {number:>3} {cores[kind]:>14.2f} {memory[kind] / 1e6:>11.0f} MB")


def _time(seconds: float) -> str:
    if seconds != seconds:
        return "-"
    return f"{1000 * seconds:.0f} ms" if seconds < 10 else f"{seconds:.0f} s"


def summary(load: Load, result: Result, verdict: Verdict, *, any_speed: bool) -> tuple[str, bool]:
    """The last line, and whether it is good news."""
    p99 = result.measured.quantile("steady", 0.99)
    drained = "in no time it was given" if result.storm_drained is None else f"in {result.storm_drained:.0f} s"
    line = (
        f"scale: {load.pilots} pilots, {verdict.acknowledged} messages acknowledged, p99 {1000 * p99:.0f} ms, "
        f"storm drained {drained}, {verdict.lost} lost, {verdict.doubled} doubled"
    )
    good = verdict.is_good and result.storm_drained is not None and result.not_sent == 0
    return line, good and (any_speed or p99 < _AIM)
