# SPDX-License-Identifier: GPL-3.0-only
"""Fills a new grid: storage status and directories as its administrator, shifters' proxies as they would themselves.

Run as a program of its own, in the environment of a client.
"""

import os
import sys
from pathlib import Path
from typing import Any

import DIRAC
from DIRAC.Core.Security.X509Chain import X509Chain
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import gProxyManager
from DIRAC.Resources.Catalog.FileCatalog import FileCatalog
from DIRAC.ResourceStatusSystem.Client.ResourceStatusClient import ResourceStatusClient

from .grid_configuration import SHIFTERS, STORAGE_ELEMENTS, upload_path
from .layout import Layout

_HOURS = 72
"""A shifter's proxy is refused when it has less than a day left."""


def main() -> None:
    """Fill the grid of the stack in the directory that is given."""
    layout = Layout(Path(sys.argv[1]))
    _become(layout, "admin")
    DIRAC.initialize()
    _open_storage_elements()
    _make_directories()
    for shifter in SHIFTERS.values():
        _become(layout, shifter)
        _upload_proxy(layout, shifter)


def _become(layout: Layout, user: str) -> None:
    os.environ["X509_USER_PROXY"] = str(layout.credentials / f"{user}.pem")


def _open_storage_elements() -> None:
    resource_status = ResourceStatusClient()
    for storage_element in STORAGE_ELEMENTS.values():
        for access in ("ReadAccess", "WriteAccess", "CheckAccess", "RemoveAccess"):
            _checked(
                resource_status.addOrModifyStatusElement(
                    "Resource",
                    "Status",
                    name=storage_element,
                    statusType=access,
                    status="Active",
                    elementType="StorageElement",
                    reason="new",
                    tokenOwner="rs_svc",
                )
            )


def _make_directories() -> None:
    """A community's directory is the administrator's, the one for logs below it the shifter's."""
    catalog = FileCatalog()
    owners = {upload_path(vo): shifter for vo, shifter in SHIFTERS.items()}
    directories = [f"/{vo}" for vo in SHIFTERS] + list(owners)
    _all_done(catalog.createDirectory(directories))
    _all_done(catalog.changePathMode(dict.fromkeys(directories, 0o755)))
    _all_done(catalog.changePathOwner(owners))
    _all_done(catalog.changePathGroup(owners))


def _upload_proxy(layout: Layout, user: str) -> None:
    """Upload a proxy without a group, as ``dirac-proxy-init --upload`` does."""
    chain = X509Chain()
    _checked(chain.loadChainFromFile(str(layout.users / f"{user}.cert.pem")))
    _checked(chain.loadKeyFromFile(str(layout.users / f"{user}.key.pem")))
    proxy = X509Chain()
    _checked(proxy.loadProxyFromString(_checked(chain.generateProxyToString(_HOURS * 3600))))
    _checked(gProxyManager.uploadProxy(proxy, restrictLifeTime=_HOURS * 3600))


def _all_done(result: dict[str, Any]) -> None:
    failed = _checked(result)["Failed"]
    if failed:
        sys.exit(f"{failed}")


def _checked(result: dict[str, Any]) -> Any:
    if not result["OK"]:
        sys.exit(result["Message"])
    return result["Value"]


if __name__ == "__main__":
    main()
