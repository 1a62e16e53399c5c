"""
List the logs of pilots, the one with the latest line first, or count them

Example:
  $ dirac-pilot-logs-list --site=cern --silent --since=2d
  $ dirac-pilot-logs-list --failed --sort=Errors --limit=20
  $ dirac-pilot-logs-list --by=site --since=1d --sort=Failed
  $ dirac-pilot-logs-list --json --limit=0 --errors | jq -r .Stamp
"""

import json

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
    Script,
    Selection,
    Switches,
    fail_use,
    number,
    one_of,
    run,
    say,
)
from PilotLoggingDIRAC.model import LISTED_COLUMNS
from PilotLoggingDIRAC.terminal import count_table, log_table
from PilotLoggingDIRAC.terminal.count_table import BY, COUNTS

_PAGE = 1000
_USUAL = 100


@Script()
def main():
    switches = Switches()
    output = switches.output
    selection = Selection(switches)
    switches.value("by", f"Count the logs by one of {', '.join(BY)}", one_of(*BY))
    sorts = tuple(dict.fromkeys((*LISTED_COLUMNS, "Value", *COUNTS)))
    switches.value("sort", "Column to sort by, the largest first (LastArrival; with --by Logs)", one_of(*sorts))
    switches.flag("ascending", "The smallest first")
    switches.value("limit", f"Logs to list at most ({_USUAL}); 0 for all", number(0, 10**9))
    switches.flag("json", "One JSON object a line, with all columns", short="j")
    switches.look()
    switches.parse(arguments=False)
    known = ("Value", *COUNTS) if switches["by"] else LISTED_COLUMNS
    if switches["sort"] and switches["sort"] not in known:
        fail_use(f"sorts {'counts' if switches['by'] else 'logs'} by one of {', '.join(known)}")
    switches.pages(not switches["json"])
    limit = _USUAL if switches["limit"] is None else switches["limit"] or 10**9

    def work():
        return count(BY[switches["by"]]) if switches["by"] else list_logs()

    def list_logs():
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
        elif output.look.harmless:
            text = log_table.for_terminal(rows, vo, output.look, output.width) if rows else ""
        else:
            text = log_table.as_text(rows, vo, first)
        output.write(text)

    def count(column):
        answer = Collector().ask("counting the logs", "countLogs", selection.document(), column, _PAGE)
        sort = switches["sort"] or "Logs"
        if switches["sort"] or switches["ascending"]:
            answer["rows"].sort(key=lambda row: (row[sort] is not None, row[sort]), reverse=not switches["ascending"])
        rows = answer["rows"][:limit]
        if switches["json"]:
            output.write("".join(f"{json.dumps({column: row.pop('Value')} | row)}\n" for row in rows))
        elif rows:
            output.write(count_table.render(rows, column, output.look, output.width))
        if not answer["all"]:
            say(f"Only the latest {answer['logs']} logs are counted; --since narrows it.")
        if len(rows) < answer["total"]:
            say(f"{len(rows)} of {answer['total']} values; see --limit.")
        elif not rows:
            say("There is no such log.")
        return 0

    run(work, output)


if __name__ == "__main__":
    main()
