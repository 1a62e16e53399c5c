# SPDX-License-Identifier: GPL-3.0-only
"""
Show the logs of pilots, while they run or afterwards

A pilot is named by its stamp or the beginning of it, by its reference (with a / or : in it), or by a job that it has
run. Of several pilots one log is shown after the other, and with --follow all together, each line with the beginning
of its stamp. --follow begins with the last 10 lines. With --errors, --level, --grep, --since or --until only some
lines are shown. With --check it says instead whether the worker-node module sent the log, and whether all of it came;
the exit code is 0 if so, and 1 if not.

Example:
  $ dirac-pilot-logs-show 1f0e95b2
  $ dirac-pilot-logs-show 1f0e95b2 --follow --level=WARN
  $ dirac-pilot-logs-show 1f0e95b2 7ac0d3e8 -n 20
  $ dirac-pilot-logs-show https://ce.example.org:9619/123.0/pilot --errors
  $ dirac-pilot-logs-show --job=4711 --grep="No space" --since=1h30m
  $ dirac-pilot-logs-show --check 1f0e95b2
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
    Kind,
    Script,
    Switches,
    fail_use,
    line_query,
    moment,
    name,
    number,
    one_of,
    run,
    say,
)
from PilotLoggingDIRAC.errors import PilotLoggingError
from PilotLoggingDIRAC.terminal.completeness import examine, verdict
from PilotLoggingDIRAC.terminal.filtered_tail import Line, LogLines
from PilotLoggingDIRAC.terminal.follow import follow_log, follow_together
from PilotLoggingDIRAC.terminal.line_output import (
    LEVELS,
    LineColourer,
    abbreviate,
    render_heading,
    render_line,
    render_prefix,
    render_unfinished,
)
from PilotLoggingDIRAC.terminal.tail import LogText, Reply
from PilotLoggingDIRAC.text import dump_json, one_line

_FOLLOWED_FROM = 10
"""Lines, as tail and journalctl have it."""
_MOST_FOLLOWED = 50
"""Logs at one time: each is asked for once a second."""
_ALL = "all"

Log = tuple[str, str]
"""Stamp and VO."""


@Script()
def main() -> None:
    switches = Switches()
    Script.registerArgument(["Pilot: a pilot's stamp, the beginning of it, or the pilot's reference"], mandatory=False)
    _declare(switches)
    pilots = switches.parse()
    _check(switches, pilots)
    switches.pages(not (switches["follow"] or switches["json"] or switches["check"]))
    run(lambda: Show(switches).work(pilots), switches.output)


def _declare(switches: Switches) -> None:
    switches.flag("follow", "Go on as the pilot writes, until its log is closed", short="f")
    tail = f"Only so many lines, the last ones ({_ALL}; with --follow {_FOLLOWED_FROM})"
    switches.value("tail", tail, Kind(_lines_of_tail, (_ALL,)), short="n")
    switches.value("since", "Only messages at or after this time (2026-06-10T11:02), or so long ago (90s, 2h)", moment)
    switches.value("until", "Only messages before this time", moment)
    switches.flag("check", "Say whether the worker-node module sent the log, and whether all of it came")
    switches.value("VO", "The pilots' VO; by default that of your proxy", name, short="V")
    switches.value(
        "job", "A job's number, instead of the pilot: the logs of the pilots that have run it", number(1, 2**53)
    )
    switches.flag("errors", "Only errors, and what belongs to them")
    switches.value("level", "Only messages of this level and above, and what belongs to them", one_of(*LEVELS))
    switches.value("grep", "Only lines that fit this regular expression (RE2)")
    switches.flag("ignore-case", "The same in any case", short="i")
    switches.flag("json", "One JSON object a line, with its log, number, level, time and command", short="j")
    switches.look()


def _lines_of_tail(typed: str) -> int | str:
    try:
        return _ALL if typed == _ALL else number(0, 10**9)(typed)
    except ValueError:
        raise ValueError(f"a number of lines, or {_ALL}") from None


def _check(switches: Switches, pilots: list[str]) -> None:
    if bool(pilots) == bool(switches["job"]):
        fail_use("takes stamps or references, or --job")
    if not all(pilot.strip() for pilot in pilots):
        fail_use("takes a stamp or a reference that is not empty")
    switches.exclude("errors", "level")
    switches.exclude("follow", "until")
    switches.exclude("check", *("follow", "tail", "since", "until", "errors", "level", "grep", "json"))
    if switches["ignore-case"] and not switches["grep"]:
        fail_use("takes --ignore-case with --grep only")


def _query(switches: Switches) -> dict[str, Any]:
    """Which lines, as the collector takes it; empty for all."""
    level = "ERROR" if switches["errors"] else switches["level"]
    query = line_query(regex=switches["grep"], level=level, ignore_case=switches["ignore-case"])
    return query | {end: switches[end] for end in ("since", "until") if switches[end]}


def _tail(switches: Switches) -> int | None:
    """How many lines, the last ones; None for all."""
    if switches["tail"] is None and switches["follow"] and not switches["since"]:
        return _FOLLOWED_FROM
    return None if switches["tail"] == _ALL else switches["tail"]


class Show:
    """Logs on their way to standard output."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._follow = bool(switches["follow"])
        self._query = _query(switches)
        self._tail = _tail(switches)
        self._output = switches.output
        self._collector = Collector()

    def work(self, pilots: list[str]) -> int:
        logs, code = self._logs(pilots)
        if self._follow and len(logs) > _MOST_FOLLOWED:
            fail_use(f"follows {_MOST_FOLLOWED} logs at one time, not {len(logs)}")
        if self._follow and len(logs) > 1:
            return max(code, self._show_together(logs))
        for place, log in enumerate(logs):
            try:
                if self._switches["check"]:
                    code = max(code, self._check(log))
                else:
                    self._show(log, render_heading(log[0], place == 0, self._output.look) if len(logs) > 1 else "")
            except PilotLoggingError as error:
                self._tell(str(error))
                code = 1
        return code

    def _logs(self, pilots: list[str]) -> tuple[list[Log], int]:
        """The logs that are meant, each once, and the exit code so far."""
        # These clients need the configuration, which is there by now.
        from PilotLoggingDIRAC.commands.pilot_lookup import logs_of, stamps_of_job

        vo = self._switches["VO"] or ""
        if self._switches["job"]:
            return list(dict.fromkeys(stamps_of_job(self._switches["job"], vo))), 0
        logs: list[Log] = []
        code = 0
        for pilot in pilots:
            try:
                logs += logs_of(self._collector, pilot, vo)
            except PilotLoggingError as error:
                say(str(error))
                code = 1
        return list(dict.fromkeys(logs)), code

    def _show(self, log: Log, head: str) -> None:
        """One log, with what stands before it if there are several."""
        if self._switches["json"]:
            head = ""
        if self._query or self._switches["json"] or self._tail is not None:
            for line in follow_log(self._lines(log), self._follow):
                self._write(head)
                self._write_line(log[0], line)
                head = ""
            self._write(head)
            return
        colouring = LineColourer(self._output.look)
        for piece in follow_log(LogText(partial(self._read, log), self._tell), self._follow):
            self._write(head)
            self._write(colouring(piece))
            head = ""
            if self._follow:
                self._output.write_passing(colouring.unfinished())
        self._write(head)
        self._write(colouring.rest())

    def _show_together(self, logs: list[Log]) -> int:
        """Several logs while they are written, each line with the beginning of its log's stamp."""
        shorts = abbreviate([stamp for stamp, _ in logs])
        before = {
            stamp: render_prefix(place, shorts[stamp], self._output.look) for place, (stamp, _) in enumerate(logs)
        }
        failures = []

        def failed(stamp: str, error: PilotLoggingError) -> None:
            failures.append(stamp)
            self._tell(f"{shorts[stamp]}: {error}")

        def ended(stamp: str) -> None:
            self._tell(f"{shorts[stamp]}: this log is closed.")

        lines = [(log[0], self._lines(log, f"{shorts[log[0]]}: ")) for log in logs]
        for stamp, line in follow_together(lines, True, failed, ended):
            self._write_line(stamp, line, before[stamp])
        return 1 if failures else 0

    def _check(self, log: Log) -> int:
        """Say whether all of a log came."""
        findings = examine(partial(self._read, log))
        selection = {"VO": findings.reply["vo"], "Stamp": findings.reply["stamp"]}
        rows = self._collector.ask("listing the log", "listLogs", selection)["rows"]
        sentences, good = verdict(findings, next((row["PilotVersion"] for row in rows), None))
        self._write("".join(f"{one_line(sentence, len(sentence))}\n" for sentence in sentences))
        return 0 if good else 1

    def _read(self, log: Log, cursor: str | None) -> Reply:
        reply: Reply = self._collector.ask("reading the log", "readLog", *log, cursor, 0)
        return reply

    def _lines(self, log: Log, who: str = "") -> LogLines:
        """The lines of a log; what is told of it begins with its name, if there are several."""

        def ask(method: str, *more: Any) -> Mapping[str, Any]:
            reply: Mapping[str, Any] = self._collector.ask("reading the log", method, *log, *more)
            return reply

        def unfinished(line: Line) -> None:
            if not self._switches["json"]:
                self._output.write_passing(who + render_unfinished(line))

        return LogLines(ask, self._query, self._tail, lambda notice: self._tell(who + notice), unfinished)

    def _tell(self, sentence: str) -> None:
        self._output.clear_passing()
        say(sentence)

    def _write_line(self, stamp: str, line: Line, before: str = "") -> None:
        if not self._switches["json"]:
            self._write(before + render_line(line, self._output.look))
        elif "gap" not in line:
            self._write(f"{dump_json({'stamp': stamp} | dict(line))}\n")

    def _write(self, text: str) -> None:
        # As it is: a log may hold what no encoding of a terminal has.
        if text:
            self._output.write_rendered(text, "surrogatepass")


if __name__ == "__main__":
    main()
