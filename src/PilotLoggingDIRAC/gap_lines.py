# SPDX-License-Identifier: GPL-3.0-only
"""What a reader is shown where messages are missing, or text was erased."""

from __future__ import annotations

from collections.abc import Sequence

from .model import Gap


def insert_gap_lines(text: str, gaps: Sequence[Gap]) -> str:
    """A text with a line for each gap, where it is."""
    pieces, end = [], 0
    for gap in gaps:
        pieces += [text[end : gap.offset], format_gap(gap)]
        end = gap.offset
    return "".join([*pieces, text[end:]])


def format_gap(gap: Gap) -> str:
    """The line that a reader is shown in the place of a gap."""
    if gap.erased:
        lines = "1 line" if gap.first == 1 else f"{gap.first} lines"
        return f"[... text of {lines} was erased here {gap.erased} ...]\n"
    missing = f"message {gap.first} is" if gap.first == gap.last else f"messages {gap.first} to {gap.last} are"
    return f"[... {missing} missing here (session {gap.session}) ...]\n"
