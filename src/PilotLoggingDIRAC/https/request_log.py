# SPDX-License-Identifier: GPL-3.0-only
"""What is said of a request when it is done: one line, quiet when all is well and loud when not, and DIRAC's record for
its activity monitoring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DIRAC import S_ERROR
from DIRAC.Core.Utilities import Network, TimeUtilities

from ..text import one_line

LOGGED_CHARACTERS = 500


def note_failure(service: Any, method: str, error: BaseException) -> dict[str, Any]:
    """Log an exception that nobody foresaw.

    Args:
        service: The handler of DIRAC, or its class.
        method: Of the service.

    Returns:
        The S_ERROR for the caller, who is told nothing but its kind.
    """
    service.log.exception("Exception serving request", lException=error)
    failed: dict[str, Any] = S_ERROR(f"{method} failed in the collector: {type(error).__name__}.", callStack=[])
    return failed


def note_request(
    service: Any, who: Callable[[], str], method: str, path: str, seconds: float, problem: str | None
) -> None:
    """Log and record a request.

    Args:
        service: The handler of DIRAC, or its class.
        who: Gives the caller, for the log.
        method: Of the service.
        path: Of the request.
        seconds: That it took.
        problem: Why it was refused; None if all is well.
    """
    milliseconds = 1000 * seconds
    if problem is None:
        if service.log.shown("VERBOSE"):
            service.log.verbose("Served", f"{who()} {method} ({milliseconds:.1f} ms)")
    else:
        # What a peer sent is in the reason: it must not begin a line of its own.
        said = f"({milliseconds:.1f} ms): {one_line(problem, LOGGED_CHARACTERS)}"
        service.log.warn("Refused", f"{who()} {method} {said}")
    if service.activityMonitoringReporter:
        service.activityMonitoringReporter.addRecord(
            {
                "timestamp": int(TimeUtilities.toEpochMilliSeconds()),
                "Host": Network.getFQDN(),
                "ServiceName": "_".join(service._fullComponentName.split("/")),
                "Location": path,
                "ResponseTime": seconds,
                "MethodName": method,
                "Protocol": "https",
                "Status": "OK" if problem is None else "ERROR",
            }
        )
