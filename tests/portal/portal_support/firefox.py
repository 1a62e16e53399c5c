"""Debian's firefox-esr with a user's certificate in its own store.

Playwright speaks WebDriver BiDi with it (its channel ``moz-firefox``), so that the same cases run in it. What it cannot
do there is named in ``dev/compat/playwright_firefox.cjs``.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, BrowserType, expect, sync_playwright

from .browser import PATIENCE, Browser
from .portal import Portal

PROGRAMS = {"firefox-esr": "firefox-esr", "certutil": "libnss3-tools", "pk12util": "libnss3-tools"}
"""What must be there, and the Debian packages that have it."""

_DRIVER = Path(__file__).resolve().parents[3] / "dev" / "compat" / "playwright_firefox.cjs"

_DISCARD = 9
"""A port of this machine where nobody listens: the proxy for every host but the portal."""

_PREFERENCES = {
    "security.default_personal_cert": "Select Automatically",
    "security.OCSP.enabled": 0,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": _DISCARD,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": _DISCARD,
    "network.proxy.no_proxies_on": "localhost",
    "network.captive-portal-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.trr.mode": 5,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "data:,",
    "browser.region.network.url": "",
    "dom.push.connection.enabled": False,
}
_SCHEMES = {"dark": 0, "light": 1}


class Firefox(Browser):
    """A Firefox of its own, with a profile of its own, for each user."""

    def __init__(self, portal: Portal, firefox: BrowserType, profiles: Path) -> None:
        self._portal, self._firefox, self._profiles = portal, firefox, profiles
        self._contexts = {}

    @classmethod
    @contextmanager
    def started(cls, portal: Portal) -> Iterator[Browser]:
        """Firefox starts when a user needs it, and is gone with its profile when the block ends."""
        expect.set_options(timeout=PATIENCE)
        before = os.environ.get("NODE_OPTIONS")
        os.environ["NODE_OPTIONS"] = f'--require="{_DRIVER}"'
        try:
            starting = sync_playwright()
            playwright = starting.__enter__()
        finally:
            if before is None:
                del os.environ["NODE_OPTIONS"]
            else:
                os.environ["NODE_OPTIONS"] = before
        try:
            with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as profiles:
                browser = cls(portal, playwright.firefox, Path(profiles))
                try:
                    yield browser
                finally:
                    for context in browser._contexts.values():
                        context.close()
        finally:
            starting.__exit__(None, None, None)

    def context(self, user: str, **options: Any) -> BrowserContext:
        """A Firefox with the certificate of a user, that trusts the stack's CA and reaches nothing but the portal."""
        profile = Path(tempfile.mkdtemp(prefix=f"{user}-", dir=self._profiles))
        self._fill(profile, user)
        scheme = _SCHEMES[options.get("color_scheme", "light")]
        context = self._firefox.launch_persistent_context(
            profile,
            channel="moz-firefox",
            executable_path="/usr/bin/firefox-esr",
            firefox_user_prefs={**_PREFERENCES, "layout.css.prefers-color-scheme.content-override": scheme},
            accept_downloads=True,
            **{"viewport": {"width": 1440, "height": 900}, **options},
        )
        context.set_default_timeout(PATIENCE)
        return context

    def _fill(self, profile: Path, user: str) -> None:
        """Make the store of certificates as Firefox's settings would."""
        layout, store = self._portal.stack.layout, f"sql:{profile}"
        run = ["certutil", "-d", store]
        _run(*run, "-N", "--empty-password")
        for authority in layout.certificates.glob("*.0"):
            _run(*run, "-A", "-n", authority.name, "-t", "C,,", "-i", str(authority))
        _run("pk12util", "-d", store, "-i", str(layout.users / f"{user}.p12"), "-W", "")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
