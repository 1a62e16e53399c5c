# SPDX-License-Identifier: GPL-3.0-only
"""Changes of the CS, through DIRAC's CSAPI, by somebody who may make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.CSAPI import CSAPI
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.Core.Security.ProxyInfo import getProxyInfo

from ..activation.editing import Change
from ..dirac_bridge.results import value_of
from ..errors import Rejected

_RIGHT = "CSAdministrator"


class CSChanges:
    """What the CS's master has now, and a way to change it."""

    def __init__(self) -> None:
        """Connect to the master.

        Raises:
            Rejected: The caller may not change the CS.
            Unavailable: There is no CS, or it gives no answer.
        """
        who, properties = _caller()
        if _RIGHT not in properties:
            raise Rejected(f"The CS is changed by those with the property {_RIGHT}, and {who} does not have it.")
        self._api = CSAPI()
        value_of(self._api.initialize(), "Connecting to the Configuration Service failed")

    def section(self, path: str) -> dict[str, Any]:
        """A section with all below it, as the master has it; empty where there is none."""
        cfg = value_of(self._api.getCurrentCFG(), "Reading the configuration failed")
        return dict(cfg.getAsDict(path)) if cfg.isSection(path) else {}

    def commit(self, changes: Sequence[Change]) -> None:
        """Make changes, all at once; afterwards this process knows them too.

        Raises:
            Unavailable: The CS did not take them.
        """
        for change in changes:
            if change.new is None:
                result = self._api.delOption(change.path)
            else:
                section, _, _ = change.path.rpartition("/")
                self._make(section)
                result = self._api.setOption(change.path, change.new)
            value_of(result, f"Changing {change.path} failed")
        value_of(self._api.commit(), "The Configuration Service did not take the changes")

    def _make(self, section: str) -> None:
        """Make a section and those above it, where they are missing: CSAPI itself does not."""
        path = ""
        for name in section.strip("/").split("/"):
            path += f"/{name}"
            value_of(self._api.createSection(path), f"Making {path} failed")


def _caller() -> tuple[str, Sequence[str]]:
    """The name of who is asking, and what they may."""
    if gConfig.useServerCertificate():
        from DIRAC.Core.Security.Locations import getHostCertificateAndKeyLocation
        from DIRAC.Core.Security.X509Chain import X509Chain

        place = getHostCertificateAndKeyLocation()
        if not place:
            raise Rejected("There is no host certificate where the configuration says.")
        chain = X509Chain()
        value_of(chain.loadChainFromFile(place[0]), f"Reading {place[0]} failed")
        dn = value_of(value_of(chain.getCertInChain(0), "Reading the certificate failed").getSubjectDN(), "Reading it")
        host = Registry.getHostnameForDN(dn)
        if not host["OK"]:
            raise Rejected(f"The Registry has no host with the DN {dn}.")
        return f"the host {host['Value']}", Registry.getPropertiesForHost(host["Value"], [])
    result = getProxyInfo(disableVOMS=True)
    if not result["OK"]:
        raise Rejected(
            f"There is no proxy: {result['Message']}. Make one of a group with {_RIGHT}: dirac-proxy-init -g."
        )
    # Not what DIRAC says of the group: it has looked before the Registry was there, and remembers that there was none.
    group = result["Value"]["chain"].getDIRACGroup(ignoreDefault=True).get("Value")
    if not group:
        raise Rejected(f"Your proxy names no group. Make one of a group with {_RIGHT}: dirac-proxy-init -g.")
    return f"your group {group}", Registry.getPropertiesForGroup(group, [])
