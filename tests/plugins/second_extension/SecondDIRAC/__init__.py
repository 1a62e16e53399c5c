# SPDX-License-Identifier: GPL-3.0-only
"""A community's own small extension, beside PilotLoggingDIRAC: two plugins for pilots' logs and nothing else."""


def extension_metadata():
    """What DIRAC asks an extension about itself."""
    return {"primary_extension": False, "priority": 30, "setups": {}}
