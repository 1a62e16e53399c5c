# SPDX-License-Identifier: GPL-3.0-only
"""A process that reads CSs, one JSON document a line, and says for each what the pilot and our report make of it.

    decide_as_pilot.py FOLDER_OF_THE_PILOT PILOTLOGGINGCOMMANDS.PY

``pilot.json`` is made by DIRAC's own PilotCStoJSONSynchronizer, and read by the pilot's own ``PilotParams``.
"""

import contextlib
import importlib
import json
import os
import sys
import tempfile

from DIRAC import gLogger
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from DIRAC.WorkloadManagementSystem.Utilities.PilotCStoJSONSynchronizer import PilotCStoJSONSynchronizer
from diraccfg import CFG

from PilotLoggingDIRAC.commands import vo_report


def module_of(file):
    sys.path.append(os.path.dirname(file))
    return importlib.import_module("PilotLoggingCommands")


def in_the_cs(tree, version):
    tree["DIRAC"] = {"Configuration": {"Version": str(version)}} | tree.get("DIRAC", {})
    gConfigurationData.remoteCFG = CFG().loadFromDict(tree)
    gConfigurationData.sync()


def as_pilot(tools, module, arguments):
    """What the pilot's parameters are, and what the worker-node module makes of them."""
    sys.argv = ["dirac-pilot.py", *arguments]
    try:
        parameters = tools.PilotParams()
    except (ValueError, AttributeError, TypeError) as error:
        return {"fatal": repr(error)}
    section = parameters.getPilotOptionsDict()
    options = module.Options(section, parameters.loggerURL)
    numbers = ("interval", "lines", "memory", "spill", "exit_time", "connect_timeout", "reply_timeout", "level")
    return {
        "fatal": "",
        "on": parameters.pilotLogging,
        "url": parameters.loggerURL,
        "extensions": parameters.commandExtensions,
        "debug": parameters.debugFlag,
        "listed": module._is_on_list(parameters.ceName, section.get("RemoteLoggerCEsWhiteList")),
        "urls": options.urls,
        "problems": options.problems,
        "numbers": {name: getattr(options, name) for name in numbers},
    }


def main():
    pilot, module_file = sys.argv[1:]
    gLogger.setLevel("FATAL")
    sys.path.insert(0, pilot)
    import pilotTools

    module = module_of(module_file)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.mkdir("security")
        open("security/something", "w").close()
        for name in ("X509_CERT_DIR", "X509_VOMS_DIR", "X509_VOMSES"):
            os.environ[name] = f"{folder}/security"
        for version, line in enumerate(sys.stdin, 1):
            asked = json.loads(line)
            in_the_cs(asked["cs"], version)
            document = PilotCStoJSONSynchronizer().getCSDict()["Value"]
            with open("pilot.json", "w") as file:
                json.dump(document, file)
            with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
                found = as_pilot(pilotTools, module, asked["arguments"])
            report = vo_report.report(asked["vo"], asked["ce"]).as_document()
            answers.write(json.dumps({"pilot": found, "report": report}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
