# SPDX-License-Identifier: GPL-3.0-only
"""What most tests of whole pilots check."""

from __future__ import annotations

import re
from typing import Any

from .comparison import differences
from .pilots import Pilot
from .remote import RemoteLog, remote_log
from .runs import Result

_SAME = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{6}Z"), "TIME"),
    (re.compile(r"(DiskSpace \(MB\)|FreeMem\. \(kB\)|Memory \(kB\)|CPU \(MHz\)) += .*"), r"\1"),
    (re.compile(r"-g \d+"), "-g PID"),
    (re.compile(r"took [\d.]+ s"), "took SECONDS"),
]
"""What two runs of one pilot differ in."""


def masked(pilot: Pilot, text: str) -> str:
    """What must be the same in every run of this pilot."""
    text = text.replace(str(pilot.folder), "FOLDER").replace(pilot.stamp, "STAMP")
    for pattern, word in _SAME:
        text = pattern.sub(word, text)
    return text


def unharmed(pilot: Pilot, with_module: Result, other: Pilot, without: Result) -> None:
    """Check that a pilot with the module did, said and left what one without it did, and as quickly."""
    assert with_module.status == without.status
    assert with_module.wrapper_status == without.wrapper_status
    for name in ("output", "errors", "pilot_out"):
        here, there = masked(pilot, getattr(with_module, name)), masked(other, getattr(without, name))
        assert here == there, f"{name}, with the module and without it:\n{differences(here, there)}"
    assert not [name for name in with_module.left if name.startswith(".pilotlogging")]
    assert with_module.seconds < without.seconds + 60, "half of its exit time"


def complete(stack: Any, result: Result) -> RemoteLog:
    """Check that the collector has the whole log of a pilot, and that it knows of its end."""
    log = remote_log(stack, result.stamp)
    assert log is not None, result.output
    different = differences(result.output, log.text)
    assert not different, different
    assert log.finalised
    assert not log.gaps
    assert log.exit_code == result.exit_code
    return log
