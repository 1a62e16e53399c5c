"""Chromium with a user's certificate, and our page in it."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, FrameLocator, Locator, Page, expect, sync_playwright

from .portal import Portal

PATIENCE = 60_000
"""Milliseconds; it costs nothing when all is well."""

alike = pytest.mark.only_in_chromium("it takes long, or looks at nothing in which browsers differ")

_ARGUMENTS = (
    "--no-sandbox",  # root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--expose-gc",
    "--enable-precise-memory-info",
)


class Reader:
    """A tab of somebody who reads logs. Errors of the page's own scripts fail the test."""

    def __init__(self, portal: Portal, user: str, page: Page) -> None:
        self.portal, self.user, self.page = portal, user, page
        self.errors: list[str] = []
        self.errors_count = True
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        # Chromium writes a line itself for each refused request; the page tells those in a sentence.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def open_desktop(self) -> None:
        """Go to the portal itself. Its own scripts miss services that this stack has not: their errors do not count."""
        self.errors_count = False
        self.page.goto(self.portal.address(self.user))
        self.page.wait_for_function("window.GLOBAL && GLOBAL.APP && GLOBAL.APP.isReady")

    @property
    def framed(self) -> FrameLocator:
        """Our page in the portal's frame."""
        return self.page.frame_locator('iframe[src*="PilotLogs/page"]')

    def open(self, **place: Any) -> None:
        """Go to our page, at a place."""
        self.page.goto(self.portal.address(self.user, f"PilotLogs/page?{urllib.parse.urlencode(place, doseq=True)}"))

    def open_log(self, stamp: str, vo: str = "alpha", **place: Any) -> None:
        """Go to a log, and wait until it is there."""
        self.open(log=stamp, logvo=vo, **place)
        expect(self.page.locator(".log:not(.unknown)").get_by_role("heading", name=stamp)).to_be_visible()

    def log_in_list(self, stamp: str) -> Locator:
        return self.page.locator(f'.list tr[data-key$="{stamp}"]')

    def line(self, number: int) -> Locator:
        """The row of a line, if it is drawn."""
        return self.page.locator(f'.row[data-n="{number}"]')

    @property
    def lines(self) -> Locator:
        """All rows of lines that are drawn."""
        return self.page.locator(".row[data-n]")

    @property
    def place(self) -> dict[str, list[str]]:
        """What stands in the address."""
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.page.url).query)

    def expect_place(self, name: str, value: str) -> None:
        """Wait until the address has a parameter."""
        expect(self.page).to_have_url(re.compile(rf"[?&]{name}={re.escape(urllib.parse.quote_plus(value))}(&|$)"))


class Browser:
    """Chromium; a context for each user."""

    def __init__(self, portal: Portal, chromium: Chromium) -> None:
        self._portal, self._chromium = portal, chromium
        self._contexts: dict[str, BrowserContext] = {}

    @classmethod
    @contextmanager
    def started(cls, portal: Portal) -> Iterator[Browser]:
        """A browser for as long as the block runs."""
        expect.set_options(timeout=PATIENCE)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_ARGUMENTS))
            try:
                yield cls(portal, chromium)
            finally:
                chromium.close()

    def context(self, user: str | None, **options: Any) -> BrowserContext:
        """A context with the certificate of a user or of nobody, and with nothing but the portal in reach."""
        users = self._portal.stack.layout.users
        certificate: Any = {
            "origin": self._portal.origin,
            "certPath": users / f"{user}.cert.pem",
            "keyPath": users / f"{user}.key.pem",
        }
        context = self._chromium.new_context(
            ignore_https_errors=True,
            viewport={"width": 1440, "height": 900},
            client_certificates=[certificate] if user else [],
            accept_downloads=True,
            **options,
        )
        context.set_default_timeout(PATIENCE)
        context.route(lambda url: not url.startswith(self._portal.origin), lambda route: route.abort())
        return context

    @contextmanager
    def reader(self, user: str) -> Iterator[Reader]:
        """A new tab of a user."""
        if user not in self._contexts:
            self._contexts[user] = self.context(user)
        page = self._contexts[user].new_page()
        reader = Reader(self._portal, user, page)
        try:
            yield reader
            assert not reader.errors_count or reader.errors == []
        finally:
            page.close()
