# SPDX-License-Identifier: GPL-3.0-only
"""Lines that were written over, such as progress bars: ``10%\\r20%\\r...100%\\n``.

What is shown of such a line is its last state: the last part between carriage returns that is not blank. The header of
its message stays. A terminal would leave standing what a shorter state does not cover; nobody wants to read that.

The same is done in the browser (``last-state.js``); both are tested with the cases of one table.
"""

from __future__ import annotations

import re

TERMINAL = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))")
"""Colours, cursor movements and the erasing of lines, whole."""
_BLANK = b" \t\r"


def last_state(line: bytes, message: int = 0) -> bytes:
    """What is shown of a line that was written over; any other line as it is.

    Args:
        line: Without its end.
        message: Where the message begins: behind the header, which stays.

    Returns:
        Header and last state, without colours; no state if all are blank.
    """
    if b"\r" not in line:
        return line
    head = TERMINAL.sub(b"", line[:message])
    return head[head.rfind(b"\r") + 1 :] + last_of(line[message:])[0]


def last_of(states: bytes) -> tuple[bytes, bool]:
    """The last that is not blank, without colours and without blanks at its end; and whether anything is before it."""
    _, before, state = TERMINAL.sub(b"", states).rstrip(_BLANK).rpartition(b"\r")
    return state, bool(before)
