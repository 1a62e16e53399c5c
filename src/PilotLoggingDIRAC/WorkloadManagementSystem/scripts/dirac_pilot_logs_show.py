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

import json

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
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
from PilotLoggingDIRAC.terminal.filtered_tail import LogLines, follow_lines, follow_together
from PilotLoggingDIRAC.terminal.line_output import (
    LEVELS,
    LineColourer,
    abbreviate,
    render_heading,
    render_line,
    render_prefix,
)
from PilotLoggingDIRAC.terminal.quiet_notice import QuietNotices
from PilotLoggingDIRAC.terminal.tail import follow_text

_FOLLOWED_FROM = 10
"""Lines, as tail and journalctl have it."""
_MOST_FOLLOWED = 50
"""Logs at one time: each is asked for once a second."""
_ALL = "all"


def lines_of_tail(typed):
    """For --tail: a number, or all."""
    try:
        return _ALL if typed == _ALL else number(0, 10**9)(typed)
    except ValueError:
        raise ValueError(f"a number of lines, or {_ALL}") from None


lines_of_tail.words = (_ALL,)


@Script()
def main():
    switches = Switches()
    output = switches.output
    Script.registerArgument(["Pilot: a pilot's stamp, the beginning of it, or the pilot's reference"], mandatory=False)
    switches.flag("follow", "Go on as the pilot writes, until its log is closed", short="f")
    switches.value(
        "tail", f"Only so many lines, the last ones ({_ALL}; with --follow {_FOLLOWED_FROM})", lines_of_tail, short="n"
    )
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
    arguments = switches.parse()
    if bool(arguments) == bool(switches["job"]):
        fail_use("takes stamps or references, or --job")
    if not all(argument.strip() for argument in arguments):
        fail_use("takes a stamp or a reference that is not empty")
    switches.exclude("errors", "level")
    switches.exclude("follow", "until")
    switches.exclude("check", *("follow", "tail", "since", "until", "errors", "level", "grep", "json"))
    if switches["ignore-case"] and not switches["grep"]:
        fail_use("takes --ignore-case with --grep only")
    follow, vo = bool(switches["follow"]), switches["VO"] or ""
    level = "ERROR" if switches["errors"] else switches["level"]
    query = line_query(regex=switches["grep"], level=level, ignore_case=switches["ignore-case"])
    query |= {end: switches[end] for end in ("since", "until") if switches[end]}
    tail = switches["tail"]
    if tail is None and follow and not switches["since"]:
        tail = _FOLLOWED_FROM
    tail = None if tail == _ALL else tail
    switches.pages(not (follow or switches["json"] or switches["check"]))

    def work():
        collector = Collector()
        logs, code = pilots(collector)
        if follow and len(logs) > _MOST_FOLLOWED:
            fail_use(f"follows {_MOST_FOLLOWED} logs at one time, not {len(logs)}")
        if follow and len(logs) > 1:
            return max(code, show_together(collector, logs))
        for place, (stamp, of_vo) in enumerate(logs):
            try:
                code = max(code, check(collector, stamp, of_vo) if switches["check"] else 0)
                if not switches["check"]:
                    show(
                        collector, stamp, of_vo, render_heading(stamp, place == 0, output.look) if len(logs) > 1 else ""
                    )
            except PilotLoggingError as error:
                say(str(error))
                code = 1
        return code

    def pilots(collector):
        """The logs that are meant, each once, and the exit code so far."""
        # These clients need the configuration, which is there by now.
        from PilotLoggingDIRAC.commands.pilot_lookup import logs_of, stamps_of_job

        if switches["job"]:
            return list(dict.fromkeys(stamps_of_job(switches["job"], vo))), 0
        logs, code = [], 0
        for argument in arguments:
            try:
                logs += logs_of(collector, argument, vo)
            except PilotLoggingError as error:
                say(str(error))
                code = 1
        return list(dict.fromkeys(logs)), code

    def show(collector, stamp, of_vo, head):
        """One log, with what stands before it if there are several."""
        if switches["json"]:
            head = ""
        if query or switches["json"] or tail is not None:
            for line in follow_lines(asker(collector, stamp, of_vo), query, follow, tail=tail):
                write(head)
                write_line(stamp, line)
                head = ""
            write(head)
            return
        colouring = LineColourer(output.look)
        read, notices = reader(collector, stamp, of_vo), QuietNotices()

        def ask_page(cursor):
            reply = read(cursor)
            tell(notices.of_page(reply))
            return reply

        for piece in follow_text(ask_page, follow, terminal=False):
            write(head)
            write(colouring(piece))
            head = ""
        write(head)
        write(colouring.rest())

    def show_together(collector, logs):
        """Several logs while they are written."""
        shorts = abbreviate([stamp for stamp, _ in logs])
        before = {stamp: render_prefix(place, shorts[stamp], output.look) for place, (stamp, _) in enumerate(logs)}
        failures = []

        def failed(stamp, error):
            failures.append(stamp)
            say(f"{shorts[stamp]}: {error}")

        def ended(stamp):
            say(f"{shorts[stamp]}: this log is closed.")

        lines = [(stamp, LogLines(asker(collector, stamp, of_vo, shorts[stamp]), query, tail)) for stamp, of_vo in logs]
        for stamp, line in follow_together(lines, True, failed, ended):
            write_line(stamp, line, before[stamp])
        return 1 if failures else 0

    def write_line(stamp, line, before=""):
        if not switches["json"]:
            write(before + render_line(line, output.look))
        elif "gap" not in line:
            write(f"{json.dumps({'stamp': stamp} | line)}\n")

    def asker(collector, stamp, of_vo, short=""):
        """Calls methods about one log, and tells when it becomes quiet; ``short`` names it among several."""
        notices = QuietNotices()

        def ask(method, *more):
            reply = collector.ask("reading the log", method, stamp, of_vo, *more)
            if method == "outlineLog":
                tell(notices.of_row(reply["row"]), short)
            return reply

        return ask

    def tell(notice, short=""):
        if notice:
            say(f"{short}: {notice}" if short else notice)

    def reader(collector, stamp, of_vo):
        return lambda cursor: collector.ask("reading the log", "readLog", stamp, of_vo, cursor, 0)

    def check(collector, stamp, of_vo):
        findings = examine(reader(collector, stamp, of_vo))
        selection = {"VO": findings.reply["vo"], "Stamp": findings.reply["stamp"]}
        rows = collector.ask("listing the log", "listLogs", selection)["rows"]
        sentences, good = verdict(findings, next((row["PilotVersion"] for row in rows), None))
        write("".join(f"{sentence}\n" for sentence in sentences))
        return 0 if good else 1

    def write(text):
        # As it is: a log may hold what no encoding of a terminal has.
        if text:
            output.write(text, "surrogatepass")

    run(work, output)


if __name__ == "__main__":
    main()
