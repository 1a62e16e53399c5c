# SPDX-License-Identifier: GPL-3.0-only
"""The collectors as the portal asks them: in the user's name, and with an exception for whatever goes wrong."""

from __future__ import annotations

import errno
from typing import Any

from DIRAC import gLogger
from DIRAC.Core.Utilities.DErrno import cmpError
from DIRAC.WorkloadManagementSystem.Client.PilotManagerClient import PilotManagerClient
from DIRAC.WorkloadManagementSystem.Client.TornadoPilotLoggingClient import TornadoPilotLoggingClient

from ..Core.Utilities import DErrno
from ..dirac_bridge.results import value_of
from ..errors import NOT_ALLOWED, NotFound, Rejected, Unavailable

_OURS = (DErrno.EPLREJECTED, DErrno.EPLNOTFOUND, DErrno.EPLUNAVAILABLE)
_PATIENCE = 60
"""Seconds that a browser waits for a collector."""


def ask(method: str, *arguments: Any) -> Any:
    """Call a method of the collector, as the user whose request this thread serves.

    Raises:
        Rejected, NotFound, Unavailable: What the collector said, or that none could be asked.
    """
    result = getattr(TornadoPilotLoggingClient(timeout=_PATIENCE), method)(*arguments)
    if result["OK"] or result.get("Errno") in _OURS:
        return value_of(result, method)
    gLogger.warn("PilotLogs: a collector did not answer", f"{method}: {result['Message']}")
    if cmpError(result, errno.EACCES):
        raise Rejected(
            "The collector does not let your group read logs, or does not trust this portal (TrustedHost).",
            reason=NOT_ALLOWED,
        )
    raise Unavailable("No collector answers at the moment. Your pilots' text is safe.")


def stamp_and_vo(reference: str) -> tuple[str, str]:
    """Stamp and VO of the pilot with that reference: from the logs' own context, or from PilotManager.

    Raises:
        NotFound: Nobody knows it.
        Unavailable: Nobody could be asked.
    """
    rows = ask("listLogs", {"PilotReference": reference}, [], 0, 1)["rows"]
    if rows:
        return rows[0]["Stamp"], rows[0]["VO"]
    result = PilotManagerClient(timeout=_PATIENCE).getPilotInfo(reference)
    if not result["OK"]:
        gLogger.warn("PilotLogs: PilotManager did not answer", result["Message"])
        if "No pilots found" in result["Message"]:
            raise NotFound("No pilot has that reference.")
        raise Unavailable("PilotManager does not answer at the moment, and no log names that reference itself.")
    pilot = result["Value"].get(reference, {})
    if not pilot.get("PilotStamp"):
        raise NotFound("No pilot has that reference.")
    return pilot["PilotStamp"], pilot["VO"]
