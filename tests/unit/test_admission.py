# SPDX-License-Identifier: GPL-3.0-only
"""What keeps one VO from taking the whole collector."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.ingest.admission import Admission
from PilotLoggingDIRAC.model import Append, Final, LogKey
from PilotLoggingDIRAC.settings import VOSettings
from PilotLoggingDIRAC.store import usage
from PilotLoggingDIRAC.store.usage import ROW_SIZE, Usage

NO_LIMITS = {"MaxMessageRate": 0, "MaxTextRate": 0, "Quota": 0, "MaxOpenLogs": 0}


class Disk:
    """A disk that can be full."""

    full = False

    def check(self) -> None:
        if self.full:
            raise Unavailable("The disk is full.", reason="disk")


class Situation:
    """An admission with a clock, a disk and a database that do as they are told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stored: dict[str, Usage] = {}
        self.away = False
        self.disk = Disk()
        self.admission = Admission(self.usage, self.disk, lambda: self.now, every=3600)
        self.admission.look()

    def usage(self) -> dict[str, Usage]:
        if self.away:
            raise Unavailable("The database is away.")
        return dict(self.stored)

    def taken(
        self, vo: str = "alpha", size: int = 300, count: int = 1, stamp: str = "", other: Any = None, **options: Any
    ) -> int:
        """How many of so many messages come in, of a log each where no stamp is given; ``other`` is in each of them.

        Args:
            size: Of the text and its row.
        """
        settings = VOSettings.model_validate(NO_LIMITS | options)
        for number in range(count):
            append = Append(LogKey(vo, stamp or uuid.uuid4().hex), b"x" * (size - ROW_SIZE), **(other or {}))
            try:
                self.admission.check(append, settings)
            except Unavailable:
                return number
        return count

    def refusal(self, stamp: str = "b" * 32, other: Any = None, **options: Any) -> tuple[str, str]:
        append = Append(LogKey("alpha", stamp), **({"data": b"text\n"} | (other or {})))
        with pytest.raises(Unavailable) as error:
            self.admission.check(append, VOSettings.model_validate(NO_LIMITS | options))
        return error.value.reason, str(error.value)


@pytest.fixture
def situation() -> Any:
    situation = Situation()
    yield situation
    situation.admission.close()


def test_without_limits_everything_comes_in(situation: Situation) -> None:
    assert situation.taken(count=10_000) == 10_000


def test_a_rate_holds_over_ten_seconds(situation: Situation) -> None:
    assert situation.taken(count=1000, MaxMessageRate=5) == 50
    assert situation.refusal(MaxMessageRate=5) == (
        "rate",
        "VO alpha sends more than 5 messages a second (MaxMessageRate): send it later.",
    )
    situation.now += 2
    assert situation.taken(count=1000, MaxMessageRate=5) == 10
    situation.now += 3600
    assert situation.taken(count=1000, MaxMessageRate=5) == 50


def test_a_text_rate_takes_messages_whole(situation: Situation) -> None:
    assert situation.taken(size=15_000, count=9, MaxTextRate=1000) == 1, "larger than ten seconds' worth"
    assert situation.refusal(MaxTextRate=1000)[0] == "rate"
    situation.now += 5.5
    assert situation.taken(size=300, count=9, MaxTextRate=1000) == 2


def test_a_vo_is_no_trouble_for_another_one(situation: Situation) -> None:
    assert situation.taken("alpha", count=100, MaxMessageRate=1) == 10
    assert situation.taken("beta", count=100, MaxMessageRate=1) == 10


def test_a_changed_rate_holds_at_once(situation: Situation) -> None:
    assert situation.taken(count=100, MaxMessageRate=1) == 10
    situation.now += 1
    assert situation.taken(count=100, MaxMessageRate=7) == 7


def test_a_quota_counts_what_came_since_the_last_look(situation: Situation) -> None:
    situation.stored = {"alpha": Usage(1, 100, 0), "beta": Usage(1, 5000)}
    situation.admission.look()
    assert situation.taken(count=100, Quota=1000) == 3
    reason, sentence = situation.refusal(Quota=1000)
    assert (reason, "(Quota) is 1000" in sentence) == ("quota", True)
    situation.stored = {"alpha": Usage(1, 1000)}
    situation.admission.look()
    assert situation.taken(Quota=1000) == 0
    situation.stored = {}
    situation.admission.look()
    assert situation.taken(count=100, Quota=1000) == 4


