# SPDX-License-Identifier: GPL-3.0-only
"""What needs a person, and what is shown of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from PilotLoggingDIRAC.ingest.metrics import Metrics
from PilotLoggingDIRAC.terminal import collector_status, render
from PilotLoggingDIRAC.terminal.appearance import Look
from PilotLoggingDIRAC.terminal.collector_status import Answer, Tolerance, problems, tables

URL = "https://{}.example.org:8443/WorkloadManagement/TornadoPilotLogging"
WELL = Tolerance()
GIB = 2**30


def figures(**more: Any) -> dict[str, Any]:
    """Of a collector that is well."""
    return {
        "version": "0.1.0",
        "time": "2026-06-10T12:00:00.5+00:00",
        "host": "one",
        "process": 77,
        "pendingBytes": 0,
        "connections": {"open": 5, "most": 1000},
        "disk": {"left": 100 * GIB, "least": GIB},
        "setAside": [],
        "databaseProblem": "",
        "logs": {"alpha": {"Open": 3, "Archived": 5}},
        "quiet": {"alpha": 2},
        "deliveries": [],
        "usage": {"alpha": {"openLogs": 3, "maxOpenLogs": 1000, "text": 5 * 2**20, "quota": 50 * GIB}},
        **Metrics().answer(),
        **more,
    }


def collector(name: str = "one", **more: Any) -> Answer:
    return Answer(URL.format(name), figures(**more))


def waiting(**more: Any) -> dict[str, Any]:
    entry = {"vo": "alpha", "plugin": "StorageElement", "logs": 7, "failing": 0, "untried": 0}
    return {**entry, "oldest": 60.0, "lastError": "", **more}


def usage(**more: Any) -> dict[str, Any]:
    return {"alpha": {"openLogs": 0, "maxOpenLogs": 0, "text": 0, "quota": 0, **more}}


def refusal(reason: str, moment: str) -> dict[str, Any]:
    return {"time": moment, "times": 1, "who": "alpha pilot", "reason": reason, "sentence": "Too fast (MaxTextRate)."}


FINE = {
    "as it should be": {},
    "some are slow": {"latency": {"p50": 0.01, "p99": 4.9}},
    "no messages yet": {"latency": {"p50": None, "p99": None}},
    "twice the mark": {"disk": {"left": 2 * GIB, "least": GIB}},
    "a disk that cannot be seen": {"disk": {"left": None, "least": GIB}},
    "no mark": {"disk": {"left": 5, "least": 0}},
    "waits for the agent": {"deliveries": [waiting(oldest=5.9 * 3600, untried=7)]},
    "has just failed": {"deliveries": [waiting(oldest=3500, failing=7, lastError="It is down.")]},
    "has room": {"usage": usage(text=79, quota=100, openLogs=79, maxOpenLogs=100)},
    "connections that cannot be counted": {"connections": {}},
    "no limits": {"usage": usage(text=10**15, openLogs=10**9)},
    "was limited long ago": {"lastRefusals": [refusal("rate", "2026-06-10T11:40:00+00:00")]},
    "the database was away": {"lastRefusals": [refusal("database", "2026-06-10T11:57:00+00:00")]},
    "a pilot sent nonsense": {"lastRefusals": [refusal("malformed", "2026-06-10T12:00:00+00:00")]},
}


@pytest.mark.parametrize("more", FINE.values(), ids=FINE)
def test_nothing_to_do(more: dict[str, Any]) -> None:
    assert problems([collector(**more)], WELL) == []


TO_DO = {
    "database": (
        {"databaseProblem": "PilotLogDB cannot do that now: gone."},
        f"{URL.format('one')} cannot use its database, and sends pilots away: PilotLogDB cannot do that now: gone. "
        "Look at the database and its server.",
    ),
    "latency": ({"latency": {"p50": 0.1, "p99": 5.1}}, "takes up to 5.1 s for an acknowledgement (p99)"),
    "disk": ({"disk": {"left": 2 * GIB - 1, "least": GIB}}, "has only 2.0 GiB left, and new text will be refused soon"),
    "disk below the mark": ({"disk": {"left": GIB // 2, "least": GIB}}, "512.0 MiB left, and new text is refused (Min"),
    "set aside": (
        {"setAside": ["/db/P.sqlite.corrupt-1"]},
        "/db/P.sqlite.corrupt-1 on one is damaged and was set aside: save what is in it",
    ),
    "backlog": (
        {"deliveries": [waiting(oldest=6.1 * 3600)]},
        "StorageElement of VO alpha lags behind: the oldest of 7 logs has waited 6 h. See whether PilotLogging",
    ),
    "failing": (
        {"deliveries": [waiting(oldest=3700, failing=2, lastError="It is down.")]},
        "StorageElement of VO alpha fails, and the oldest of 7 logs has waited 62 min: It is down. Mend its storage",
    ),
    "quota": ({"usage": usage(text=80, quota=100)}, "VO alpha has used 80 % of its quota (Quota = 100 B): see why"),
    "connections": ({"connections": {"open": 900, "most": 1000}}, "has 90 % of the connections open that it may"),
    "open logs": (
        {"usage": usage(openLogs=99, maxOpenLogs=100)},
        "VO alpha has 99 % of the open logs that it may have",
    ),
    "limited": (
        {"lastRefusals": [refusal("rate", "2026-06-10T11:59:00+00:00")]},
        f"{URL.format('one')} refused text of alpha pilot 60 s ago: Too fast (MaxTextRate).",
    ),
    "database for writing": (
        {"lastRefusals": [refusal("database", "2026-06-10T11:59:00+00:00")]},
        "refused text of alpha pilot 60 s ago",
    ),
}


@pytest.mark.parametrize(("more", "sentence"), TO_DO.values(), ids=TO_DO)
def test_something_to_do(more: dict[str, Any], sentence: str) -> None:
    (said,) = problems([collector(**more)], WELL)
    assert sentence in said
    assert said.endswith(".")


def test_a_dead_collector_of_three_shows() -> None:
    answers = [collector("one"), Answer(URL.format("two"), {}, "Connection refused"), collector("three")]
    assert problems(answers, WELL) == [
        f"{URL.format('two')} gives no answer: Connection refused. Look at its log, and start it."
    ]


def test_who_may_not_ask_is_told_so() -> None:
    (said,) = problems([Answer(URL.format("one"), {}, "Permission denied", denied=True)], WELL)
    assert "the property Operator" in said


def test_no_collector_at_all() -> None:
    (said,) = problems([], WELL)
    assert said.endswith("set /Systems/WorkloadManagement/URLs/TornadoPilotLogging.")


def test_what_all_share_is_said_once() -> None:
    """One database: what stands in it is the first one's word that could reach it."""
    late = [waiting(oldest=7 * 3600)]
    answers = [
        collector("one", databaseProblem="It is away.", deliveries=[], usage={}, logs={}),
        collector("two", deliveries=late, setAside=["/db/x.corrupt-1"]),
        collector("three", deliveries=late, setAside=["/db/x.corrupt-1"]),
    ]
    said = problems(answers, WELL)
    assert [sentence.split(" ", 1)[0] for sentence in said] == [URL.format("one"), "/db/x.corrupt-1", "StorageElement"]


