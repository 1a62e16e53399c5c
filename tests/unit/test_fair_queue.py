# SPDX-License-Identifier: GPL-3.0-only
"""How the writer's queue is shared out among VOs."""

from __future__ import annotations

import itertools

import pytest

from PilotLoggingDIRAC.store.fair_queue import FairQueue


def fill(queue: FairQueue[str], vo: str, size: int = 10) -> int:
    """Put until it is refused; gives how many bytes came in."""
    return next(number for number in itertools.count() if not queue.put(vo, size, f"{vo}{number}")) * size


def test_one_takes_the_most_and_leaves_room_for_others() -> None:
    queue: FairQueue[str] = FairQueue(1000)
    taken = [fill(queue, vo) for vo in ("flood", "second", "third")]
    assert 800 <= taken[0] <= 820
    assert taken[1] > 100
    assert taken[2] > 20
    assert queue.size == sum(taken) <= 1000
    queue.done("flood", taken[0])
    assert fill(queue, "second"), "what is done makes room"


@pytest.mark.parametrize("large", [1000, 10])
def test_each_gets_as_much_in_a_batch(large: int) -> None:
    queue: FairQueue[str] = FairQueue(10**6)
    for number in range(300):
        queue.put("flood", large, f"flood{number}")
    for number in range(3):
        queue.put("quiet", 10, f"quiet{number}")
    taken = queue.take(8, 8000)
    assert [each for each in taken if each.startswith("quiet")] == ["quiet0", "quiet1", "quiet2"]
    flood = [each for each in taken if each.startswith("flood")]
    assert flood == [f"flood{number}" for number in range(len(flood))], "in order"
    assert flood


def test_messages_larger_than_a_batch_do_not_keep_others_out() -> None:
    queue: FairQueue[str] = FairQueue(10**6)
    for number in range(3):
        queue.put("flood", 5000, f"flood{number}")
    queue.put("quiet", 10, "quiet")
    assert [queue.take(8, 3000) for _ in range(3)] == [["flood0"], ["quiet", "flood1"], ["flood2"]]


def test_what_waits_is_given_after_the_end() -> None:
    queue: FairQueue[str] = FairQueue(1000)
    assert queue.put("alpha", 1, "one")
    queue.close()
    assert not queue.put("alpha", 1, "two")
    assert (queue.take(1, 1), queue.take(1, 1)) == (["one"], [])
