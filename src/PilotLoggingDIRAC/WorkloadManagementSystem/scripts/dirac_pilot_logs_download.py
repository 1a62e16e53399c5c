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

from DIRAC.Core.Base.Script import Script

from PilotLoggingDIRAC.dirac_bridge.command_line import Collector, Selection, Switches, fail_use, number, run, say
from PilotLoggingDIRAC.dirac_bridge.progress import Progress
from PilotLoggingDIRAC.dirac_bridge.streams import take_stdout
from PilotLoggingDIRAC.errors import PilotLoggingError
from PilotLoggingDIRAC.model import Gap
from PilotLoggingDIRAC.read.download import Folder, Presence, TarFile, name_of
from PilotLoggingDIRAC.read.reader import with_gap_lines

_ALL = 10**9
_INTERRUPTED = 130
"""The exit code that shells have for that."""


@Script()
def main():
    output = take_stdout()
    switches = Switches()
    Script.registerArgument(["Stamp: of a pilot"], mandatory=False)
    selection = Selection(switches)
    switches.value("to", "The folder, or a file whose name ends in .tar (the folder pilot-logs)")
    switches.value("limit", "Logs to download at most", number(1, _ALL))
    switches.flag("overwrite", "Replace a tar file, or a file that is no downloaded log")
    stamps = switches.parse()
    if not stamps and not selection.document():
        fail_use("takes stamps, or switches that say which logs, such as --since=1d")

    def work():
        to = Path(switches["to"] or "pilot-logs")
        wanted = selection.document() | ({"Stamp": stamps} if stamps else {})
        collector = Collector()
        counts = dict.fromkeys(("downloaded", "there already", "left alone", "failed"), 0)
        target = TarFile(to, bool(switches["overwrite"])) if to.suffix == ".tar" else Folder(to)
        try:
            with target, Progress("logs") as progress:
                # In an order that does not change while pilots write.
                for row, total in collector.rows(wanted, [["Stamp", "ASC"]], switches["limit"] or _ALL):
                    progress.show(sum(counts.values()), total)
                    outcome = one(collector, target, row, progress)
                    counts[outcome] += 1
        except KeyboardInterrupt:
            say("interrupted; given once more, the same command goes on from here.")
            return _INTERRUPTED
        except OSError as error:
            say(f"{to}: {error.strerror or error}.")
            return 1
        finally:
            said = ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number)
            say(f"{said or 'no logs'}: {to}")
        known = sum(counts.values())
        if stamps and known < len(set(stamps)):
            say(f"{len(set(stamps)) - known} of these stamps are not in the list of logs.")
        output.write(f"{to}\n".encode())
        output.flush()
        return 1 if counts["failed"] or counts["left alone"] or not known or known < len(set(stamps)) else 0

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
            text = with_gap_lines(reply["text"], [Gap(**gap) for gap in reply["gaps"]])
            yield text.encode("utf-8", "surrogatepass")
            cursor, more = reply["cursor"], reply["more"]

    run(work)


if __name__ == "__main__":
    main()
