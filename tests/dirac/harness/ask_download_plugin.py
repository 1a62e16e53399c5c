# SPDX-License-Identifier: GPL-3.0-only
"""Runs as a process with the host's credentials, as DIRAC's portal back end does: asks for logs, prints the answers.

Arguments: pairs of a stamp and a VO; an empty VO stands for None.
"""

import json
import sys


def main() -> None:
    import DIRAC

    DIRAC.initialize(require_auth=False, host_credentials=True)
    from DIRAC.Core.Utilities.ObjectLoader import ObjectLoader

    # As in DIRAC/MonitoringSystem/Service/WebAppHandler.py
    name = "FileCacheDownloadPlugin"
    result = ObjectLoader().loadObject(f"WorkloadManagementSystem.Client.PilotLoggingPlugins.{name}", name)
    plugin = result["Value"]()
    answers = [type(plugin).__module__]
    words = iter(sys.argv[1:])
    for stamp, vo in zip(words, words, strict=True):
        answers.append(plugin.getRemotePilotLogs(stamp, vo or None))
    print("ANSWERS", json.dumps(answers, default=str))


if __name__ == "__main__":
    main()
