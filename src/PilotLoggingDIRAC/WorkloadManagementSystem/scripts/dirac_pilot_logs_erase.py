# SPDX-License-Identifier: GPL-3.0-only
"""
Erase text of a pilot's log that should never have come, such as a secret: from the database, and from each storage

Erased is a text wherever it stands, some lines, or all of the log; it becomes stars, and a line says who erased it and
when. It asks first. With --text=- the text is read from standard input, so that no shell remembers it. Copies in
storage are replaced by the agent, also if storage is away now. What a message queue has sent is told there.

Example:
  $ dirac-pilot-logs-erase 1f0e95b2 --text=- --dry-run < secret.txt
  $ dirac-pilot-logs-erase 1f0e95b2 --text=- --yes < secret.txt
  $ dirac-pilot-logs-erase 1f0e95b2 --lines=120-124
"""

import re
import sys
from typing import Any

from PilotLoggingDIRAC.commands.command_line import (
    Collector,
    Script,
    Switches,
    fail_use,
    name,
    run,
    say,
)

_LARGEST = 2**16
_STDIN = "-"


@Script()
def main() -> None:
    switches = Switches()
    Script.registerArgument("Pilot: a pilot's stamp, or the beginning of it", mandatory=False)
    switches.value("text", f"Erase this text wherever it stands; {_STDIN} reads it from standard input")
    switches.value("lines", "Erase this line, or these lines: 7, or 7-9", _lines)
    switches.flag("all", "Erase all of the log")
    switches.value("VO", "The pilot's VO; by default that of your proxy", name, short="V")
    switches.flag("dry-run", "Only say how much it is", short="n")
    switches.flag("yes", "Do not ask", short="y")
    pilots = switches.parse()
    if len(pilots) != 1:
        fail_use("takes one stamp")
    if sum(switches[each] is not None for each in ("text", "lines", "all")) != 1:
        fail_use("takes one of --text, --lines and --all")
    run(lambda: erase(switches, pilots[0]), switches.output)


def _lines(typed: str) -> list[int]:
    found = re.fullmatch("([0-9]{1,15})(?:-([0-9]{1,15}))?", typed)
    lines = [int(found[1]), int(found[2] or found[1])] if found else [0, 0]
    if not 1 <= lines[0] <= lines[1]:
        raise ValueError("the number of a line, or two with a hyphen: 7, or 7-9")
    return lines


def _what(switches: Switches) -> dict[str, Any]:
    """As the collector takes it. The end of the last line of standard input is the shell's, not the text's."""
    if switches["all"]:
        return {"all": True}
    if switches["lines"]:
        return {"lines": switches["lines"]}
    if switches["text"] != _STDIN:
        return {"text": switches["text"]}
    data = sys.stdin.buffer.read(_LARGEST + 2)
    return {"text": data.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")}


def erase(switches: Switches, pilot: str) -> int:
    from PilotLoggingDIRAC.commands.asking import agreed
    from PilotLoggingDIRAC.commands.pilot_lookup import log_of_stamp

    what, collector = _what(switches), Collector()
    stamp, vo = log_of_stamp(collector, pilot, switches["VO"] or "")
    seen = collector.ask("looking for it", "eraseLog", stamp, vo, what, True)
    log = f"log {seen['stamp']} of VO {seen['vo']}"
    if not seen["places"]:
        say(f"There is nothing of it in {log}.")
        return 1
    if switches["dry-run"]:
        switches.output.write(f"{_lines_in_words(seen)} of {log} would be erased. Nothing was changed.\n")
        return 0
    if not switches["yes"] and not agreed(f"Erase text of {_lines_in_words(seen)} of {log} for good?"):
        say("Nothing was changed.")
        return 1
    done = collector.ask("erasing it", "eraseLog", stamp, vo, what, False)
    switches.output.write(f"Text of {_lines_in_words(done)} of {log} was erased.\n")
    if done["plugins"]:
        plugins = ", ".join(done["plugins"])
        switches.output.write(f"The agent sees to the copies of {plugins}; dirac-pilot-logs-status shows what waits.\n")
    return 0


def _lines_in_words(reply: dict[str, Any]) -> str:
    return "1 line" if reply["lines"] == 1 else f"{reply['lines']} lines"


if __name__ == "__main__":
    main()
