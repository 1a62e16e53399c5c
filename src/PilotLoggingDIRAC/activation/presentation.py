"""What ``dirac-pilot-logs-config`` says, on a terminal or in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from ..terminal.collector_status import Table
from ..terminal.render import coloured, lines_of
from ..text import one_line
from .findings import Finding, State, number, summary
from .mistakes import Mistake
from .report import Report

Line = tuple[str, str]
"""A line, and its style on a terminal."""

_STYLES = {State.OK: "green", State.TODO: "bold red", State.NOTE: "yellow", State.NOT_TRIED: "yellow"}


def render_report(report: Report, terminal: bool) -> str:
    """What a pilot would do, what is wrong, and then option by option."""
    return _shown([*_verdicts(report), *_mistakes(report.mistakes)], report.tables(), terminal)


def render_verdicts(reports: Sequence[Report], terminal: bool, more: Sequence[Mistake] = ()) -> str:
    """What pilots do in several places, and what is wrong there and elsewhere; nothing is said twice."""
    lines = [line for report in reports for line in _verdicts(report)]
    lines += _mistakes([each for report in reports for each in report.mistakes])
    lines += _mistakes(more)
    return _shown(list(dict.fromkeys(lines)), [], terminal)


def render_changes(lines: Sequence[str], terminal: bool) -> str:
    """A difference."""
    styles = {"  -": "red", "  +": "green"}
    return _shown([(line, styles.get(line[:3], "bold")) for line in lines], [], terminal)


def render_findings(findings: Sequence[Finding], terminal: bool) -> str:
    """One line for each thing that was tried."""
    width = max(len(state.value) for state in State)
    heading = (summary(findings), "bold red" if number(findings, State.TODO) else "bold green")
    lines = [
        (f"{each.state.value.ljust(width)}  {each.about}: {each.sentence}", _STYLES[each.state])
        for each in _in_one_line(findings)
    ]
    return _shown([heading, *lines], [], terminal)


def _in_one_line(findings: Sequence[Finding]) -> list[Finding]:
    """What could not be tried for the same reason is one line, at the end."""
    why: dict[str, list[str]] = {}
    for each in findings:
        if each.state is State.NOT_TRIED:
            why.setdefault(each.sentence, []).append(each.about)
    untried = [Finding(", ".join(dict.fromkeys(abouts)), State.NOT_TRIED, said) for said, abouts in why.items()]
    return [*(each for each in findings if each.state is not State.NOT_TRIED), *untried]


def _verdicts(report: Report) -> list[Line]:
    return [(sentence, "bold green" if sends else "bold yellow") for sentence, sends in report.sentences()]


def _mistakes(mistakes: Sequence[Mistake]) -> list[Line]:
    return [
        (f"{'PROBLEM' if each.grave else 'NOTE'}: {each.sentence}", "bold red" if each.grave else "yellow")
        for each in mistakes
    ]


def _shown(lines: Sequence[Line], tables: Sequence[Table], terminal: bool) -> str:
    if terminal:
        return coloured(lines, tables)
    plain = [one_line(line, len(line)) for line, _ in lines]
    return "".join(f"{line}\n" for line in [*plain, *(line for table in tables for line in lines_of(table))])
