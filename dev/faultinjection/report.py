# SPDX-License-Identifier: GPL-3.0-only
"""The table at the end, and the same for machines."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .oracle import KINDS, Finding

_SHOWN = 12
_MIB = 2**20


@dataclass
class Result:
    """One run.

    Attributes:
        quiet: longest time without any acknowledgement, in seconds
        memory: by component, the most resident bytes and the growth from the first third of the time to the last
    """

    configuration: str
    seconds: float
    seed: int
    pilots: int
    logs: int = 0
    figures: dict = field(default_factory=dict)
    repeated: int = 0
    stored_lines: int = 0
    stored_bytes: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    quiet: float = 0.0
    memory: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    unwell: Sequence[str] = ()
    remarks: Sequence[str] = ()
    settled_after: float = 0.0
    driver_cpu: float = 0.0

    @property
    def good(self) -> bool:
        return not self.findings and not self.unwell


def show(result: Result) -> None:
    """Print it."""
    figures = result.figures
    found = Counter(finding.kind for finding in result.findings)
    rows = {
        "configuration": result.configuration,
        "seconds, seed, pilots at a time": f"{result.seconds:g}, {result.seed}, {result.pilots}",
        "logs": str(result.logs),
        "messages acknowledged": f"{figures.get('messages', 0)}, {figures.get('lines', 0)} lines",
        "stored": f"{result.stored_lines} lines, {result.stored_bytes / _MIB:.1f} MiB",
        "sent again": str(figures.get("resends", 0)),
        "repeated text recognised": f"{result.repeated} messages",
        "refused": _counts(figures.get("refused", {})),
        "failed": _counts(figures.get("failed", {})),
        "cut on purpose": _counts(figures.get("mishaps", {})),
        "faults": _counts(result.faults),
        "longest time without an acknowledgement": f"{result.quiet:.1f} s",
        "settled after": f"{result.settled_after:.0f} s",
        "memory, most (growth)": ", ".join(
            f"{name} {most / _MIB:.0f} ({growth / _MIB:+.0f}) MiB" for name, (most, growth) in result.memory.items()
        ),
        "CPU of the pilots": f"{result.driver_cpu:.0f} s",
        **{kind: str(found[kind]) for kind in KINDS},
        "unwell": str(len(result.unwell)),
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"  {name:<{width}}  {value}")
    for remark in result.remarks[:_SHOWN]:
        print(f"faults: remark: {remark}")
    for problem in [*map(str, result.findings[:_SHOWN]), *result.unwell[:_SHOWN]]:
        print(f"faults: FOUND {problem}")


def write(result: Result, file: Path) -> None:
    """Write all of it as JSON."""
    content = vars(result) | {"findings": [str(finding) for finding in result.findings], "good": result.good}
    file.write_text(json.dumps(content, indent=2, default=str) + "\n")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
