# SPDX-License-Identifier: GPL-3.0-only
"""
List the logs of pilots, the one with the latest line first, or count them

Example:
  $ dirac-pilot-logs-list --site=cern --silent --since=2d
  $ dirac-pilot-logs-list --failed --sort=Errors --limit=20
  $ dirac-pilot-logs-list --by=site --since=1d --sort=Failed
  $ dirac-pilot-logs-list --json --limit=0 --errors | jq -r .Stamp
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
    Script,
    Selection,
    Switches,
    fail_use,
    limit,
    one_of,
    run,
    say,
)
from PilotLoggingDIRAC.model import LISTED_COLUMNS
from PilotLoggingDIRAC.terminal import count_table, log_table
from PilotLoggingDIRAC.terminal.count_table import BY, COUNTS
from PilotLoggingDIRAC.text import dump_json

_PAGE = 1000
_USUAL = 100


@Script()
def main() -> None:
    switches = Switches()
    selection = Selection(switches)
    _declare(switches)
    switches.parse(arguments=False)
    _check(switches)
    switches.pages(not switches["json"])
    work = count_logs if switches["by"] else list_logs
    run(lambda: work(switches, selection.document()), switches.output)


def _declare(switches: Switches) -> None:
    switches.value("by", f"Count the logs by one of {', '.join(BY)}", one_of(*BY))
    sorts = tuple(dict.fromkeys((*LISTED_COLUMNS, "Value", *COUNTS)))
    switches.value("sort", "Column to sort by, the largest first (LastArrival; with --by Logs)", one_of(*sorts))
    switches.flag("ascending", "The smallest first")
    switches.value("limit", f"Logs to list at most ({_USUAL}); 0 for all", limit)
    switches.flag("json", "One JSON object a line, with all columns", short="j")
    switches.look()


def _check(switches: Switches) -> None:
    known = ("Value", *COUNTS) if switches["by"] else LISTED_COLUMNS
    if switches["sort"] and switches["sort"] not in known:
        fail_use(f"sorts {'counts' if switches['by'] else 'logs'} by one of {', '.join(known)}")


def list_logs(switches: Switches, selection: dict[str, Any]) -> int:
    sort = [[switches["sort"] or "LastArrival", "ASC" if switches["ascending"] else "DESC"]]
    shown, total, limit = 0, 0, switches["limit"] or _USUAL
    for page in _pages(Collector().rows(selection, sort, limit)):
        total = page[-1][1]
        _write(switches, [row for row, _ in page], first=not shown)
        shown += len(page)
    if not shown and not switches["json"]:
        _write(switches, [], first=True)
    if limit <= shown < total:
        say(f"{shown} of {total} logs; --limit=0 lists all.")
    elif not shown:
        say("There is no such log.")
    return 0


def _pages(rows: Iterable[tuple[Any, int]]) -> Iterator[list[tuple[Any, int]]]:
    left = iter(rows)
    while page := list(islice(left, _PAGE)):
        yield page


def _write(switches: Switches, rows: list[Mapping[str, Any]], first: bool) -> None:
    output = switches.output
    if switches["json"]:
        output.write("".join(f"{dump_json(row)}\n" for row in rows))
    elif rows or not output.look.harmless:
        vo = len({row["VO"] for row in rows}) > 1
        output.write_rendered(log_table.render(rows, vo, output.look, output.width, heads=first))


def count_logs(switches: Switches, selection: dict[str, Any]) -> int:
    column, output = BY[switches["by"]], switches.output
    answer = Collector().ask("counting the logs", "countLogs", selection, column, _PAGE)
    sort = switches["sort"] or "Logs"
    if switches["sort"] or switches["ascending"]:
        answer["rows"].sort(key=lambda row: (row[sort] is not None, row[sort]), reverse=not switches["ascending"])
    rows = answer["rows"][: switches["limit"] or _USUAL]
    if switches["json"]:
        output.write("".join(f"{dump_json({column: row.pop('Value')} | row)}\n" for row in rows))
    elif rows:
        output.write_rendered(count_table.render(rows, column, output.look, output.width))
    if not answer["all"]:
        say(f"Only the latest {answer['logs']} logs are counted; --since narrows it.")
    if len(rows) < answer["total"]:
        say(f"{len(rows)} of {answer['total']} values; see --limit.")
    elif not rows:
        say("There is no such log.")
    return 0


if __name__ == "__main__":
    main()
