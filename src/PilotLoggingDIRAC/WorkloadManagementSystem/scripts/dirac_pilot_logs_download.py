# SPDX-License-Identifier: GPL-3.0-only
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

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PilotLoggingDIRAC.commands.command_line import (
    ALL,
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
from PilotLoggingDIRAC.terminal.by_stamp import rows_by_stamp
from PilotLoggingDIRAC.terminal.download import Folder, Presence, TarFile, Target, name_of

_AT_ONCE = 1000
"""Stamps that a collector takes in one selection."""
_OUTCOMES = ("downloaded", "there already", "left alone", "failed")


@Script()
def main() -> None:
    switches = Switches()
    Script.registerArgument(["Stamp: of a pilot, or its beginning"], mandatory=False)
    selection = Selection(switches)
    switches.value("to", "The folder, or a file whose name ends in .tar (the folder pilot-logs)", path)
    switches.value("limit", "Logs to download at most", number(1, ALL))
    switches.flag("overwrite", "Replace a tar file, or a file that is no downloaded log")
    stamps = switches.parse()
    if not stamps and not selection.document():
        fail_use("takes stamps, or switches that say which logs, such as --since=1d")
    run(lambda: Download(switches).work(stamps, selection.document()), switches.output)


def _parts(stamps: Sequence[str]) -> list[dict[str, Any]]:
    """Selections of these stamps, of as many values as a collector takes at once."""
    return [{"Stamp": stamps[first : first + _AT_ONCE]} for first in range(0, len(stamps), _AT_ONCE)]


class Download:
    """Logs on their way into a folder or a tar file."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._to = Path(switches["to"] or "pilot-logs")
        self._collector = Collector()
        self._progress = ProgressLine("logs")
        self._counts: Counter[str] = Counter()
        self._unknown = 0

    def work(self, stamps: list[str], selection: dict[str, Any]) -> int:
        named = self._whole(stamps)
        if stamps and not named:
            return 1
        if not self._fetch_all([selection | part for part in _parts(named)] if stamps else [selection]):
            return 1
        known = self._counts.total()
        absent = 0 if self._switches["limit"] else max(0, len(named) - known)
        if absent:
            say(f"{absent} of these stamps are not in the list of logs.")
        self._switches.output.write(f"{self._to}\n")
        return 1 if self._counts["failed"] or self._counts["left alone"] or not known or absent else self._unknown

    def _whole(self, stamps: list[str]) -> list[str]:
        """The stamps that are meant, each once."""
        from PilotLoggingDIRAC.commands.pilot_lookup import log_of_stamp

        named = []
        for stamp in stamps:
            try:
                named.append(log_of_stamp(self._collector, stamp, self._switches["VO"] or "")[0])
            except PilotLoggingError as error:
                say(str(error))
                self._unknown = 1
        return list(dict.fromkeys(named))

    def _fetch_all(self, selections: Sequence[dict[str, Any]]) -> bool:
        """Fetch these logs, and say what became of them; False where they cannot be written."""
        overwrite, limit = bool(self._switches["overwrite"]), self._switches["limit"] or ALL
        target: Target = TarFile(self._to, overwrite) if self._to.suffix == ".tar" else Folder(self._to)
        try:
            with target, self._progress:
                for wanted in selections:
                    done = self._counts.total()
                    for row, total in rows_by_stamp(self._list, wanted, limit - done):
                        self._progress.show(self._counts.total(), done + total)
                        self._counts[self._fetch(target, row)] += 1
        except KeyboardInterrupt:
            say("interrupted; given once more, the same command goes on from here.")
            raise
        except OSError as error:
            say(f"{self._to}: {error.strerror or error}.")
            return False
        finally:
            said = ", ".join(f"{self._counts[each]} {each}" for each in _OUTCOMES if self._counts[each])
            say(f"{said or 'no logs'}: {self._to}")
        return True

    def _list(self, *asked: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._collector.ask("listing the logs", "listLogs", *asked)
        return answer

    def _fetch(self, target: Target, row: Mapping[str, Any]) -> str:
        """Fetch a log; gives what became of it."""
        try:
            presence = target.presence(row)
            if presence is Presence.THERE:
                return "there already"
            if presence is Presence.FOREIGN and not self._switches["overwrite"]:
                self._progress.clear()
                say(f"{name_of(row)} is a file that was not downloaded: left alone; --overwrite replaces it.")
                return "left alone"
            target.write(row, self._pieces(row))
        except PilotLoggingError as error:
            self._progress.clear()
            say(f"{row['Stamp']}: {error}")
            return "failed"
        return "downloaded"

    def _pieces(self, row: Mapping[str, Any]) -> Iterator[bytes]:
        cursor, more = "", True
        while more:
            reply = self._collector.ask("reading the log", "readLog", row["Stamp"], row["VO"], cursor, 0)
            text = insert_gap_lines(reply["text"], [Gap(**gap) for gap in reply["gaps"]])
            yield text.encode("utf-8", "surrogatepass")
            cursor, more = reply["cursor"], reply["more"]


if __name__ == "__main__":
    main()
