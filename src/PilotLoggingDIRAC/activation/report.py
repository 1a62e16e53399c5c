# SPDX-License-Identifier: GPL-3.0-only
"""All that ``dirac-pilot-logs-config show`` says: what a pilot would do and why, option by option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..terminal.table import Table, columns
from .decision import Decision, Sender, command_line, decide, white_list
from .mistakes import PILOT, SYNCHRONIZER, Mistake
from .sections import Options, as_components_read, as_pilot_reads
from .worker_node import NUMBERS

ANY_OTHER = "any other CE"
_NO_CE = "\0"
_DEFAULTS = {
    "RemoteLogging": "false",
    "PilotLogLevel": "INFO",
    **{name: each.default for name, each in NUMBERS.items()},
}
_COLUMNS = columns(("option", "value", "decided by"), ("value", "decided by"))


class Row(NamedTuple):
    """One option as it holds.

    Attributes:
        path: Where it stands; empty for a default.
        overridden: Where it stands as well, and counts less.
    """

    option: str
    value: str
    path: str
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What holds for a VO.

    Attributes:
        vo: The VO.
        verdicts: Where, and what a pilot does there.
        pilot: What pilots read.
        components: What collector, agent and portal read.
        synchronizer: What brings files to the pilots; the same for all VOs.
        mistakes: What is wrong in it.
    """

    vo: str
    verdicts: Sequence[tuple[str, Decision]]
    pilot: Sequence[Row]
    components: Sequence[Row]
    synchronizer: Sequence[Row]
    mistakes: Sequence[Mistake]

    def as_document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "vo": self.vo,
            "pilots": [
                {"where": where, "sends": each.sends, "by": each.sender.name, "to": each.urls, "reason": each.reason}
                for where, each in self.verdicts
            ],
            "pilotReads": [row._asdict() for row in self.pilot],
            "collectorAndAgentRead": [row._asdict() for row in self.components],
            "synchronizerReads": [row._asdict() for row in self.synchronizer],
            "mistakes": [{"grave": each.grave, "sentence": each.sentence} for each in self.mistakes],
        }

    @property
    def sends(self) -> bool:
        """Whether pilots send, anywhere."""
        return any(decision.sends for _, decision in self.verdicts)

    def sentences(self) -> list[tuple[str, bool]]:
        """The verdicts, and whether each is that something is sent."""
        return [(sentence(self.vo, where, decision), decision.sends) for where, decision in self.verdicts]

    def tables(self) -> list[Table]:
        """Option by option."""
        return [
            Table("What pilots read", _COLUMNS, [_cells(row) for row in self.pilot]),
            Table("What collector, agent and portal read", _COLUMNS, [_cells(row) for row in self.components]),
            Table("What brings files to the pilots of all VOs", _COLUMNS, [_cells(row) for row in self.synchronizer]),
        ]


def sentence(vo: str, where: str, decision: Decision) -> str:
    """What a pilot does somewhere, and why."""
    begin = f"Pilots of {vo} on {where}"
    if decision.sends:
        return f"{begin} send their log by {decision.sender.value}, to {', '.join(decision.urls)}: {decision.reason}"
    if decision.sender is Sender.FATAL:
        return f"{begin} end at their start: {decision.reason}"
    return f"{begin} send nothing: {decision.reason}"


def verdicts(options: Options, ce: str, queues: Mapping[str, str]) -> list[tuple[str, Decision]]:
    """What pilots do: on one CE, with those of its queues that change it, or on those of the white list and elsewhere.

    Args:
        options: As the pilot reads them.
        ce: The CE; empty for all.
        queues: Those of the CE's queues that add to the pilot's command line, and what.
    """
    if not ce:
        names = [name for name in white_list(options) or () if name]
        elsewhere = decide(options, _NO_CE)
        if not names:
            return [("every CE", elsewhere)]
        return [*((name, decide(options, name)) for name in names), (ANY_OTHER, elsewhere)]
    found = [(ce, decide(options, ce))]
    for queue, extra in queues.items():
        try:
            on_queue = decide(options, ce, command_line(extra))
        except ValueError as error:
            on_queue = Decision(Sender.FATAL, (), f"it cannot read its ExtraPilotOptions {extra!r}: {error}.")
        if on_queue != found[0][1]:
            found.append((f"{ce}, queue {queue} (ExtraPilotOptions = {extra})", on_queue))
    return found


def pilot_rows(operations: Mapping[str, Any], vo: str, setup: str) -> list[Row]:
    """What pilots read, in the order of its importance."""
    options = as_pilot_reads(operations, vo, setup)
    return [_row(name, options, _DEFAULTS.get(name, "")) for name in PILOT]


def synchronizer_rows(operations: Mapping[str, Any]) -> list[Row]:
    """What DIRAC's PilotSyncAgent and SiteDirector read."""
    options = as_components_read(operations, "Defaults")
    return [_row(name, options, "") for name in SYNCHRONIZER]


def component_rows(
    operations: Mapping[str, Any], vo: str, defaults: Mapping[str, str], section: str = "Pilot"
) -> list[Row]:
    """What the components read in one section.

    Args:
        operations: The whole ``/Operations`` section.
        vo: The VO.
        defaults: The options that there are, with their defaults as people would write them.
        section: ``Pilot``, or the one of a plugin below it, whose options may stand in ``Pilot`` as well.
    """
    options = as_components_read(operations, vo)
    if section != "Pilot":
        options = {**options, **as_components_read(operations, vo, section)}
    prefix = f"{section.removeprefix('Pilot/')}/" if section != "Pilot" else ""
    return [_row(name, options, default, prefix) for name, default in defaults.items()]


def _row(name: str, options: Options, default: str, prefix: str = "") -> Row:
    option = options.get(name)
    if option is None:
        return Row(f"{prefix}{name}", default, "")
    value = "(a section)" if isinstance(option.value, Mapping) else str(option.value)
    return Row(f"{prefix}{name}", value, option.path, option.overridden)


def _cells(row: Row) -> list[str]:
    where = row.path or "default"
    if row.overridden:
        where += f" (also in {', '.join(row.overridden)})"
    return [row.option, row.value or "-", where]
