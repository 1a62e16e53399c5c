# SPDX-License-Identifier: GPL-3.0-only
"""Several logs at a time, in one loop: what is waited for, what is given up, and what is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from PilotLoggingDIRAC.errors import NotFound, PilotLoggingError, Unavailable
from PilotLoggingDIRAC.terminal.follow import FollowedLog, follow_log, follow_together


class Scripted(FollowedLog[str]):
    """A log whose polls give what stands there; an error is raised, and the last one closes it."""

    def __init__(self, *polls: str | PilotLoggingError) -> None:
        super().__init__()
        self._polls = list(polls)
        self._begun = False

    @property
    def begun(self) -> bool:
        return self._begun

    def poll(self, follow: bool) -> Iterator[str]:
        given = self._polls.pop(0)
        if isinstance(given, PilotLoggingError):
            raise given
        self._begun = True
        self.open = bool(self._polls)
        yield given


AWAY = Unavailable("The collector does not answer.")


def test_one_that_is_away_costs_the_others_nothing_but_a_pause() -> None:
    pauses: list[float] = []
    failures: list[tuple[str, PilotLoggingError]] = []
    ended: list[str] = []
    gone = NotFound("It was removed.")
    logs = [
        ("a", Scripted("a1", AWAY, AWAY, "a2", "a3")),
        ("b", Scripted("b1", "b2", "b3")),
        ("c", Scripted("c1", gone)),
        ("d", Scripted(AWAY)),
    ]
    shown = list(
        follow_together(logs, True, lambda name, error: failures.append((name, error)), ended.append, pauses.append)
    )
    assert shown == [("a", "a1"), ("b", "b1"), ("c", "c1"), ("b", "b2"), ("b", "b3"), ("a", "a2"), ("a", "a3")]
    assert failures == [("d", AWAY), ("c", gone)]
    assert ended == ["b", "a"]
    assert pauses == [1, 1, 2, 1], "longer while somebody is away, and then as before"


def test_who_does_not_follow_does_not_wait() -> None:
    def no_sleep(_seconds: float) -> None:
        raise AssertionError("it waits")

    assert list(follow_log(Scripted("1", "2"), follow=False, sleep=no_sleep)) == ["1"]
    with pytest.raises(Unavailable):
        list(follow_log(Scripted(AWAY), follow=True, sleep=no_sleep))
