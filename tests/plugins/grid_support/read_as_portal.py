# SPDX-License-Identifier: GPL-3.0-only
"""What Monitoring/WebApp does to show a remote log: its plugin's answer, as JSON. Arguments: stamp and VO."""

import json
import os
import sys

import DIRAC

from PilotLoggingDIRAC.dirac_bridge.stdout import take_stdout

answers = take_stdout()
DIRAC.initialize(require_auth=False, host_credentials=True, log_level=DIRAC.LogLevel.WARN)

from DIRAC.Core.Utilities.ObjectLoader import ObjectLoader  # noqa: E402

plugin = ObjectLoader().loadObject("WorkloadManagementSystem.Client.PilotLoggingPlugins.FileCacheDownloadPlugin")
answer = plugin["Value"]().getRemotePilotLogs(*sys.argv[1:])
shown = {name: value for name, value in answer.items() if name in ("OK", "Value", "Message")}
answers.write(json.dumps(shown).encode())
answers.flush()
os._exit(0)
