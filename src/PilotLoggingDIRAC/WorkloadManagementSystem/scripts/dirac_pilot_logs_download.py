"""
Download the logs of many pilots, by their stamps or by what is known of them, into a folder or a tar file

What is there already is not fetched again: a download that was interrupted goes on when the same command is given once
more, and a log that has grown since replaces its older copy. A file of that name that was not downloaded is left alone.
The exit code is 1 if a log could not be had.

Example:
  $ dirac-pilot-logs-download --silent --since=1d --to=killed
  $ dirac-pilot-logs-download --site=cern --failed --to=cern.tar
  $ dirac-pilot-logs-download 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2
"""

from pathlib import Path

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
    Script,
    Selection,
    Switches,
    fail_use,
    number,
    path,
    run,
    say,
)
from PilotLoggingDIRAC.commands.progress_line import ProgressLine
from PilotLoggingDIRAC.errors import PilotLoggingError
from PilotLoggingDIRAC.gap_lines import insert_gap_lines
from PilotLoggingDIRAC.model import Gap
from PilotLoggingDIRAC.terminal.download import Folder, Presence, TarFile, name_of

_ALL = 10**9


@Script()
def main():
    switches = Switches()
    output = switches.output
    Script.registerArgument(["Stamp: of a pilot, or its beginning"], mandatory=False)
    selection = Selection(switches)
    switches.value("to", "The folder, or a file whose name ends in .tar (the folder pilot-logs)", path)
    switches.value("limit", "Logs to download at most", number(1, _ALL))
    switches.flag("overwrite", "Replace a tar file, or a file that is no downloaded log")
    stamps = switches.parse()
    if not stamps and not selection.document():
        fail_use("takes stamps, or switches that say which logs, such as --since=1d")

    def work():
        to = Path(switches["to"] or "pilot-logs")
        collector = Collector()
        named, unknown = whole(collector)
        if stamps and not named:
            return 1
        wanted = selection.document() | ({"Stamp": named} if stamps else {})
        counts = dict.fromkeys(("downloaded", "there already", "left alone", "failed"), 0)
        target = TarFile(to, bool(switches["overwrite"])) if to.suffix == ".tar" else Folder(to)
        try:
            with target, ProgressLine("logs") as progress:
                # In an order that does not change while pilots write.
                for row, total in collector.rows(wanted, [["Stamp", "ASC"]], switches["limit"] or _ALL):
                    progress.show(sum(counts.values()), total)
                    outcome = one(collector, target, row, progress)
                    counts[outcome] += 1
        except KeyboardInterrupt:
            say("interrupted; given once more, the same command goes on from here.")
            raise
        except OSError as error:
            say(f"{to}: {error.strerror or error}.")
            return 1
        finally:
            said = ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number)
            say(f"{said or 'no logs'}: {to}")
        known = sum(counts.values())
        absent = 0 if switches["limit"] else max(0, len(named) - known)
        if absent:
            say(f"{absent} of these stamps are not in the list of logs.")
        output.write(f"{to}\n")
        return 1 if counts["failed"] or counts["left alone"] or not known or absent or unknown else 0

    def whole(collector):
        """The stamps that are meant, each once, and how many arguments mean none."""
        from PilotLoggingDIRAC.commands.pilot_lookup import log_of_stamp

        named, unknown = [], 0
        for stamp in stamps:
            try:
                named.append(log_of_stamp(collector, stamp, switches["VO"] or "")[0])
            except PilotLoggingError as error:
                say(str(error))
                unknown += 1
        return list(dict.fromkeys(named)), unknown

    def one(collector, target, row, progress):
        """What became of a log."""
        try:
            presence = target.presence(row)
            if presence is Presence.THERE:
                return "there already"
            if presence is Presence.FOREIGN and not switches["overwrite"]:
                progress.clear()
                say(f"{name_of(row)} is a file that was not downloaded: left alone; --overwrite replaces it.")
                return "left alone"
            target.write(row, pieces(collector, row))
        except PilotLoggingError as error:
            progress.clear()
            say(f"{row['Stamp']}: {error}")
            return "failed"
        return "downloaded"

    def pieces(collector, row):
        cursor, more = "", True
        while more:
            reply = collector.ask("reading the log", "readLog", row["Stamp"], row["VO"], cursor, 0)
            text = insert_gap_lines(reply["text"], [Gap(**gap) for gap in reply["gaps"]])
            yield text.encode("utf-8", "surrogatepass")
            cursor, more = reply["cursor"], reply["more"]

    run(work, output)


if __name__ == "__main__":
    main()
