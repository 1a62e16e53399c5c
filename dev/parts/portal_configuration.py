# SPDX-License-Identifier: GPL-3.0-only
"""What a portal needs in the configuration: its menu, and the services that it, PilotMonitor and our page ask."""

from typing import Any

from .identities import HOST
from .state import Stack

PILOTS = "PilotAgentsDB"
DATABASES = {"PilotAgentsDB": "WorkloadManagement", "UserProfileDB": "Framework"}
"""To their systems: what pilots there are, and the desktops that users save and share."""
DATABASE_USER = "PilotAgents"
SERVICES = {
    "webapp": "Monitoring/WebApp",
    "pilotmanager": "WorkloadManagement/PilotManager",
    "userprofile": "Framework/UserProfileManager",
}
"""By component: DISET, as DIRAC 9.1 has them."""


def content(stack: Stack) -> dict[str, Any]:
    """The sections to add."""
    tree: dict[str, Any] = {
        "WebApp": {
            "DefaultStaticDirs": "None",
            "HTTP": {"Port": 0},  # any: nobody asks it
            "HTTPS": {"Port": stack.ports["portal"]},
            "Schema": {
                "Applications": {
                    "Pilot Logs": "PilotLoggingDIRAC.PilotLogs",
                    "Pilot Monitor": "PilotLoggingDIRAC.PilotMonitor",
                    "Stock Pilot Monitor": "DIRAC.PilotMonitor",
                },
            },
        },
        "Systems": {},
    }
    for name, system in DATABASES.items():
        tree["Systems"].setdefault(system, {})["Databases"] = {
            name: {
                "DBName": name,
                "Host": "127.0.0.1",
                "Port": stack.ports["mariadb"],
                "User": DATABASE_USER,
                "Password": stack.passwords[DATABASE_USER],
            }
        }
    for component, service in SERVICES.items():
        system, name = service.split("/")
        section = tree["Systems"].setdefault(system, {})
        section.setdefault("URLs", {})[name] = f"dips://{HOST}:{stack.ports[component]}/{service}"
        section.setdefault("Services", {})[name] = {
            "Port": stack.ports[component],
            "Authorization": {"Default": "authenticated"},
        }
    return tree
