# SPDX-License-Identifier: GPL-3.0-only
"""Where everything of a stack lies, below its directory."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
"""The work tree that this stack runs: its .venv, and the extension installed there."""


@dataclass(frozen=True)
class Layout:
    """The files and folders of one stack.

    Attributes:
        root: the DIR that people give to ``dev/stack up``, absolute
    """

    root: Path

    @cached_property
    def state(self) -> Path:
        """What runs, on which ports: read by ``down``, ``status``, ``collector`` and ``dev/agent``."""
        return self.root / "stack.json"

    @cached_property
    def environment(self) -> Path:
        """To be sourced by people and scripts."""
        return self.root / "env.sh"

    @cached_property
    def configuration(self) -> Path:
        """The dirac.cfg of collectors, agents and clients alike."""
        return self.root / "etc" / "dirac.cfg"

    @cached_property
    def certificates(self) -> Path:
        """The CA directory, as grid software expects it (X509_CERT_DIR)."""
        return self.root / "pki" / "certificates"

    @property
    def authority(self) -> Path:
        """The CA's certificate as one file."""
        return min(self.certificates.glob("*.0"))

    @cached_property
    def users(self) -> Path:
        """Certificates and keys of users, from which the proxies are made."""
        return self.root / "pki" / "users"

    @cached_property
    def credentials(self) -> Path:
        """Proxies, ready to be used, and ``host/``."""
        return self.root / "credentials"

    @cached_property
    def host_certificate(self) -> Path:
        return self.credentials / "host" / "hostcert.pem"

    @cached_property
    def host_key(self) -> Path:
        return self.credentials / "host" / "hostkey.pem"

    @cached_property
    def archive(self) -> Path:
        """The root of the LocalDirectory plugin."""
        return self.root / "archive"

    @cached_property
    def sqlite(self) -> Path:
        return self.root / "pilotlogdb" / "PilotLogDB.sqlite"

    def home(self, component: str) -> Path:
        """The DIRAC_ROOT_PATH and working directory of one component, made if missing."""
        home = self.root / component
        home.mkdir(parents=True, exist_ok=True)
        return home

    def log(self, component: str) -> Path:
        """The file that takes a component's output."""
        return self.root / "log" / f"{component}.log"
