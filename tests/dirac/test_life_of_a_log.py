# SPDX-License-Identifier: GPL-3.0-only
"""The rows of ``docs/life-of-a-log.md`` that need real parts: two collectors, the agent, and a local directory.

Days go by in the database: times are moved back by hand, while an agent looks at it all the time.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.client import Client
from harness.sender import batch
from harness.stacks import RunningStack, dumped
from harness.waiting import until

_WAIT = 60.0


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack]) -> RunningStack:
    return own_stack("--collectors", "2")


@pytest.fixture(scope="module", autouse=True)
def agent(stack: RunningStack) -> Iterator[None]:
    with stack.cycling_agent():
        yield


def line(number: int) -> str:
    return f"2026-06-10T11:02:02.{number:06d}Z INFO [A] line {number}\n"


class Pilot:
    """A stock pilot that changes between the collectors from call to call, and its log."""

    def __init__(self, stack: RunningStack, vo: str = "alpha", stamp: str = "") -> None:
        self.stack, self.vo, self.stamp = stack, vo, stamp or uuid.uuid4().hex
        self._clients = [stack.client(f"{vo}_pilot", number) for number in (0, 1)]
        self.reader: Client = stack.client(f"{vo}_user", 1)

    def _next(self) -> Client:
        self._clients.reverse()
        return self._clients[0]

    def send(self, *numbers: int) -> None:
        assert self._next()("sendMessage", dumped("".join(map(line, numbers))), self.stamp, self.vo)["OK"]

    def finalise(self, code: int = 0) -> None:
        assert self._next()("finaliseLogs", dumped({"retCode": str(code)}), self.stamp, self.vo)["OK"]

    @property
    def row(self) -> dict[str, Any]:
        rows = self.stack.rows("SELECT * FROM PilotLogs WHERE VO = ? AND Stamp = ?", self.vo, self.stamp)
        return rows[0] if rows else {}

    def archived_with(self, *numbers: int) -> None:
        """Wait until the archive has these lines and no others, in one file, and a reader sees the same."""
        until(lambda: self.row["State"] == "Archived", _WAIT, "the log is archived")
        text = "".join(map(line, numbers))
        assert self.stack.archived(self.vo, self.stamp).read_text() == text
        assert len(self.files()) == 1
        assert self.reader.text_of(self.stamp) == text

    def files(self) -> dict[str, str]:
        """What the archive has of this stamp."""
        folder = self.stack.archived(self.vo, self.stamp).parent
        return {file.name: file.read_text() for file in folder.glob(f"{self.stamp}*")}

    def page(self) -> tuple[str, bool, int | None]:
        page = self.reader("readLog", self.stamp).value
        return page["state"], page["finalised"], page["exitCode"]

    def days_go_by(self, days: float) -> None:
        with self.stack.database() as connection:
            for column in ("FirstArrival", "LastArrival", "Archived"):
                connection.execute(
                    f"UPDATE PilotLogs SET {column} = datetime({column}, ?) WHERE VO = ? AND Stamp = ?",
                    [f"-{days} days", self.vo, self.stamp],
                )

    def expire(self) -> None:
        """A week goes by: the text leaves the database."""
        self.days_go_by(7)
        until(lambda: self.row["ExpiredChunkID"] == self.row["LastChunkID"] > 0, _WAIT, "the text expires")

    def be_forgotten(self) -> None:
        self.days_go_by(40)
        until(lambda: not self.row, _WAIT, "the row is forgotten")


@pytest.fixture
def pilot(stack: RunningStack) -> Pilot:
    return Pilot(stack)


def test_a_goodbye_through_another_collector(pilot: Pilot) -> None:
    pilot.send(1)
    pilot.finalise(4)
    assert pilot.row["ExitCode"] == 4
    pilot.send(2)
    pilot.archived_with(1, 2)
    pilot.finalise(0)
    assert pilot.page() == ("Archived", True, 0)


def test_a_goodbye_of_a_pilot_that_never_sent_a_line(pilot: Pilot) -> None:
    pilot.finalise(1)
    until(lambda: pilot.row["State"] == "Archived", _WAIT)
    assert pilot.page() == ("Archived", True, 1)
    assert (pilot.reader.text_of(pilot.stamp), pilot.files()) == ("", {})


def test_two_pilots_of_two_vos_with_one_stamp(stack: RunningStack, pilot: Pilot) -> None:
    other = Pilot(stack, "beta", pilot.stamp)
    pilot.send(1)
    other.send(2)
    pilot.finalise(3)
    other.finalise(0)
    pilot.archived_with(1)
    other.archived_with(2)
    assert (pilot.page()[2], other.page()[2]) == (3, 0)


def test_a_pilot_with_the_stamp_of_another_a_week_later(stack: RunningStack, pilot: Pilot) -> None:
    pilot.send(1)
    pilot.finalise(0)
    pilot.archived_with(1)
    pilot.expire()
    second = Pilot(stack, stamp=pilot.stamp)
    second.send(2)
    second.send(3)
    second.finalise(5)
    second.archived_with(1, 2, 3)
    assert second.page() == ("Archived", True, 5)


def test_a_pilot_with_the_stamp_of_another_forty_days_later(stack: RunningStack, pilot: Pilot) -> None:
    """The database knows nothing of the first any more, whose file stays what it is."""
    pilot.send(1, 2, 3)
    pilot.finalise(0)
    pilot.archived_with(1, 2, 3)
    pilot.be_forgotten()
    assert pilot.reader.text_of(pilot.stamp) == line(1) + line(2) + line(3)
    second = Pilot(stack, stamp=pilot.stamp)
    second.send(4)
    second.finalise(7)
    until(lambda: second.row["State"] == "Archived", _WAIT)
    assert second.files() == {
        f"{pilot.stamp}.log": line(1) + line(2) + line(3),
        f"{pilot.stamp}-2.log": line(4),
    }
    assert second.page() == ("Archived", True, 7)
    assert second.reader.text_of(pilot.stamp) == line(4)
    second.expire()
    assert second.reader.text_of(pilot.stamp) == line(4)


def test_a_suspended_pilot_comes_back(pilot: Pilot) -> None:
    pilot.send(1)
    pilot.days_go_by(4 / 24)
    pilot.archived_with(1)
    assert pilot.page() == ("Archived", False, None)
    pilot.send(2)
    assert pilot.page() == ("Open", False, None)
    pilot.finalise(0)
    pilot.archived_with(1, 2)
    assert pilot.page() == ("Archived", True, 0)


def test_late_lines_after_the_text_has_expired(pilot: Pilot) -> None:
    pilot.send(1)
    pilot.finalise(0)
    pilot.archived_with(1)
    for number in (2, 3):
        pilot.expire()
        pilot.send(number)
        assert pilot.reader.text_of(pilot.stamp) == "".join(map(line, range(1, number + 1)))
        pilot.archived_with(*range(1, number + 1))
    pilot.be_forgotten()
    assert pilot.reader.text_of(pilot.stamp) == "".join(map(line, (1, 2, 3)))


def test_a_vo_that_leaves_the_registry_while_logs_wait(stack: RunningStack, pilot: Pilot) -> None:
    """They are stored as ``/Operations`` says for it, and operators can read them."""
    pilot.send(1)
    with stack.database() as connection:
        connection.execute("UPDATE PilotLogs SET VO = 'gone' WHERE Stamp = ?", [pilot.stamp])
    pilot.vo = "gone"
    pilot.days_go_by(4 / 24)
    until(lambda: pilot.row["State"] == "Archived", _WAIT)
    assert pilot.files() == {f"{pilot.stamp}.log": line(1)}
    assert stack.client("operator").text_of(pilot.stamp, "gone") == line(1)
    as_host = stack.as_host()
    assert not as_host("sendMessage", dumped(line(2)), pilot.stamp, "gone")["OK"], "it can write no more"


def test_a_session_goes_on_after_the_text_has_expired(stack: RunningStack, stamp: str) -> None:
    """The numbers of a sender are known for as long as the log's row: what comes again is not stored again."""
    pilot = Pilot(stack, stamp=stamp)
    sender = stack.client("alpha_pilot")
    assert sender("appendLog", batch(stamp, 1, line(1), final={"retCode": 0}))["OK"]
    pilot.archived_with(1)
    pilot.expire()
    assert sender("appendLog", batch(stamp, 1, line(1)))["OK"]
    assert pilot.row["State"] == "Archived"
    assert sender("appendLog", batch(stamp, 2, line(2)))["OK"]
    pilot.archived_with(1, 2)
