# SPDX-License-Identifier: GPL-3.0-only
"""What an operator is shown, and what he is told to do: judged from the figures of all collectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from .table import Table, columns

_NEARLY_FULL = 0.8
"""Share of a quota or limit from which on a person should look."""
_DISK_FACTOR = 2
_ALARMING = {"quota": 900.0, "rate": 900.0, "configuration": 900.0, "database": 120.0}
"""For these reasons of a refusal a person should look, for so many seconds after the last one."""


@dataclass(frozen=True)
class Answer:
    """What one collector said.

    Attributes:
        url: Which collector.
        figures: What its ``getStatistics`` gave; empty when it did not.
        problem: Why it did not.
        denied: It is there, and the caller may not ask it.
    """

    url: str
    figures: Mapping[str, Any]
    problem: str = ""
    denied: bool = False


@dataclass(frozen=True)
class Tolerance:
    """What needs no person yet.

    Attributes:
        latency: Seconds for 99 of 100 acknowledgements.
        backlog: Seconds that text may wait for a plugin.
        failing: The same, where the last attempt failed.
    """

    latency: float = 5.0
    backlog: float = 6 * 3600.0
    failing: float = 3600.0


def problems(answers: Sequence[Answer], tolerance: Tolerance) -> list[str]:
    """What needs a person: one or two sentences each, what is wrong and what to do. None is said twice."""
    said: dict[str, None] = {}
    if not answers:
        said["The CS names no collector: set /Systems/WorkloadManagement/URLs/TornadoPilotLogging."] = None
    for answer in answers:
        said.update(dict.fromkeys(_of_collector(answer, tolerance)))
    database = _database(answers)
    said.update(dict.fromkeys(_of_backlog(database.get("deliveries", ()), tolerance)))
    said.update(dict.fromkeys(_of_usage(database.get("usage", {}))))
    return list(said)


def tables(answers: Sequence[Answer]) -> list[Table]:
    """All that is known, but for the problems."""
    database = _database(answers)
    shown = [_collectors(answers), _vos(database), _backlog(database), _refused(answers), _last(answers)]
    return [table for table in shown if table.rows]


def _database(answers: Iterable[Answer]) -> Mapping[str, Any]:
    """What stands in the database, which all share: as the first one said that could reach it."""
    return next((each.figures for each in answers if each.figures and not each.figures["databaseProblem"]), {})


def _of_collector(answer: Answer, tolerance: Tolerance) -> Iterator[str]:
    url, figures = answer.url, answer.figures
    if answer.denied:
        yield (
            f"{url} did not tell you: that takes a proxy with the property Operator, "
            "or a host's certificate with TrustedHost."
        )
        return
    if not figures:
        yield f"{url} gives no answer: {answer.problem.rstrip('.')}. Look at its log, and start it."
        return
    if figures["databaseProblem"]:
        problem = figures["databaseProblem"].rstrip(".")
        yield f"{url} cannot use its database, and sends pilots away: {problem}. Look at the database and its server."
    slow = figures["latency"]["p99"]
    if slow is not None and slow > tolerance.latency:
        yield (
            f"{url} takes up to {slow:.1f} s for an acknowledgement (p99): "
            "look at the load and the disk of its database."
        )
    connections = figures["connections"]
    if share := _share(connections.get("open", 0), connections.get("most", 0)):
        yield f"{url} has {share} of the connections open that it may have ({connections['most']}): add a collector."
    left, least = figures["disk"]["left"], figures["disk"]["least"]
    if left is not None and left < _DISK_FACTOR * least:
        refused = "new text is refused" if left < least else "new text will be refused soon"
        yield (
            f"The disk of PilotLogDB (seen from {figures['host']}) has only {size(left)} left, and {refused} "
            f"(MinFreeDisk = {size(least)}): make room, and see whether logs wait for their storage."
        )
    for file in figures["setAside"]:
        yield (
            f"{file} on {figures['host']} is damaged and was set aside: save what is in it as docs/operating.md says, "
            "then move it away."
        )
    now = datetime.fromisoformat(figures["time"])
    for refusal in figures["lastRefusals"]:
        age = (now - datetime.fromisoformat(refusal["time"])).total_seconds()
        alarming = _ALARMING.get(refusal["reason"])
        if alarming and age < alarming and not figures["databaseProblem"]:
            yield f"{url} refused text of {refusal['who']} {span(age)} ago: {refusal['sentence']}"


def _of_backlog(backlog: Iterable[Mapping[str, Any]], tolerance: Tolerance) -> Iterator[str]:
    for entry in backlog:
        who = f"{entry['plugin']} of VO {entry['vo']}"
        waits = f"the oldest of {entry['logs']} logs has waited {span(entry['oldest'])}"
        if entry["failing"] and entry["oldest"] > tolerance.failing:
            yield (
                f"{who} fails, and {waits}: {(entry['lastError'] or 'no reason was given').rstrip('.')}. "
                "Mend its storage or its options; it is tried again by itself."
            )
        elif entry["oldest"] > tolerance.backlog:
            yield f"{who} lags behind: {waits}. See whether PilotLoggingAgent runs, and what its log says."


def _of_usage(usage: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for vo, used in usage.items():
        if share := _share(used["text"], used["quota"]):
            yield (
                f"VO {vo} has used {share} of its quota (Quota = {size(used['quota'])}): "
                "see why its logs are not delivered, or give it more."
            )
        if share := _share(used["openLogs"], used["maxOpenLogs"]):
            yield (
                f"VO {vo} has {share} of the open logs that it may have (MaxOpenLogs = {used['maxOpenLogs']}): "
                "see whether it runs so many pilots, or allow more."
            )


def _share(used: int, limit: int) -> str:
    """A share in per cent where it is near its limit; else empty."""
    return f"{100 * used // limit} %" if limit and used >= _NEARLY_FULL * limit else ""


def _collectors(answers: Iterable[Answer]) -> Table:
    heads = ("collector", "version", "up", "msg/s", "text/s", "p50", "p99", "pending", "open", "disk left", "refused")
    return Table("Collectors", columns(heads, ("collector",)), [_collector_row(answer) for answer in answers])


def _collector_row(answer: Answer) -> list[str]:
    figures = answer.figures
    if not figures:
        return [_place(answer.url), "denied" if answer.denied else "no answer", *[""] * 9]
    rate, latency, left = figures["rate"]["lastMinute"], figures["latency"], figures["disk"]["left"]
    return [
        _place(answer.url),
        figures["version"],
        span(figures["secondsUp"]),
        f"{rate['messages']:.1f}",
        size(rate["bytes"]),
        _milliseconds(latency["p50"]),
        _milliseconds(latency["p99"]),
        size(figures["pendingBytes"]),
        str(figures["connections"].get("open", "?")),
        "?" if left is None else size(left),
        str(sum(figures["refused"].values())),
    ]


def _place(url: str) -> str:
    """Host and port: all else is the same for all."""
    return urlsplit(url).netloc or url


def _vos(database: Mapping[str, Any]) -> Table:
    states = ("Open", "Complete", "Silent", "Archived")
    usage = database.get("usage", {})
    rows = []
    for vo, logs in sorted(database.get("logs", {}).items()):
        used = usage.get(vo, {"text": 0, "quota": 0})
        of_quota = f"{100 * used['text'] // used['quota']} %" if used["quota"] else "-"
        counts = [str(logs.get(state, 0)) for state in states]
        counts.insert(1, str(database.get("quiet", {}).get(vo, 0)))
        rows.append([vo, *counts, size(used["text"]), of_quota])
    names = [state.lower() for state in states]
    names.insert(1, "quiet")
    return Table("Logs by VO", columns(("VO", *names, "text", "of quota")), rows)


def _backlog(database: Mapping[str, Any]) -> Table:
    heads = ("VO", "plugin", "logs", "failing", "never tried", "oldest", "last error")
    rows = [
        [
            *(str(entry[name]) for name in ("vo", "plugin", "logs", "failing", "untried")),
            span(entry["oldest"]),
            entry["lastError"],
        ]
        for entry in database.get("deliveries", ())
    ]
    return Table("Not delivered yet", columns(heads, ("last error",)), rows)


def _refused(answers: Sequence[Answer]) -> Table:
    sums: dict[str, int] = {}
    for answer in answers:
        for reason, number in answer.figures.get("refused", {}).items():
            sums[reason] = sums.get(reason, 0) + number
    rows = [[reason, str(number)] for reason, number in sorted(sums.items(), key=lambda pair: -pair[1])]
    return Table("Refused requests", columns(("reason", "since start")), rows)


def _last(answers: Sequence[Answer]) -> Table:
    refusals = [refusal for answer in answers for refusal in answer.figures.get("lastRefusals", ())]
    rows = [
        [each["time"], str(each["times"]), each["who"], each["reason"], each["sentence"]]
        for each in sorted(refusals, key=lambda each: str(each["time"]))[-10:]
    ]
    return Table("Last refusals", columns(("time", "times", "who", "reason", "sentence"), ("sentence",)), rows)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def span(seconds: float) -> str:
    """A duration for people."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
