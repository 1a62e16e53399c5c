# SPDX-License-Identifier: GPL-3.0-only
"""A window's way: somebody scrolls in the portal's page, one ``readLines`` is asked, its rows are drawn."""

import json
import ssl
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from parts.state import Stack
from playwright.sync_api import Page, Request, sync_playwright

from .tracing import Tracing, Walked

_VO, _USER = "alpha", "alpha_user"
_LINES = 60_000
_PLACES = (0.3, 0.5, 0.7, 0.9)
"""Parts of the log at which a window is asked for; the first one warms up."""
_PAGE = "/PilotLogs/page/"
PAGE = f"WebApp/static/PilotLoggingDIRAC{_PAGE}"
_PATIENCE = 60_000


def walk_window(stack: Stack, tracing: Tracing) -> tuple[Walked, Walked, Walked]:
    """Read windows of a log; give what each ran in portal, collector and the page's own modules."""
    stamp = _write_log(stack)
    collector = stack.collectors[0]
    origin = f"https://localhost:{stack.ports['portal']}"
    users = stack.layout.users
    certificate: Any = {
        "origin": origin,
        "certPath": users / f"{_USER}.cert.pem",
        "keyPath": users / f"{_USER}.key.pem",
    }
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        context = chromium.new_context(
            ignore_https_errors=True, viewport={"width": 1440, "height": 900}, client_certificates=[certificate]
        )
        context.set_default_timeout(_PATIENCE)
        context.route(lambda url: not url.startswith(origin), lambda route: route.abort())
        page = context.new_page()
        page.goto(f"{origin}/DIRAC/s:None/g:{_USER}/PilotLogs/page?log={stamp}&logvo={_VO}&line=1")
        page.locator('.row[data-n="1"]').wait_for()
        take = _coverage(page)
        for number, place in enumerate(_PLACES):
            if number == 0:
                _scroll(page, place)
                continue
            with tracing.on(stack, ["portal", collector]):
                tracing.noted.setdefault("page", []).append(_take_window(page, take, place))
        chromium.close()
    return tracing.common("portal"), tracing.common(collector), tracing.common("page")


def _take_window(page: Page, take: Callable[[], Walked], place: float) -> Walked:
    """Scroll; give the modules that ran from the moment when the request left until the row stood there."""

    def begin(request: Request) -> None:
        if "/PilotLogs/lines?" in request.url:
            take()

    page.on("request", begin)
    _scroll(page, place)
    page.remove_listener("request", begin)
    return take()


def _scroll(page: Page, place: float) -> None:
    """Go to a part of the log, and wait until its lines are drawn."""
    page.evaluate(
        """place => {
            const inside = document.querySelector(".row[data-n]").closest("[role=list]");
            inside.scrollTop = place * inside.scrollHeight;
        }""",
        place,
    )
    least = int(place * _LINES * 0.98)
    page.wait_for_function(
        "least => [...document.querySelectorAll('.row[data-n]')].some(row => Number(row.dataset.n) > least)", arg=least
    )


def _coverage(page: Page) -> Callable[[], Walked]:
    """A function that gives the page's modules of which something ran since it was called last."""
    session = page.context.new_cdp_session(page)
    session.send("Profiler.enable")
    session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})

    def take() -> Walked:
        functions = {}
        for script in session.send("Profiler.takePreciseCoverage")["result"]:
            ran = sum(any(span["count"] for span in function["ranges"]) for function in script["functions"])
            if ran and _PAGE in script["url"]:
                functions[PAGE + script["url"].partition(_PAGE)[2]] = ran
        return Walked(functions)

    return take


def _write_log(stack: Stack) -> str:
    """Send a log that has ended, so that the page does not ask again for what is new in it."""
    stamp, session = uuid.uuid4().hex, uuid.uuid4().hex
    context = ssl.create_default_context(capath=str(stack.layout.certificates))
    context.load_cert_chain(stack.layout.credentials / f"{_VO}_pilot.pem")
    lines = [f"2026-06-10T11:02:02.8Z INFO [LaunchAgent] line {number}\n" for number in range(_LINES)]
    piece = 10_000
    for seq, first in enumerate(range(0, _LINES, piece), start=1):
        batch = {
            "stamp": stamp,
            "vo": _VO,
            "session": session,
            "seq": seq,
            "text": "".join(lines[first : first + piece]),
        }
        if first + piece >= _LINES:
            batch["final"] = {"retCode": "0"}
        body = urllib.parse.urlencode({"method": "appendLog", "args": json.dumps([batch])}).encode()
        with urllib.request.urlopen(stack.collector_urls[0], body, timeout=60, context=context) as reply:
            assert json.loads(reply.read())["OK"]
    return stamp
