# SPDX-License-Identifier: GPL-3.0-only
"""The environment of a stack's own processes, and ``env.sh`` for everybody else's."""

import os
import shlex

from .identities import HOST
from .layout import PROJECT, Layout
from .processes import MARK
from .state import Stack

BIN = PROJECT / ".venv" / "bin"

DAEMONS = PROJECT / ".venv" / "daemons" / "usr"
"""What dev/install only unpacked: HAProxy and runit."""

_SERVERS = f"/usr/sbin:{DAEMONS / 'sbin'}:{DAEMONS / 'bin'}"
"""Where servers are: Debian keeps them out of users' PATH."""

OTHER_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""requests, boto3 and OpenSSL prefer these to the CA directory that DIRAC gives them."""

_FOREIGN = ("DIRAC", "PYTHON", "X509_", "GRID_PROXY", "XRD_", "GFAL_", "PILOTLOGGING_")
"""How the variables begin that would lead a component to something outside its stack."""

_LOOPBACK_NAMES = f"{HOST},127.0.0.1,::1"

_PATIENCE_WITH_XROOTD = {"XRD_CONNECTIONWINDOW": "2", "XRD_CONNECTIONRETRY": "1", "XRD_STREAMERRORWINDOW": "0"}
"""Without these a transfer hangs 200 s on an xrootd server that is down."""


def of_component(layout: Layout, component: str, **more: str) -> dict[str, str]:
    """The environment of one component.

    Args:
        component: has a folder of this name as DIRAC_ROOT_PATH
        more: variables of this component only
    """
    foreign = (*_FOREIGN, *OTHER_AUTHORITIES)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {
        **inherited,
        **_PATIENCE_WITH_XROOTD,
        "PATH": f"{BIN}:{os.environ.get('PATH', os.defpath)}:{_SERVERS}",
        "HOME": str(layout.home("home")),  # ~/.dirac.cfg would be read before everything else
        "no_proxy": _LOOPBACK_NAMES,
        "NO_PROXY": _LOOPBACK_NAMES,
        "DIRAC_ROOT_PATH": str(layout.home(component)),
        "PYTHONPATH": str(PROJECT / "dev" / "compat"),
        "PYTHONUNBUFFERED": "1",
        "X509_CERT_DIR": str(layout.certificates),
        MARK: str(layout.root),
        **more,
    }


def write_env_sh(stack: Stack) -> None:
    """Write env.sh: the stack's interface for scripts."""
    layout = stack.layout
    exports = {
        "PILOTLOGGING_URLS": " ".join(stack.collector_urls),
        "PILOTLOGGING_CREDENTIALS": str(layout.credentials),
        "PILOTLOGGING_CFG": str(layout.configuration),
        "PILOTLOGGING_ARCHIVE": str(layout.archive),
        "X509_CERT_DIR": str(layout.certificates),
        "DIRACSYSCONFIG": str(layout.configuration),
        **_PATIENCE_WITH_XROOTD,
        "no_proxy": _LOOPBACK_NAMES,
        "NO_PROXY": _LOOPBACK_NAMES,
    }
    if stack.plan.portal:
        exports["PILOTLOGGING_PORTAL"] = stack.url("portal", "DIRAC/")
    lines = [
        f"# The stack in {layout.root}: source this file.",
        *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
        f"export PATH={shlex.quote(str(BIN))}:$PATH",
        "# These win over X509_CERT_DIR, and every https call to the stack would fail.",
        f"unset {' '.join(OTHER_AUTHORITIES)}",
    ]
    layout.environment.write_text("\n".join(lines) + "\n")
