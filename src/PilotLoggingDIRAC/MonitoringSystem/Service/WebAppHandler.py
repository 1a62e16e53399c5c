# SPDX-License-Identifier: GPL-3.0-only
"""Monitoring/WebApp, the service behind the portal's PilotMonitor, with the rule of VOs for pilots' output.

It is built on the handler that DIRAC would load without it: DIRAC's own, or that of an extension with a higher
priority, where ``HandlerPath`` in the CS names this file.
"""

from PilotLoggingDIRAC.dirac_bridge.pilot_output import PilotOutputRule, next_handler


class WebAppHandler(PilotOutputRule, next_handler()):  # type: ignore[misc]  # known when it runs
    """DIRAC gives the output of any VO's pilots to whoever asks for it. Here it goes to the pilot's own VO, and to
    those who may read every VO's logs (``ReadAnyVO`` of the collector)."""
