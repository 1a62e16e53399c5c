"""
Show the log of a pilot, while it runs or afterwards

The pilot is named by its stamp, by its reference (with a / or : in it), or by a job that it has run. With --errors,
--level or --grep only some lines are shown. With --check it says instead whether the worker-node module sent the log,
and whether all of it came; the exit code is 0 if so, and 1 if not.

Example:
  $ dirac-pilot-logs-show 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2
  $ dirac-pilot-logs-show 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2 --follow --level=WARN
  $ dirac-pilot-logs-show https://ce.example.org:9619/123.0/pilot --errors
  $ dirac-pilot-logs-show --job=4711 --grep="No space"
  $ dirac-pilot-logs-show --check 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2
"""

import json

from DIRAC.Core.Base.Script import Script

from PilotLoggingDIRAC.dirac_bridge.command_line import (
    Collector,
    Switches,
    fail_use,
    line_query,
    number,
    one_of,
    run,
    say,
)
from PilotLoggingDIRAC.dirac_bridge.streams import take_stdout
from PilotLoggingDIRAC.read.filtered_tail import filtered
from PilotLoggingDIRAC.read.quiet_notice import QuietNotices
from PilotLoggingDIRAC.read.sent_by import examine, verdict
from PilotLoggingDIRAC.read.shown_lines import LEVELS, Colouring, of_line
from PilotLoggingDIRAC.read.tail import shown


@Script()
def main():
    output = take_stdout()
    switches = Switches()
    Script.registerArgument("Pilot: the pilot's stamp or reference", mandatory=False)
    switches.flag("follow", "Go on as the pilot writes, until its log is closed", short="f")
    switches.flag("check", "Say whether the worker-node module sent the log, and whether all of it came")
    switches.value("VO", "The pilot's VO; by default that of your proxy", short="V")
    switches.value(
        "job", "A job's number, instead of the pilot: the logs of the pilots that have run it", number(1, 2**53)
    )
    switches.flag("errors", "Only errors, and what belongs to them")
    switches.value("level", "Only messages of this level and above, and what belongs to them", one_of(*LEVELS))
    switches.value("grep", "Only lines that fit this regular expression (RE2)")
    switches.flag("ignore-case", "The same in any case", short="i")
    switches.flag("json", "One JSON object a line, with its number, level, time and command", short="j")
    arguments = switches.parse()
    if bool(arguments) == bool(switches["job"]):
        fail_use("takes a stamp or a reference, or --job")
    follow, vo = bool(switches["follow"]), switches["VO"] or ""
    level = "ERROR" if switches["errors"] else switches["level"]
    query = line_query(regex=switches["grep"], level=level, ignore_case=switches["ignore-case"])

    def work():
        collector = Collector()
        logs = pilots(collector)
        if len(logs) > 1 and (follow or switches["check"]):
            say(f"{len(logs)} pilots fit; this is the latest one, {logs[-1][0]}.")
            logs = logs[-1:]
        codes = []
        for stamp, of_vo in logs:
            if len(logs) > 1:
                say(f"log {stamp}")
            codes.append(check(collector, stamp, of_vo) if switches["check"] else show(collector, stamp, of_vo))
        return max(codes)

    def pilots(collector):
        # These clients need the configuration, which is there by now.
        from PilotLoggingDIRAC.dirac_bridge.pilots import stamps_of_job, stamps_of_reference

        if switches["job"]:
            return stamps_of_job(switches["job"], vo)
        if "/" in arguments[0] or ":" in arguments[0]:
            return stamps_of_reference(collector, arguments[0], vo)
        return [(arguments[0], vo)]

    def show(collector, stamp, of_vo):
        terminal = output.isatty()
        notices = QuietNotices()
        if query or switches["json"]:

            def ask(method, *more):
                reply = collector.ask("reading the log", method, stamp, of_vo, *more)
                if method == "outlineLog":
                    tell(notices.of_row(reply["row"]))
                return reply

            for line in filtered(ask, query, follow):
                write(f"{json.dumps(line)}\n" if switches["json"] else of_line(line, terminal))
            return 0
        colouring = Colouring()
        read = reader(collector, stamp, of_vo)

        def ask_page(cursor):
            reply = read(cursor)
            tell(notices.of_page(reply))
            return reply

        for piece in shown(ask_page, follow, terminal=False):
            write(colouring(piece) if terminal else piece)
        write(colouring.rest())
        return 0

    def reader(collector, stamp, of_vo):
        return lambda cursor: collector.ask("reading the log", "readLog", stamp, of_vo, cursor, 0)

    def tell(notice):
        if notice:
            say(notice)

    def check(collector, stamp, of_vo):
        findings = examine(reader(collector, stamp, of_vo))
        selection = {"VO": findings.reply["vo"], "Stamp": findings.reply["stamp"]}
        rows = collector.ask("listing the log", "listLogs", selection)["rows"]
        sentences, good = verdict(findings, next((row["PilotVersion"] for row in rows), None))
        write("".join(f"{sentence}\n" for sentence in sentences))
        return 0 if good else 1

    def write(text):
        # As bytes: a log may hold what no encoding of a terminal has.
        output.write(text.encode("utf-8", "surrogatepass"))
        output.flush()

    run(work)


if __name__ == "__main__":
    main()
