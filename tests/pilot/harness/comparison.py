# SPDX-License-Identifier: GPL-3.0-only
"""Whether the log of a collector is what the pilot wrote to its standard output."""

from __future__ import annotations

import difflib
import re

_OWN = re.compile(r"[^ ]+ [A-Z]+ \[PilotLogging\] ")
_REDACTED = "[redacted]"
_SHOWN = 200


def differences(classic: str, remote: str) -> str:
    """The lines that stand in one log and not, or elsewhere, in the other, as a unified diff; empty if there are none.

    The module's own lines in the remote log do not count, nor do secrets that were taken out of it.
    """
    here = classic.split("\n")
    there = [line for line in remote.split("\n") if not _OWN.match(line)]
    if len(here) == len(there) and all(map(_same, here, there)):
        return ""
    unredacted = _with_secrets(here, there)
    if here == unredacted:
        return ""
    lines = difflib.unified_diff(here, unredacted, "classic log", "remote log", n=1, lineterm="")
    return "\n".join(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}... ({len(line)} characters)" for line in lines)


def _same(here: str, there: str) -> bool:
    return here == there or (_REDACTED in there and re.fullmatch(_pattern(there), here) is not None)


def _pattern(redacted: str) -> str:
    return ".+".join(re.escape(part) for part in redacted.split(_REDACTED))


def _with_secrets(here: list[str], there: list[str]) -> list[str]:
    """The remote lines, with those that were redacted put back as the classic log has them, wherever it has them."""
    originals = iter(line for line in here)
    seen: list[str] = []
    restored = []
    for line in there:
        if _REDACTED in line:
            pattern = re.compile(_pattern(line))
            match = next((text for text in seen if pattern.fullmatch(text)), None)
            while match is None:
                text = next(originals, None)
                if text is None:
                    break
                seen.append(text)
                if pattern.fullmatch(text):
                    match = text
            if match is not None:
                seen.remove(match)
                line = match
        restored.append(line)
    return restored
