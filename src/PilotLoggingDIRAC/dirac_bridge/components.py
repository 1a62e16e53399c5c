"""What DIRAC calls the parts of this package."""

SERVICE = "WorkloadManagement/TornadoPilotLogging"
AGENT = "WorkloadManagement/PilotLoggingAgent"
DATABASE = "WorkloadManagement/PilotLogDB"
