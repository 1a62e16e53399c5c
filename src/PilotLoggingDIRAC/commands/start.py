# SPDX-License-Identifier: GPL-3.0-only
"""How each of our commands begins: what is here is looked at first, and then the Configuration Service is asked.

DIRAC's own order is the other one, and tells of an expired proxy in the words of OpenSSL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from DIRAC import gConfig, gLogger
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from DIRAC.Core.Base.Script import Script
from DIRAC.Core.Security.Locations import getCAsLocation

from ..dirac_bridge.results import in_plain_words
from ..errors import Rejected, Unavailable
from .own_credentials import Own, examine_own, is_in_registry

_CONNECT_SECONDS = 10.0
_INSTEAD_OF_OUR_CAS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""With these requests forgets the CAs that DIRAC has told it."""
_ALERTS = {
    "CERTIFICATE_EXPIRED": "takes {} for expired: are the clocks there and here right?",
    "UNKNOWN_CA": "does not know the CA of {}, {}: it has to be installed there.",
    "CERTIFICATE_REVOKED": "says that {} is revoked: ask its CA for a new one.",
}


def parse_command_line() -> tuple[list[tuple[str, str]], list[str]]:
    """Switches and arguments, as DIRAC's Script gives them; no server is asked before :func:`connect`."""
    Script.localCfg.disableCS()
    with _quiet("NOTICE"):
        switches, arguments = Script.parseCommandLine(ignoreErrors=False)
    return switches, [str(argument) for argument in arguments]


def connect() -> None:
    """Get the configuration, with credentials that are good.

    Raises:
        Rejected: They are not, or belong to nobody that the Registry knows.
        Unavailable: There is no Configuration Service, or none that answers.
    """
    servers = gConfigurationData.getServers()
    if not servers and not gConfig.getSections("/Registry")["OK"]:
        _examine_files()
        raise Unavailable(
            "No Configuration Service is named here (/DIRAC/Configuration/Servers): source DIRAC's bashrc, let "
            "DIRACSYSCONFIG name a dirac.cfg, or make one with dirac-configure."
        )
    own = examine_own()
    with _quiet("FATAL"):
        result = Script.localCfg.enableCS()
    if not result["OK"]:
        raise _why_not(str(result["Message"]), servers, own)
    is_in_registry(own)


def _examine_files() -> None:
    """DIRAC passes over a file of configuration that it cannot read.

    Raises:
        Unavailable: There is one.
    """
    for file in os.environ.get("DIRACSYSCONFIG", "").replace(" ", "").split(","):
        try:
            if file:
                os.close(os.open(file, os.O_RDONLY | os.O_NONBLOCK))  # without waiting, should it be a FIFO
        except OSError as error:
            raise Unavailable(
                f"{file}, which DIRACSYSCONFIG names, cannot be read: {error.strerror}. Name another one, or have it "
                "made readable."
            ) from error


@contextmanager
def _quiet(level: str) -> Iterator[None]:
    """Nothing below a level is logged, unless the command was called with -d."""
    before = gLogger.getLevel()
    if not Script.localCfg.getDebugMode():
        gLogger.setLevel(level)
    try:
        yield
    finally:
        if gLogger.getLevel() == level:
            gLogger.setLevel(before)


def _why_not(message: str, servers: list[str], own: Own) -> Rejected | Unavailable:
    """What somebody can do who got no configuration."""
    # Not for each command that has nothing to tell.
    from ..activation.findings import State
    from ..activation.reachability import reach

    named = ", ".join(servers)
    if re.search("No access to|Unauthorized query", message):
        group = f" in the group {own.group}" if own.group else ""
        advice = "" if own.is_host else ", or make another proxy: dirac-proxy-init -g GROUP"
        return Rejected(
            f"The Configuration Service {named} knows nobody{group} with the DN {own.dn} of {own.name}: have it "
            f"registered{advice}."
        )
    # A certificate that expires soon is not why: hence the time.
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    found = [reach(url, getCAsLocation(), _CONNECT_SECONDS, long_ago) for url in servers]
    wrong = [each for each in found if each.state is State.TODO]
    if len(wrong) == len(found):
        said = " ".join(f"{each.about.removeprefix('collector ')}: {each.sentence}" for each in wrong)
        return Unavailable(f"The Configuration Service cannot be asked. {said}")
    for name in _INSTEAD_OF_OUR_CAS:
        if os.environ.get(name) and "verify failed" in message:
            return Rejected(
                f"{name} is set, and counts more than DIRAC's directory of CAs, {getCAsLocation()}: unset it."
            )
    for alert, said in _ALERTS.items():
        if alert in message:
            return Rejected(f"The Configuration Service {named} {said.format(own.name, own.authority)}")
    if re.search("EOF|reset|handshake|alert", message, re.IGNORECASE):
        return Rejected(
            f"The Configuration Service {named} ends the connection when it sees {own.name}, DN {own.dn}: its CA, "
            f"{own.authority}, is not known there, or its revocation list there is old."
        )
    return Unavailable(f"The Configuration Service {named} gives no configuration: {in_plain_words(message)}")
