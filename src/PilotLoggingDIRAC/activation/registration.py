# SPDX-License-Identifier: GPL-3.0-only
"""Under which address DIRAC's clients find the collectors.

``dirac-install-component`` leaves ``Tornado`` out of the name when it notes the address, and the clients do not:
without another entry nobody can read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .editing import Change
from .mistakes import Mistake
from .sections import elements

URLS = "/Systems/WorkloadManagement/URLs"
OPTION = f"{URLS}/TornadoPilotLogging"
_NOTED = "PilotLogging"


def registered(urls: Mapping[str, str], given: Sequence[str]) -> tuple[list[Change], list[Mistake]]:
    """What must be set for readers to find a collector, and what somebody should know of what is set already.

    What is there is never replaced: with several collectors, or a balancer, it is not what the installer noted.

    Args:
        urls: The options of the section of URLs as they are now.
        given: The collectors that the caller names, for where nothing was noted.
    """
    there, noted = _names(urls.get("TornadoPilotLogging", "")), _names(urls.get(_NOTED, ""))
    if not there:
        wanted = noted or list(given)
        return ([Change(OPTION, urls.get("TornadoPilotLogging"), ", ".join(wanted))] if wanted else []), []
    if set(noted) <= set(there):
        return [], []
    return [], [
        Mistake(
            f"{OPTION} = {', '.join(there)} stays as it is, and DIRAC's installer has noted {', '.join(noted)} "
            f"({URLS}/{_NOTED}): if readers shall ask that one, add it to {OPTION}.",
            grave=False,
        )
    ]


def _names(value: str) -> list[str]:
    return [name for name in elements(str(value)) if name]
