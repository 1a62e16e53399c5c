# SPDX-License-Identifier: GPL-3.0-only
"""A pilot's log as a collector has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RemoteLog:
    """What ``readLog`` says of a log.

    Attributes:
        exit_code: What the pilot said at its end; None if it said nothing.
        finalised: Whether it said that it ends.
        gaps: Numbers that have not come.
    """

    text: str
    finalised: bool
    exit_code: int | None
    gaps: list[Any]


def remote_log(stack: Any, stamp: str, vo: str = "alpha", collector: int = 0) -> RemoteLog | None:
    """Read a whole log from a collector of a stack; None if it has none of that stamp."""
    client = stack.client(f"{vo}_user", collector)
    first = client("readLog", stamp, vo)
    if not first["OK"]:
        return None
    pages = client.pages(stamp, vo)
    last = pages[-1]
    return RemoteLog("".join(page["text"] for page in pages), last["finalised"], last["exitCode"], last["gaps"])