def test_a_database_that_is_away_does_not_empty_the_quota(situation: Situation) -> None:
    situation.stored = {"alpha": Usage(1, 750)}
    situation.admission.look()
    situation.away = True
    situation.admission.look()
    assert situation.taken(count=9, Quota=1000) == 1
    situation.admission.look()
    assert situation.taken(Quota=1000) == 0


GOODBYE = {"final": Final(0)}
EMPTY = [{}, {"session": "s", "seq": 1}, {"context": {"Site": "\U0001f600" * 255}}, GOODBYE]
"""What brings no text: a stock pilot's empty message, numbers, what it says of itself, that it has ended."""
NAMES = ["nothing", "numbers", "context", "goodbye"]


@pytest.mark.parametrize("other", EMPTY, ids=NAMES)
def test_messages_without_text_count(situation: Situation, other: dict[str, Any]) -> None:
    size = ROW_SIZE  # no text at all
    assert situation.taken(size=size, count=100, other=other, MaxMessageRate=3) == 30
    if other is not GOODBYE:
        assert situation.taken("beta", size=size, count=100, other=other, MaxTextRate=ROW_SIZE) <= 10
        assert situation.taken("gamma", size=size, count=100, other=other, Quota=10 * ROW_SIZE) <= 10
        situation.disk.full = True
        assert situation.refusal(other={"data": b""} | other)[0] == "disk"


def test_a_goodbye_comes_in_whatever_the_text_of_others_did(situation: Situation) -> None:
    """But it may not begin a log where there is no room: whoever says it for ever new logs would fill the disk."""
    append = Append(LogKey("alpha", "b" * 32), **GOODBYE)
    settings = VOSettings.model_validate(NO_LIMITS | {"MaxMessageRate": 1, "Quota": 5000})
    assert situation.taken(count=100, MaxMessageRate=1) == 10
    assert situation.admission.check(append, settings) is None
    situation.stored = {"alpha": Usage(1, 10**6)}
    situation.admission.look()
    quota = situation.admission.check(append, settings)
    situation.disk.full = True
    disk = situation.admission.check(append, settings)
    assert [no_room and no_room.reason for no_room in (quota, disk)] == ["quota", "disk"]


@pytest.mark.parametrize(("option", "rate"), [("MaxMessageRate", 64), ("MaxTextRate", 64 * 300)])
def test_a_log_that_runs_away_takes_no_more_than_the_others_leave(situation: Situation, option: str, rate: int) -> None:
    limit = {option: rate}
    runaway, taken, others = "a" * 32, 0, 0
    for _ in range(60):
        taken += situation.taken(count=1000, stamp=runaway, **limit)
        others += situation.taken(count=24, **limit)
        situation.now += 1
    assert others == 60 * 24, "none of the others is refused"
    assert 60 * (64 - 24) <= taken <= 60 * (64 - 24) + 640, "what they leave is not thrown away"
    situation.taken(count=1000, stamp=runaway, **limit)
    assert situation.refusal(stamp=runaway, **limit)[0] == "rate"
    assert f"Pilot {runaway} sends more than its share of {rate} " in situation.refusal(stamp=runaway, **limit)[1]


def test_a_log_alone_may_use_all_of_its_vo(situation: Situation) -> None:
    taken = 0
    for _ in range(50):
        taken += situation.taken(count=1000, stamp="a" * 32, MaxMessageRate=40)
        situation.now += 1
    assert taken >= 49 * 40


def test_open_logs_are_limited(situation: Situation) -> None:
    situation.stored = {"alpha": Usage(3, 0)}
    situation.admission.look()
    settings = [VOSettings.model_validate({"MaxOpenLogs": most}) for most in (0, 3, 4)]
    assert [situation.admission.may_open("alpha", each) for each in settings] == [True, False, True]
    assert all(situation.admission.may_open("beta", each) for each in settings)
    assert situation.admission.usage()["alpha"].open_logs == 3


def test_the_usage_of_a_database(store: Store, archives: Archives) -> None:
    keys = [store.new_key() for _ in range(3)]
    for key in keys:
        store.send("2026-06-10T11:02:02.823512Z INFO [A] text\n", key)
    store.finalise(keys[1])
    store.finalise(keys[2])
    archives.add()
    archives.deliver(store.record(keys[2]).log_id)

    def of_alpha() -> Usage:
        with store.database.reading() as connection:
            return usage.by_vo(connection)["alpha"]

    size = store.record(keys[0]).bytes
    assert of_alpha() == Usage(1, 3 * size, 6)
    store.expire(keys[2])
    assert of_alpha() == Usage(1, 2 * size, 4)
    store.close_silent()
    assert of_alpha() == Usage(0, 2 * size, 4)
