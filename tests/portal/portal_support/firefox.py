"""Debian's firefox-esr with a user's certificate in its own store.

Playwright speaks WebDriver BiDi with it (its channel ``moz-firefox``), so that the same cases run in it; what that
needs stands in ``dev/compat/playwright_firefox.cjs``.

Unlike in Chromium it is the browser itself that shows the certificate, and that verifies the portal's.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, BrowserType, Playwright, expect, sync_playwright

from .browser import PATIENCE, Browser
from .portal import Portal

PROGRAMS = {"firefox-esr": "firefox-esr", "certutil": "libnss3-tools", "pk12util": "libnss3-tools"}
"""What must be there, and the Debian packages that have it."""

_PATCH = Path(__file__).resolve().parents[3] / "dev" / "compat" / "playwright_firefox.cjs"

_DISCARD = 9
"""A port of this machine where nobody listens: the proxy for every host but the portal."""

_PREFERENCES: dict[str, str | float | bool] = {
    "security.default_personal_cert": "Select Automatically",
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": _DISCARD,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": _DISCARD,
    "network.proxy.no_proxies_on": "localhost",
    "network.trr.mode": 5,  # no DNS over https
    "dom.ipc.processPrelaunch.enabled": False,  # a process for the next tab: time that no test needs
}


class Firefox(Browser):
    """A Firefox of its own, with a profile of its own, for each user."""

    def __init__(self, portal: Portal, firefox: BrowserType, profiles: Path) -> None:
        self._portal, self._firefox, self._profiles = portal, firefox, profiles
        self._contexts = {}
        self._running: dict[str | None, BrowserContext] = {}

    @classmethod
    @contextmanager
    def started(cls, portal: Portal) -> Iterator[Browser]:
        """Firefox starts when a user needs it, and is gone with its profile when the block ends."""
        expect.set_options(timeout=PATIENCE)
        with tempfile.TemporaryDirectory(prefix="firefox-") as profiles, _driver() as playwright:
            browser = cls(portal, playwright.firefox, Path(profiles))
            try:
                yield browser
            finally:
                for window in browser._running.values():
                    window.close()

    def context(self, user: str | None, **options: Any) -> BrowserContext:
        """A context in the Firefox that has the certificate of a user, or none."""
        if user not in self._running:
            self._running[user] = self._start(user)
        firefox = self._running[user].browser
        assert firefox
        context = firefox.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "accept_downloads": True, **options}
        )
        context.set_default_timeout(PATIENCE)
        return context

    def _start(self, user: str | None) -> BrowserContext:
        """Start a Firefox that trusts the stack's CA and reaches nothing but the portal."""
        profile = self._profiles / (user or "nobody")
        profile.mkdir()
        self._fill(profile, user)
        return self._firefox.launch_persistent_context(
            profile,
            channel="moz-firefox",
            executable_path="/usr/bin/firefox-esr",
            args=["--remote-allow-system-access"],
            env={**os.environ, "HOME": str(self._profiles)},
            firefox_user_prefs=_PREFERENCES,
        )

    def _fill(self, profile: Path, user: str | None) -> None:
        """Put into the store of certificates what a user imports in Firefox's settings."""
        layout, store = self._portal.stack.layout, f"sql:{profile}"
        _run("certutil", "-d", store, "-N", "--empty-password")
        for authority in layout.certificates.glob("*.0"):
            _run("certutil", "-d", store, "-A", "-n", authority.name, "-t", "C,,", "-i", str(authority))
        if user is None:
            return
        bundle = layout.users / f"{user}.p12"
        if not bundle.exists():  # of somebody whom the stack expects in no browser
            bundle = profile / bundle.name
            files = ["-in", str(layout.users / f"{user}.cert.pem"), "-inkey", str(layout.users / f"{user}.key.pem")]
            _run("openssl", "pkcs12", "-export", *files, "-out", str(bundle), "-passout", "pass:")
        _run("pk12util", "-d", store, "-i", str(bundle), "-W", "")


@contextmanager
def _driver() -> Iterator[Playwright]:
    """Playwright, with what lets it drive this Firefox."""
    before = os.environ.get("NODE_OPTIONS")
    os.environ["NODE_OPTIONS"] = f'{before or ""} --require="{_PATCH}"'.strip()
    try:
        playwright = sync_playwright().start()
    finally:
        if before is None:
            del os.environ["NODE_OPTIONS"]
        else:
            os.environ["NODE_OPTIONS"] = before
    try:
        yield playwright
    finally:
        playwright.stop()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
