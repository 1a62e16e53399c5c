# SPDX-License-Identifier: GPL-3.0-only
"""PilotLoggingDIRAC: the logs of grid pilot jobs, collected reliably.

The way of a line can be read from the packages' names, in this order: :mod:`.ingest` (what a pilot sent becomes an
append), :mod:`.store` (PilotLogDB), :mod:`.deliver` (to the storage that a VO chose), :mod:`.read` (back to a
shifter). They know nothing of DIRAC; ``WorkloadManagementSystem`` is what DIRAC finds by path, and ``dirac_bridge``,
``https``, ``storage`` and ``commands`` stand between the two: see ``docs/architecture.md``.
"""

from pathlib import Path
from typing import Any

from ._version import __version__

__all__ = ["__version__", "extension_metadata"]


def extension_metadata() -> dict[str, Any]:
    """What DIRAC asks an extension about itself (entry point group ``dirac``); more than DIRAC's 0 wins."""
    portal = Path(__file__).parent / "WebApp"
    return {
        "primary_extension": False,
        "priority": 20,
        "setups": {},
        "web_resources": {"static": [portal / "static"], "template": [portal / "template"]},
    }
