# SPDX-License-Identifier: GPL-3.0-only
"""Debian's Chromium in front of a stack's portal, with a user's certificate."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright

from .state import Stack


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


def context_of(browser: Browser, stack: Stack, user: str, size: ViewportSize, **options: Any) -> BrowserContext:
    """Somebody's windows. They reach the portal, and nothing else.

    Args:
        options: more of Playwright's
    """
    origin, users = stack.url("portal", "").rstrip("/"), stack.layout.users
    certificate: Any = {
        "origin": origin,
        "certPath": users / f"{user}.cert.pem",
        "keyPath": users / f"{user}.key.pem",
    }
    context = browser.new_context(ignore_https_errors=True, viewport=size, client_certificates=[certificate], **options)
    context.route(lambda url: not url.startswith(origin), lambda route: route.abort())
    return context
