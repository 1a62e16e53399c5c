# SPDX-License-Identifier: GPL-3.0-only
"""When a failed delivery is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.deliver.backoff import compute_backoff


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (10**9, 60)]
)
def test_pauses_grow_up_to_an_hour(attempts: int, minutes: int) -> None:
    assert compute_backoff(attempts, jitter=0) == timedelta(minutes=minutes)
    assert compute_backoff(attempts, jitter=1) == timedelta(minutes=minutes) * 0.75


@given(st.integers(1, 100))
def test_pauses_are_spread(attempts: int) -> None:
    longest = compute_backoff(attempts, jitter=0)
    assert longest * 0.75 <= compute_backoff(attempts) <= longest


def test_pauses_differ() -> None:
    assert len({compute_backoff(5) for _ in range(20)}) > 1
