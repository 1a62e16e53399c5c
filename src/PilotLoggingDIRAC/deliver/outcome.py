# SPDX-License-Identifier: GPL-3.0-only
"""What a round of deliveries has done."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Round:
    """What one round did for a VO.

    Attributes:
        delivered: Logs that a plugin has confirmed.
        failed: Logs that could not be delivered.
        works: Plugins that have confirmed something.
        down: Plugins that failed with log after log. Their other logs were not tried.
        unfinished: Whether the round was stopped before all was tried.
    """

    delivered: int = 0
    failed: int = 0
    works: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    unfinished: bool = False
