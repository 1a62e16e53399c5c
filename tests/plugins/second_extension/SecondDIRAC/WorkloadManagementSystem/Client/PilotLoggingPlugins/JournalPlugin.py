# SPDX-License-Identifier: GPL-3.0-only
"""Written for DIRAC's own collector, long before: it knows nothing of PilotLoggingDIRAC."""

import json
from pathlib import Path

from DIRAC import S_ERROR, S_OK
from DIRAC.ConfigurationSystem.Client.Helpers.Operations import Operations
from DIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.PilotLoggingPlugin import PilotLoggingPlugin


class JournalPlugin(PilotLoggingPlugin):
    """Notes each call in a file; no more than so many as a file beside it says, where there is one."""

    def sendMessage(self, message, pilotUUID, vo):
        """A message of a pilot."""
        return self._note("sendMessage", message, pilotUUID, vo)

    def finaliseLogs(self, payload, logfile, vo):
        """A pilot's goodbye."""
        return self._note("finaliseLogs", payload, logfile, vo)

    def _note(self, method, document, stamp, vo):
        path = Path(Operations(vo=vo).getValue("Pilot/JournalPath"))
        limit = path.with_suffix(".limit")
        lines = path.read_text().count("\n") if path.exists() else 0
        if limit.exists() and lines >= int(limit.read_text()):
            return S_ERROR("The journal is full")
        with path.open("a") as journal:
            journal.write(json.dumps([method, json.loads(document), stamp, vo]) + "\n")
        return S_OK()
