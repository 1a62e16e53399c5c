# SPDX-License-Identifier: GPL-3.0-only
"""Runs the commands of a pilot, as DIRAC's pilot does: parameters first, then one command after the other."""

import io
import os
import sys
import time

from pilotTools import Logger, PilotParams, RemoteLogger, getCommand

if __name__ == "__main__":
    started = int(time.time())

    # What the parameters print is kept, because no remote logger exists yet.
    terminal, sys.stdout = sys.stdout, io.StringIO()
    pilotParams = PilotParams()
    bufContent = sys.stdout.getvalue()
    sys.stdout = terminal
    sys.stdout.write(bufContent)

    remote = pilotParams.pilotLogging and pilotParams.loggerURL is not None
    if remote:
        receivedContent = "" if sys.stdin.isatty() else sys.stdin.read()
        log = RemoteLogger(
            pilotParams.loggerURL,
            "Pilot",
            bufsize=pilotParams.loggerBufsize,
            pilotUUID=pilotParams.pilotUUID,
            debugFlag=pilotParams.debugFlag,
            wnVO=pilotParams.wnVO,
        )
        log.info("Remote logger activated")
        log.buffer.write(receivedContent)
        log.buffer.flush()
        log.buffer.write(bufContent)
    else:
        log = Logger("Pilot", debugFlag=pilotParams.debugFlag)

    if not pilotParams.keepPythonPath:
        log.info("Clearing PYTHONPATH for child processes.")
        if "PYTHONPATH" in os.environ:
            os.environ["PYTHONPATH_SAVE"] = os.environ["PYTHONPATH"]
            os.environ["PYTHONPATH"] = ""

    pilotParams.pilotStartTime = started
    pilotParams.pilotRootPath = os.getcwd()
    pilotParams.pilotScript = os.path.realpath(sys.argv[0])
    pilotParams.pilotScriptName = os.path.basename(pilotParams.pilotScript)
    log.debug(f"PARAMETER {pilotParams.optList}")
    if pilotParams.commandExtensions:
        log.info(f"Requested command extensions: {pilotParams.commandExtensions}")
    log.info(f"Executing commands: {pilotParams.commands}")

    if remote:
        try:
            log.buffer.cancelTimer()
            log.debug("Timer canceled")
            log.buffer.flush()
        except Exception as error:
            log.error(str(error))

    for commandName in pilotParams.commands:
        command, module = getCommand(pilotParams, commandName)
        if command is None:
            log.error(f"Command {commandName} could not be instantiated")
            if remote:
                log.buffer.flush()
            sys.exit(-1)
        command.log.info(f"Command {commandName} instantiated from {module}")
        command.execute()
