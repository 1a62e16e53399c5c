"""
Find lines in the logs of pilots, in those that began last first

Only what is still in the collectors' database is searched; of how many logs that cannot be said is said at the end.

Example:
  $ dirac-pilot-logs-search "No space left on device" --since=1d
  $ dirac-pilot-logs-search --regex "exit(ed)? with code [1-9]" --site=cern --level=ERROR
  $ dirac-pilot-logs-search --json --limit=1000 "CVMFS" | jq -r .stamp | sort | uniq -c
"""

import json
import os

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
    Script,
    Selection,
    Switches,
    fail_use,
    line_query,
    number,
    one_of,
    run,
    say,
)
from PilotLoggingDIRAC.commands.progress_line import ProgressLine
from PilotLoggingDIRAC.terminal import line_output

_USUAL = 200
_AT_ONCE = 1000


@Script()
def main():
    # A text such as dirac.cfg is one to look for; DIRAC would take it for a file of configuration.
    os.environ.setdefault("DIRAC_NO_CFG", "1")
    switches = Switches()
    output = switches.output
    # Not as mandatory: then DIRAC would print all its help.
    Script.registerArgument("Text: what stands in the line", mandatory=False)
    selection = Selection(switches)
    switches.flag("regex", "The text is a regular expression (RE2)")
    switches.flag("ignore-case", "In any case", short="i")
    switches.value("level", "Only messages of this level and above", one_of(*line_output.LEVELS))
    switches.value("limit", f"Lines to find at most ({_USUAL}); 0 for all", number(0, 10**9))
    switches.flag("json", "One JSON object a line", short="j")
    switches.look()
    arguments = switches.parse()
    if len(arguments) != 1 or not arguments[0]:
        fail_use("takes one text that is not empty; put one with blanks in quotes")
    text = arguments[0]
    switches.pages(not switches["json"])

    def work():
        left = _USUAL if switches["limit"] is None else switches["limit"] or 10**9
        what = {"regex" if switches["regex"] else "text": text}
        query = line_query(**what, level=switches["level"], ignore_case=switches["ignore-case"])
        collector, cursor, found = Collector(), "", 0
        with ProgressLine("logs") as progress:
            while left > 0:
                reply = collector.ask(
                    "searching", "searchLogs", query, selection.document(), cursor, min(left, _AT_ONCE)
                )
                for hit in reply["found"]:
                    progress.clear()
                    write(hit)
                    found += len(hit["lines"])
                    left -= len(hit["lines"])
                cursor = reply["cursor"]
                progress.show(reply["looked"], reply["total"])
                if reply["done"]:
                    break
        searched = reply["looked"] - reply["archived"]
        if not reply["total"]:
            say("Nothing was searched: no log fits these conditions.")
        elif not searched:
            say("Nothing was searched.")
        elif not found:
            say(f"Nothing was found in {searched} log{'s' if searched > 1 else ''}.")
        elif not reply["done"]:
            say(f"Stopped after {found} lines, in {reply['looked']} of {reply['total']} logs; see --limit.")
        if reply["sentence"]:
            say(reply["sentence"])
        return 0 if found else 1

    def write(hit):
        if switches["json"]:
            row = {"vo": hit["row"]["VO"], "stamp": hit["row"]["Stamp"], "site": hit["row"]["Site"]}
            lines = "".join(f"{json.dumps(row | line)}\n" for line in hit["lines"])
        else:
            lines = line_output.render_hit(hit, output.terminal, output.look)
        output.write(lines)

    run(work, output)


if __name__ == "__main__":
    main()
