# SPDX-License-Identifier: GPL-3.0-only
"""What DIRAC calls the parts of this package."""

SERVICE = "WorkloadManagement/TornadoPilotLogging"
AGENT = "WorkloadManagement/PilotLoggingAgent"
DATABASE = "WorkloadManagement/PilotLogDB"
