# SPDX-License-Identifier: GPL-3.0-only
"""Where DIRAC looks for it; the database is opened in :mod:`PilotLoggingDIRAC.dirac_bridge.database`."""

from PilotLoggingDIRAC.dirac_bridge.database import PilotLogDB

__all__ = ["PilotLogDB"]
