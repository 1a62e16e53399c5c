# SPDX-License-Identifier: GPL-3.0-only
"""The plan of ``make faults``: repeatable, bounded, and over before the pilots are."""

from __future__ import annotations

import pytest
from faultinjection import plan

STACKS = {
    "mariadb": plan.kinds_of(3, "mariadb", grid=False, may_mount=True),
    "sqlite": plan.kinds_of(1, "sqlite", grid=False, may_mount=True),
    "grid": plan.kinds_of(2, "mariadb", grid=True, may_mount=False),
}


@pytest.mark.parametrize("stack", STACKS)
def test_the_same_seed_gives_the_same_faults(stack: str) -> None:
    first = plan.draw(7, 600, STACKS[stack], 6)
    assert first == plan.draw(7, 600, STACKS[stack], 6)
    assert first != plan.draw(8, 600, STACKS[stack], 6)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("seed", range(10))
def test_never_more_than_two_at_once_and_one_for_each_target(stack: str, seed: int) -> None:
    faults = plan.draw(seed, 600, STACKS[stack], 6)
    assert len(faults) > 30
    assert max(fault.at + fault.seconds for fault in faults) < 600 * 0.9
    for fault in faults:
        others = [other for other in faults if other is not fault and other.at <= fault.at < other.at + other.seconds]
        assert len(others) <= 1
        assert fault.target not in [other.target for other in others]


@pytest.mark.parametrize("stack", STACKS)
def test_in_ten_minutes_everything_is_hit(stack: str) -> None:
    drawn = {(fault.kind, fault.target) for seed in range(3) for fault in plan.draw(seed, 600, STACKS[stack], 6)}
    assert drawn == {(kind.name, target) for kind in STACKS[stack] for target in kind.targets}