def test_the_tolerance_is_the_operators() -> None:
    answers = [collector(latency={"p50": 1.0, "p99": 2.0}, deliveries=[waiting(oldest=2 * 3600)])]
    assert len(problems(answers, Tolerance(latency=1, backlog=3600))) == 2
    assert problems(answers, Tolerance(latency=3, backlog=3 * 3600)) == []


def everything() -> tuple[list[Answer], list[str]]:
    counted = Metrics()
    for _ in range(5):
        counted.note_stored(2000, False, 0.012)
    counted.note_refused("malformed", "alpha pilot", "[bold]no[/bold] \x1b[2J JSON")
    answers = [
        collector("one", **counted.answer(), deliveries=[waiting(oldest=7 * 3600, lastError="x" * 500)]),
        Answer(URL.format("two"), {}, "Connection refused"),
    ]
    return answers, problems(answers, WELL)


def test_plain_text() -> None:
    answers, said = everything()
    text = render.render_status(tables(answers), said, Look.PLAIN, 80)
    lines = text.splitlines()
    assert lines[0] == "PROBLEM: 2 things for a person to look at."
    assert lines[1:3] == [f"- {sentence}" for sentence in said]
    titles = ["Collectors", "Logs by VO", "Not delivered yet", "Refused requests", "Last refusals"]
    assert [line for line in lines if line in titles] == titles
    assert "\x1b" not in text
    assert "[bold]no[/bold] ?[2J JSON" in text
    one = next(line for line in lines if line.startswith("one.example.org:8443"))
    assert one.split()[:2] == ["one.example.org:8443", "0.1.0"]
    assert "12 ms" in one
    assert next(line for line in lines if line.startswith("two.example.org:8443")).split()[1:] == ["no", "answer"]
    assert next(line for line in lines if line.startswith("alpha ")).split()[1:6] == ["3", "2", "0", "0", "5"]


def test_all_is_well_in_one_line() -> None:
    text = render.render_status(tables([collector()]), [], Look.PLAIN, 80)
    assert text.startswith("OK: all collectors are well.\n")


def test_on_a_terminal() -> None:
    answers, said = everything()
    shown = render.render_status(tables(answers), said, Look.COLOURED, 100)
    assert "\x1b[2J" not in shown
    assert "[bold]no[/bold] ?[2J" in shown
    assert "one.example.org" in shown


def test_for_programs() -> None:
    answers, said = everything()
    document = json.loads(render.as_json(answers, said))
    assert document["ok"] is False
    assert document["problems"] == said
    assert [each["url"] for each in document["collectors"]] == [answer.url for answer in answers]
    assert document["collectors"][0]["figures"]["acknowledged"] == 5
    assert document["collectors"][1] == {"url": answers[1].url, "problem": "Connection refused", "figures": None}


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (5 * 86400, "5 d")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert collector_status.span(seconds) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 B"), (2048, "2.0 KiB"), (3 * 2**40, "3.0 TiB")])
def test_sizes(number: int, shown: str) -> None:
    assert collector_status.size(number) == shown
