"""
Show how the collectors of pilots' logs are, all of them, and what needs a person

The exit code is 0 when all is well, 1 when something needs a person, 2 when the command was called wrongly.

Example:
  $ dirac-pilot-logs-status
  $ dirac-pilot-logs-status --json -o /DIRAC/Security/UseServerCertificate=yes
"""

import sys

from DIRAC import S_OK
from DIRAC import exit as DIRACExit
from DIRAC.Core.Base.Script import Script

from PilotLoggingDIRAC.dirac_bridge.command_line import run
from PilotLoggingDIRAC.dirac_bridge.start import parse_command_line
from PilotLoggingDIRAC.dirac_bridge.streams import take_stdout

_TIMEOUT = 20


class _Options:
    """The command line's own switches."""

    json = False
    timeout = _TIMEOUT
    hours = 6.0
    seconds = 5.0
    wrong = ""

    def set_json(self, _):
        self.json = True
        return S_OK()

    def set_number(self, name):
        def take(value):
            try:
                number = float(value)
            except ValueError:
                number = 0.0
            if 0 < number < 1e6:
                setattr(self, name, number)
            else:
                self.wrong = f"--{name} takes a number greater than 0, not {value!r}"
            return S_OK()  # with an S_ERROR DIRAC would end with 1, which means something else here

        return take


@Script()
def main():
    output = take_stdout()
    options = _Options()
    Script.registerSwitch("j", "json", "Everything as one JSON document, for programs", options.set_json)
    Script.registerSwitch("b:", "hours=", "Hours that text may wait for its storage (6)", options.set_number("hours"))
    Script.registerSwitch(
        "l:", "seconds=", "Seconds that 99 of 100 acknowledgements may take (5)", options.set_number("seconds")
    )
    Script.registerSwitch(
        "t:", "timeout=", f"Seconds that a collector may take to answer ({_TIMEOUT})", options.set_number("timeout")
    )
    _, arguments = parse_command_line()
    if arguments:
        options.wrong = f"takes no argument such as {arguments[0]!r}"
    if options.wrong:
        print(f"dirac-pilot-logs-status: {options.wrong}", file=sys.stderr)
        DIRACExit(2)
    run(lambda: _status(options, output))


def _status(options, output):
    # Not before the command line is read: DIRAC's clients need the configuration.
    from PilotLoggingDIRAC.dirac_bridge import collectors
    from PilotLoggingDIRAC.read import rendering, status

    answers = collectors.ask_all(options.timeout)
    problems = status.problems(answers, status.Tolerance(latency=options.seconds, backlog=3600 * options.hours))
    if options.json:
        shown = rendering.as_json(answers, problems)
    elif output.isatty():
        shown = rendering.for_terminal(status.tables(answers), problems)
    else:
        shown = rendering.as_text(status.tables(answers), problems)
    output.write(shown.encode("utf-8", "replace"))
    output.flush()
    return 1 if problems else 0


if __name__ == "__main__":
    main()
