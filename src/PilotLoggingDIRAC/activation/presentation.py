# SPDX-License-Identifier: GPL-3.0-only
"""What ``dirac-pilot-logs-config`` says, on a terminal or in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from ..terminal.appearance import Look
from ..terminal.render import render
from ..terminal.table import Cell
from .findings import Finding, State, number, summary
from .mistakes import Mistake
from .report import Report

_STYLES = {State.OK: "green", State.TODO: "bold red", State.NOTE: "yellow", State.NOT_TRIED: "yellow"}


def render_report(report: Report, look: Look, width: int) -> str:
    """What a pilot would do, what is wrong, and then option by option."""
    return render([*_verdicts(report), *_mistakes(report.mistakes)], report.tables(), look, width)


def render_verdicts(reports: Sequence[Report], more: Sequence[Mistake], look: Look, width: int) -> str:
    """What pilots do in several places, and what is wrong there and elsewhere; nothing is said twice."""
    lines = [line for report in reports for line in _verdicts(report)]
    lines += _mistakes([each for report in reports for each in report.mistakes])
    lines += _mistakes(more)
    return render(list(dict.fromkeys(lines)), [], look, width)


def render_changes(lines: Sequence[str], look: Look, width: int) -> str:
    """A difference."""
    styles = {"  -": "red", "  +": "green"}
    return render([Cell(line, styles.get(line[:3], "bold")) for line in lines], [], look, width)


def render_findings(findings: Sequence[Finding], look: Look, width: int) -> str:
    """One line for each thing that was tried."""
    longest = max(len(state.value) for state in State)
    heading = Cell(summary(findings), "bold red" if number(findings, State.TODO) else "bold green")
    lines = [
        Cell(f"{each.state.value.ljust(longest)}  {each.about}: {each.sentence}", _STYLES[each.state])
        for each in _in_one_line(findings)
    ]
    return render([heading, *lines], [], look, width)


def _in_one_line(findings: Sequence[Finding]) -> list[Finding]:
    """What could not be tried for the same reason is one line, at the end."""
    why: dict[str, list[str]] = {}
    for each in findings:
        if each.state is State.NOT_TRIED:
            why.setdefault(each.sentence, []).append(each.about)
    untried = [Finding(", ".join(dict.fromkeys(abouts)), State.NOT_TRIED, said) for said, abouts in why.items()]
    return [*(each for each in findings if each.state is not State.NOT_TRIED), *untried]


def _verdicts(report: Report) -> list[Cell]:
    return [Cell(sentence, "bold green" if sends else "bold yellow") for sentence, sends in report.sentences()]


def _mistakes(mistakes: Sequence[Mistake]) -> list[Cell]:
    return [
        Cell(f"{'PROBLEM' if each.grave else 'NOTE'}: {each.sentence}", "bold red" if each.grave else "yellow")
        for each in mistakes
    ]
