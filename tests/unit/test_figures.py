"""What a collector counts of itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from PilotLoggingDIRAC.errors import Rejected, Unavailable
from PilotLoggingDIRAC.ingest.figures import Figures


def test_before_the_first_message() -> None:
    answer = Figures().answer()
    assert 0 <= answer.pop("secondsUp") < 5
    assert answer == {
        "acknowledged": 0,
        "bytes": 0,
        "repeated": 0,
        "refused": {},
        "latency": {"p50": None, "p99": None},
    }


def test_what_is_counted() -> None:
    figures = Figures()
    for number in range(1, 101):
        figures.note_stored(size=10, repeated=number <= 3, seconds=number / 1000)
    figures.note_refusal(Rejected("no"))
    figures.note_refusal(Unavailable("later"))
    figures.note_refusal(Rejected("no"))
    answer = figures.answer()
    assert (answer["acknowledged"], answer["bytes"], answer["repeated"]) == (100, 1000, 3)
    assert answer["refused"] == {"Rejected": 2, "Unavailable": 1}
    assert 0.049 <= answer["latency"]["p50"] <= 0.052
    assert 0.098 <= answer["latency"]["p99"] <= 0.1


def test_only_the_latest_latencies_count() -> None:
    figures = Figures()
    figures.note_stored(1, False, 100.0)
    for _ in range(2000):
        figures.note_stored(1, False, 0.5)
    assert figures.answer()["latency"] == {"p50": 0.5, "p99": 0.5}


def test_many_threads() -> None:
    figures = Figures()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: figures.note_stored(2, False, 0.1), range(2000)))
    answer = figures.answer()
    assert (answer["acknowledged"], answer["bytes"]) == (2000, 4000)
