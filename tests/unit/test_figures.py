# SPDX-License-Identifier: GPL-3.0-only
"""What a collector counts of itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from PilotLoggingDIRAC.errors import ConfigurationError, NotFound, Rejected, Unavailable
from PilotLoggingDIRAC.ingest.metrics import Metrics


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_before_the_first_message() -> None:
    answer = Metrics().answer()
    assert 0 <= answer.pop("secondsUp") < 600
    nothing = {"messages": 0.0, "bytes": 0.0}
    assert answer == {
        "acknowledged": 0,
        "bytes": 0,
        "repeated": 0,
        "unsearched": {},
        "rate": {"lastMinute": nothing, "sinceStart": nothing},
        "latency": {"p50": None, "p99": None},
        "refused": {},
        "lastRefusals": [],
    }


def test_what_is_counted() -> None:
    figures = Metrics()
    for number in range(1, 101):
        figures.note_stored(size=10, repeated=number <= 3, seconds=number / 1000)
    answer = figures.answer()
    assert (answer["acknowledged"], answer["bytes"], answer["repeated"]) == (100, 1000, 3)
    assert 0.049 <= answer["latency"]["p50"] <= 0.052
    assert 0.098 <= answer["latency"]["p99"] <= 0.1


def test_what_could_not_be_searched_by_its_vo() -> None:
    figures = Metrics()
    for vo, size in (("alpha", 10), ("beta", 1), ("alpha", 20)):
        figures.note_unsearched(vo, size)
    assert figures.answer()["unsearched"] == {"alpha": 30, "beta": 1}


def test_refusals_by_their_reason() -> None:
    figures = Metrics()
    for error in (
        Rejected("no"),
        Rejected("too long", reason="too large"),
        Rejected("no"),
        Unavailable("later"),
        Unavailable("later", reason="disk"),
        NotFound("where?"),
        ConfigurationError("/Path", "is wrong"),
    ):
        figures.note_refusal(error, "alpha pilot")
    figures.note_refused("not authorised", "127.0.0.1", "readLog: Unauthorized")
    assert figures.answer()["refused"] == {
        "malformed": 2,
        "too large": 1,
        "unavailable": 1,
        "disk": 1,
        "not found": 1,
        "configuration": 1,
        "not authorised": 1,
    }


def test_the_last_refusals() -> None:
    """The same to the same is no news; what a peer sent cannot steer a terminal, and takes no room."""
    figures = Metrics()
    for number in range(12):
        figures.note_refusal(Rejected(f"{number}"), "alpha pilot")
    for _ in range(100):
        figures.note_refusal(Rejected("5"), "alpha pilot")
    figures.note_refusal(Rejected("5"), "beta pilot")
    figures.note_refusal(Rejected("\x1b[2J\n" + "x" * 10000), "al\npha")
    last = figures.answer()["lastRefusals"]
    assert [(each["who"], each["sentence"][:5], each["times"]) for each in last] == [
        *(("alpha pilot", str(number), 1) for number in (4, 6, 7, 8, 9, 10, 11)),
        ("alpha pilot", "5", 101),
        ("beta pilot", "5", 1),
        ("al?pha", "?[2J?", 1),
    ]
    assert len(last[-1]["sentence"]) == 300
    assert all(each["reason"] == "malformed" and each["time"].endswith("+00:00") for each in last)


def test_the_rate_is_of_the_last_minute() -> None:
    clock = Clock()
    figures = Metrics(clock)
    for _ in range(300):
        figures.note_stored(100, False, 0.01)
        clock.now += 1
    rate = figures.answer()["rate"]
    assert rate["lastMinute"] == {"messages": 1.0, "bytes": 100.0}
    assert rate["sinceStart"] == {"messages": 1.0, "bytes": 100.0}
    clock.now += 30
    assert 0.45 < figures.answer()["rate"]["lastMinute"]["messages"] < 0.55
    clock.now += 100
    rate = figures.answer()["rate"]
    assert rate["lastMinute"] == {"messages": 0.0, "bytes": 0.0}
    assert rate["sinceStart"]["messages"] == round(300 / 430, 3)


def test_only_the_latest_latencies_count() -> None:
    clock = Clock()
    figures = Metrics(clock)
    figures.note_stored(1, False, 100.0)
    for _ in range(2000):
        figures.note_stored(1, False, 0.5)
    assert figures.answer()["latency"] == {"p50": 0.5, "p99": 0.5}
    clock.now += 601
    assert figures.answer()["latency"] == {"p50": None, "p99": None}


def test_many_threads() -> None:
    figures = Metrics()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: figures.note_stored(2, False, 0.1), range(2000)))
    answer = figures.answer()
    assert (answer["acknowledged"], answer["bytes"]) == (2000, 4000)
