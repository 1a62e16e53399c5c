"""
List the logs of pilots, the one with the latest line first

Example:
  $ dirac-pilot-logs-list --site=cern --silent --since=2d
  $ dirac-pilot-logs-list --failed --sort=Errors --limit=20
  $ dirac-pilot-logs-list --json --limit=0 --errors | jq -r .Stamp
"""

import json

from DIRAC.Core.Base.Script import Script

from PilotLoggingDIRAC.dirac_bridge.command_line import (
    Collector,
    Selection,
    Switches,
    fail_use,
    number,
    one_of,
    run,
    say,
)
from PilotLoggingDIRAC.dirac_bridge.streams import take_stdout
from PilotLoggingDIRAC.read import log_table
from PilotLoggingDIRAC.store.logs import COLUMNS

_PAGE = 1000
_USUAL = 100


@Script()
def main():
    output = take_stdout()
    switches = Switches()
    selection = Selection(switches)
    switches.value("sort", "Column to sort by, the largest first (LastArrival)", one_of(*COLUMNS))
    switches.flag("ascending", "The smallest first")
    switches.value("limit", f"Logs to list at most ({_USUAL}); 0 for all", number(0, 10**9))
    switches.flag("json", "One JSON object a line, with all columns", short="j")
    arguments = switches.parse()
    if arguments:
        fail_use(f"takes no argument such as {arguments[0]!r}")

    def work():
        limit = _USUAL if switches["limit"] is None else switches["limit"] or 10**9
        sort = [[switches["sort"] or "LastArrival", "ASC" if switches["ascending"] else "DESC"]]
        page, shown, total = [], 0, 0
        for row, of_all in Collector().rows(selection.document(), sort, limit):
            page.append(row)
            total = of_all
            if len(page) == _PAGE:
                write(page, shown == 0)
                shown += len(page)
                page = []
        if page or (not shown and not switches["json"]):
            write(page, shown == 0)
            shown += len(page)
        if shown < total:
            say(f"{shown} of {total} logs; --limit=0 lists all.")
        elif not shown:
            say("There is no such log.")
        return 0

    def write(rows, first):
        vo = len({row["VO"] for row in rows}) > 1
        if switches["json"]:
            text = "".join(f"{json.dumps(row)}\n" for row in rows)
        elif output.isatty():
            text = log_table.for_terminal(rows, vo) if rows else ""
        else:
            text = log_table.as_text(rows, vo, first)
        output.write(text.encode("utf-8", "replace"))
        output.flush()

    run(work)


if __name__ == "__main__":
    main()
