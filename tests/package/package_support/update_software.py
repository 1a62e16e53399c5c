# SPDX-License-Identifier: GPL-3.0-only
"""DIRAC's own SystemAdministrator updates this installation. Arguments: the version, and where DIRACOS's installer is.

Nothing of DIRAC is replaced but the address of that installer, which is on the Internet.
"""

import json
import sys

import requests
from DIRAC import gLogger
from DIRAC.FrameworkSystem.Service import SystemAdministratorHandler as module


def main() -> None:
    """Print DIRAC's answer as one line of JSON."""
    version, installer = sys.argv[1:]
    get = requests.get

    def get_from_here(url: str, **more: object) -> requests.Response:
        assert "/DIRACOS2/" in url, url
        return get(installer, **more)

    module.requests.get = get_from_here
    handler = module.SystemAdministratorHandler.__new__(module.SystemAdministratorHandler)
    handler.log = gLogger
    print("ANSWER", json.dumps(handler.export_updateSoftware(version), default=str))


if __name__ == "__main__":
    main()
