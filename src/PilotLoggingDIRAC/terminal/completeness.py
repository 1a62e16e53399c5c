# SPDX-License-Identifier: GPL-3.0-only
"""How a log was sent (by the worker-node module, the pilot's own remote logger, or both), and is it complete?

The module's own lines have the name ``[PilotLogging]``. Its first one names its version and session; one with the level
WARN says that something is missing, but for those about a wrong configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..gap_lines import format_gap
from ..model import Gap, LogState
from ..text import one_line
from .tail import Reply

_OWN = re.compile(r"[-\dT:.]{1,40}Z (INFO|WARN|ERROR) \[PilotLogging\] (.*)")
_FIRST = re.compile(r"Worker-node module (\S{1,50}) sends this log, session (\S{1,64})")
_VERSION = re.compile(r"\bPilotLogging/(\S{1,50})")
_CONFIGURATION = "The configuration is wrong"
_LONGEST_OWN = 2000
_LONGEST_QUOTED = 300


@dataclass
class Findings:
    """What a log tells.

    Attributes:
        reply: The last page's.
        sessions: Of the module, with the version of each.
        before: Lines above the module's first one.
        losses: Where the module says that something is missing.
        remarks: What else it says that somebody should read.
        gaps: Messages that are missing.
    """

    reply: Reply
    sessions: list[tuple[str, str]] = field(default_factory=list)
    before: int = 0
    losses: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    gaps: list[Mapping[str, Any]] = field(default_factory=list)


def examine(read: Callable[[str | None], Reply]) -> Findings:
    """Read a log from its beginning to its present end.

    Args:
        read: ``readLog`` from a cursor on.

    Raises:
        NotFound, Rejected, Unavailable: As ``read`` does.
    """
    findings = Findings({})
    for line in _lines(read, findings):
        own = _OWN.match(line)
        if own is None:
            findings.before += not findings.sessions
            continue
        level, message = own.groups()
        first = _FIRST.match(message)
        if first:
            findings.sessions.append((first[1], first[2]))
        elif message.startswith(_CONFIGURATION) or level == "ERROR":
            findings.remarks.append(one_line(message, _LONGEST_QUOTED))
        elif level == "WARN":
            findings.losses.append(one_line(message, _LONGEST_QUOTED))
    return findings


def _lines(read: Callable[[str | None], Reply], findings: Findings) -> Iterator[str]:
    """The lines, each no longer than what matters of it."""
    cursor, rest = None, ""
    while True:
        findings.reply = reply = read(cursor)
        findings.gaps += reply["gaps"]
        *lines, last = str(reply["text"]).split("\n")
        for line in lines:
            yield rest + line
            rest = ""
        rest = (rest + last)[:_LONGEST_OWN]
        if not reply["more"]:
            break
        cursor = reply["cursor"]
    if rest:
        yield rest


def verdict(findings: Findings, pilot_version: str | None) -> tuple[list[str], bool]:
    """Plain sentences, the last one beginning with OK or NOT OK; and whether the module sent the log, and all of it.

    Args:
        pilot_version: ``PilotVersion`` in the list of logs, which only ``appendLog`` sets; None or empty if it is not.
    """
    named = _VERSION.search(pilot_version or "")
    parts = [_sender(findings, named[1] if named else ""), _gaps(findings), _end(findings.reply), _losses(findings)]
    sentences = [_what(findings.reply), *(sentence for part, _ in parts for sentence in part)]
    problems = [problem for _, problem in parts if problem]
    if problems:
        return [*sentences, f"NOT OK: {', '.join(problems)}."], False
    return [*sentences, "OK: the worker-node module was used, and the log is complete."], True


_Part = tuple[list[str], str]
"""Sentences, and what is not well; empty if all is."""


def _what(reply: Reply) -> str:
    size = "" if reply["lines"] is None else f", {reply['lines']} lines, {reply['bytes']} bytes"
    return f"Log {reply['stamp']} of VO {reply['vo']}: {reply['state']}{size}."


def _sender(findings: Findings, version: str) -> _Part:
    sentences = [
        f"Sent by the worker-node module {version}, session {session}." for version, session in findings.sessions
    ]
    if not sentences and version:
        return [f"Sent by the worker-node module {version}, whose first line is missing."], ""
    if not sentences:
        return ["Sent by the pilot's own remote logger."], "the worker-node module was not used"
    if len(sentences) > 1:
        sentences.append("More than one pilot process had this stamp.")
    if findings.before:
        sentences.append(f"The {findings.before} lines above its first one came from the pilot's own remote logger.")
    return sentences, ""


def _gaps(findings: Findings) -> _Part:
    erased = [gap for gap in findings.gaps if gap.get("erased")]
    missing = [gap for gap in findings.gaps if not gap.get("erased")]
    said = [_sentence(Gap(**gap)) for gap in erased]
    if not missing:
        return ["No message is missing.", *said], ""
    return [
        *(f"Missing: messages {gap['first']} to {gap['last']} of session {gap['session']}." for gap in missing),
        *said,
    ], "messages are missing"


def _sentence(gap: Gap) -> str:
    said = format_gap(gap).strip("[]. \n")
    return f"{said[0].upper()}{said[1:]}."


def _end(reply: Reply) -> _Part:
    if reply["finalised"]:
        code = "no exit code" if reply["exitCode"] is None else f"exit code {reply['exitCode']}"
        return [f"The pilot said goodbye with {code}."], ""
    if reply["finalised"] is None:
        return ["Only the archive knows this log, and not how the pilot ended."], "its end is not known"
    why = "it may still run" if reply["state"] == LogState.OPEN else "it was killed, or could not say so"
    return [f"The pilot has not said goodbye: {why}."], "the pilot has not said goodbye"


def _losses(findings: Findings) -> _Part:
    sentences = [f"The module says: {remark}" for remark in findings.remarks]
    losses = [f"Missing: {loss}" for loss in findings.losses]
    if findings.reply["truncated"]:
        losses.append(f"Missing: {findings.reply['truncated']} bytes of the middle, for the VO's MaxLogSize.")
    return sentences + losses, "text was left out" if losses else ""
