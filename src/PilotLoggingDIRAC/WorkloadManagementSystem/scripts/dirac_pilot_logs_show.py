"""
Show the log of a pilot, while it runs or afterwards

With --check it says instead whether the worker-node module sent the log, and whether all of it came; the exit code is 0
if so, and 1 if not.

Example:
  $ dirac-pilot-logs-show 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2
  $ dirac-pilot-logs-show 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2 --follow
  $ dirac-pilot-logs-show --check 1f0e95b2fd5b4a1bb5e9c1c6b5b4d3a2
"""

import sys

from DIRAC import exit as DIRACExit
from DIRAC.Core.Base.Script import Script

from PilotLoggingDIRAC.dirac_bridge.streams import take_stdout


@Script()
def main():
    output = take_stdout()
    Script.registerSwitch("f", "follow", "Go on as the pilot writes, until its log is closed")
    Script.registerSwitch("", "check", "Say whether the worker-node module sent the log, and whether all of it came")
    Script.registerSwitch("V:", "VO=", "The pilot's VO; by default that of your proxy")
    Script.registerArgument("Stamp: the pilot's stamp")
    switches, arguments = Script.parseCommandLine(ignoreErrors=False)
    # After the command line: DIRAC's clients need the configuration.
    from DIRAC.WorkloadManagementSystem.Client.TornadoPilotLoggingClient import TornadoPilotLoggingClient

    from PilotLoggingDIRAC.dirac_bridge.results import value_of
    from PilotLoggingDIRAC.errors import PilotLoggingError
    from PilotLoggingDIRAC.read.sent_by import examine, verdict
    from PilotLoggingDIRAC.read.tail import shown

    given = {name for name, _ in switches}
    follow = bool(given & {"f", "follow"})
    vo = next((value for name, value in switches if name in ("V", "VO")), "")
    client = TornadoPilotLoggingClient()

    def read(cursor):
        return value_of(client.readLog(arguments[0], vo, cursor, 0), "reading the log")

    def pilot_version(reply):
        selection = {"VO": reply["vo"], "Stamp": reply["stamp"]}
        rows = value_of(client.listLogs(selection), "listing the log")["rows"]
        return next((row["PilotVersion"] for row in rows), None)

    try:
        if "check" in given:
            findings = examine(read)
            sentences, good = verdict(findings, pilot_version(findings.reply))
            output.write("".join(f"{sentence}\n" for sentence in sentences).encode("utf-8", "replace"))
            output.flush()
            DIRACExit(0 if good else 1)
        for piece in shown(read, follow, terminal=output.isatty()):
            # As bytes: a log may hold what no encoding of a terminal has.
            output.write(piece.encode("utf-8", "surrogatepass"))
            output.flush()
    except PilotLoggingError as error:
        print(f"dirac-pilot-logs-show: {error}", file=sys.stderr)
        DIRACExit(1)
    except (BrokenPipeError, KeyboardInterrupt):
        # The reader has seen enough.
        sys.stderr.close()
        DIRACExit(0)


if __name__ == "__main__":
    main()
