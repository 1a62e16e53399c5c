# SPDX-License-Identifier: GPL-3.0-only
"""A window's way: somebody scrolls in the portal's page, one ``readLines`` is asked, its rows are drawn."""

import uuid
from collections.abc import Callable

from parts import portal
from parts.browser import chromium, context_of
from parts.calls import tls_context
from parts.senders import NumberedSender
from parts.state import Stack
from playwright.sync_api import Page, Request

from .tracing import Tracing, Walked

_VO, _USER = "alpha", "alpha_user"
_LINES, _AT_ONCE = 60_000, 10_000
_PLACES = (0.3, 0.5, 0.7, 0.9)
"""Parts of the log at which a window is asked for; the first one warms up."""
_PAGE = "/PilotLogs/page/"
PAGE = f"WebApp/static/PilotLoggingDIRAC{_PAGE}"
_PATIENCE = 60_000


def walk_window(stack: Stack, tracing: Tracing) -> tuple[Walked, Walked, Walked]:
    """Read windows of a log; give what each ran in portal, collector and the page's own modules."""
    stamp = _write_log(stack)
    collector = stack.collectors[0]
    with chromium() as browser:
        context = context_of(browser, stack, _USER, {"width": 1440, "height": 900})
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        page.goto(f"{portal.address(stack)}s:None/g:{_USER}/PilotLogs/page?log={stamp}&logvo={_VO}&line=1")
        page.locator('.row[data-n="1"]').wait_for()
        take = _coverage(page)
        for number, place in enumerate(_PLACES):
            if number == 0:
                _scroll(page, place)
                continue
            with tracing.on(stack, ["portal", collector]):
                tracing.noted.setdefault("page", []).append(_take_window(page, take, place))
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
    stamp = uuid.uuid4().hex
    context = tls_context(stack.layout.certificates, stack.layout.credentials / f"{_VO}_pilot.pem")
    sender = NumberedSender(stack.collector_urls[0], context, stamp, _VO)
    lines = [f"2026-06-10T11:02:02.8Z INFO [LaunchAgent] line {number}\n" for number in range(_LINES)]
    *pieces, last = ("".join(lines[first : first + _AT_ONCE]) for first in range(0, _LINES, _AT_ONCE))
    for piece in pieces:
        sender.send(piece)
    sender.finalise(last, 0)
    return stamp
