# SPDX-License-Identifier: GPL-3.0-only
"""
Find lines in the logs of pilots, in those that began last first

Only what is still in the collectors' database is searched; of how many logs that cannot be said is said at the end.

Example:
  $ dirac-pilot-logs-search "No space left on device" --since=1d
  $ dirac-pilot-logs-search --regex "exit(ed)? with code [1-9]" --site=cern --level=ERROR
  $ dirac-pilot-logs-search --json --limit=1000 "CVMFS" | jq -r .stamp | sort | uniq -c
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
    Script,
    Selection,
    Switches,
    fail_use,
    limit,
    line_query,
    one_of,
    run,
    say,
)
from PilotLoggingDIRAC.commands.progress_line import ProgressLine
from PilotLoggingDIRAC.terminal import line_output
from PilotLoggingDIRAC.text import dump_json

_USUAL = 200
_AT_ONCE = 1000


@Script()
def main() -> None:
    # A text such as dirac.cfg is one to look for; DIRAC would take it for a file of configuration.
    os.environ.setdefault("DIRAC_NO_CFG", "1")
    switches = Switches()
    # Not as mandatory: then DIRAC would print all its help.
    Script.registerArgument("Text: what stands in the line", mandatory=False)
    selection = Selection(switches)
    _declare(switches)
    arguments = switches.parse()
    if len(arguments) != 1 or not arguments[0]:
        fail_use("takes one text that is not empty; put one with blanks in quotes")
    switches.pages(not switches["json"])
    run(lambda: search(switches, arguments[0], selection.document()), switches.output)


def _declare(switches: Switches) -> None:
    switches.flag("regex", "The text is a regular expression (RE2)")
    switches.flag("ignore-case", "In any case", short="i")
    switches.value("level", "Only messages of this level and above", one_of(*line_output.LEVELS))
    switches.value("limit", f"Lines to find at most ({_USUAL}); 0 for all", limit)
    switches.flag("json", "One JSON object a line", short="j")
    switches.look()


def search(switches: Switches, text: str, selection: dict[str, Any]) -> int:
    found = 0
    with ProgressLine("logs") as progress:
        for reply in _replies(switches, text, selection):
            for hit in reply["found"]:
                progress.clear()
                _write(switches, hit)
                found += len(hit["lines"])
            progress.show(reply["looked"], reply["total"])
    _summarize(reply, found)
    return 0 if found else 1


def _replies(switches: Switches, text: str, selection: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the collector says, one part after the other, until all is searched or enough is found."""
    what = {"regex" if switches["regex"] else "text": text}
    query = line_query(**what, level=switches["level"], ignore_case=switches["ignore-case"])
    collector, cursor = Collector(), ""
    left = switches["limit"] or _USUAL
    while left > 0:
        reply = collector.ask("searching", "searchLogs", query, selection, cursor, min(left, _AT_ONCE))
        yield reply
        left -= sum(len(hit["lines"]) for hit in reply["found"])
        cursor = reply["cursor"]
        if reply["done"]:
            return


def _write(switches: Switches, hit: Mapping[str, Any]) -> None:
    output = switches.output
    if switches["json"]:
        row = {"vo": hit["row"]["VO"], "stamp": hit["row"]["Stamp"], "site": hit["row"]["Site"]}
        output.write("".join(f"{dump_json(row | line)}\n" for line in hit["lines"]))
    else:
        output.write_rendered(line_output.render_hit(hit, output.terminal, output.look))


def _summarize(last: Mapping[str, Any], found: int) -> None:
    searched = last["looked"] - last["archived"]
    if not last["total"]:
        say("Nothing was searched: no log fits these conditions.")
    elif not searched:
        say("Nothing was searched.")
    elif not found:
        say(f"Nothing was found in {searched} log{'s' if searched > 1 else ''}.")
    elif not last["done"]:
        say(f"Stopped after {found} lines, in {last['looked']} of {last['total']} logs; see --limit.")
    if last["sentence"]:
        say(last["sentence"])


if __name__ == "__main__":
    main()
