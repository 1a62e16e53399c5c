# SPDX-License-Identifier: GPL-3.0-only
"""
Show how the collectors of pilots' logs are, all of them, and what needs a person

The exit code is 0 when all is well, 1 when something needs a person, 2 when the command was called wrongly.

Example:
  $ dirac-pilot-logs-status
  $ dirac-pilot-logs-status --json -o /DIRAC/Security/UseServerCertificate=yes
"""

import contextlib

from PilotLoggingDIRAC.commands.command_line import Script, Switches, duration, run

_TIMEOUT, _HOURS, _SECONDS = 20, 6, 5


@Script()
def main() -> None:
    switches = Switches()
    switches.flag("json", "Everything as one JSON document, for programs", short="j")
    switches.value("hours", f"Hours that text may wait for its storage ({_HOURS}); also 30m", duration("h"), short="b")
    switches.value(
        "seconds", f"Seconds that 99 of 100 acknowledgements may take ({_SECONDS})", duration("s"), short="l"
    )
    switches.value("timeout", f"Seconds that a collector may take to answer ({_TIMEOUT})", duration("s"), short="t")
    switches.look(pages=False)
    switches.parse(arguments=False)
    run(lambda: show_status(switches), switches.output)


def show_status(switches: Switches) -> int:
    # After the command line: DIRAC's clients need the configuration.
    from PilotLoggingDIRAC.commands import collectors
    from PilotLoggingDIRAC.terminal import collector_status, render

    output = switches.output
    answers = collectors.ask_all(switches["timeout"] or _TIMEOUT)
    tolerance = collector_status.Tolerance(
        latency=switches["seconds"] or _SECONDS, backlog=switches["hours"] or 3600 * _HOURS
    )
    problems = collector_status.problems(answers, tolerance)
    if switches["json"]:
        shown = render.as_json(answers, problems)
    else:
        shown = render.render_status(collector_status.tables(answers), problems, output.look, output.width)
    # A reader that has seen enough does not make it well.
    with contextlib.suppress(BrokenPipeError):
        output.write_rendered(shown)
    return 1 if problems else 0


if __name__ == "__main__":
    main()
