# SPDX-License-Identifier: GPL-3.0-only
"""What a check found: each thing that was tried is well, or says what to do, or could not be tried here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a thing that was tried is."""

    OK = "ok"
    TODO = "to do"
    NOTE = "note"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried.

    Attributes:
        about: What, in a few words.
        state: How it is.
        sentence: What was seen, or what to do.
    """

    about: str
    state: State
    sentence: str


def summary(findings: Sequence[Finding]) -> str:
    """The first line, for those who read no further."""
    to_do, untried = number(findings, State.TODO), number(findings, State.NOT_TRIED)
    beside = f" {untried} could not be tried here." if untried else ""
    if not to_do:
        return f"OK: nothing has to be done.{beside}"
    return f"PROBLEM: {to_do} thing{'s' if to_do > 1 else ''} to do.{beside}"


def number(findings: Iterable[Finding], state: State) -> int:
    """How many are so."""
    return sum(finding.state is state for finding in findings)


def as_document(findings: Sequence[Finding]) -> dict[str, object]:
    """For programs."""
    return {
        "ok": not number(findings, State.TODO),
        "checks": [{"about": each.about, "state": each.state.value, "sentence": each.sentence} for each in findings],
    }
