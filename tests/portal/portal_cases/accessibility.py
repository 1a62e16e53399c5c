"""What axe-core finds on each view of the page: nothing, in light and in dark.

A new view is one line in ``VIEWS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from portal_support.browser import Browser, Reader
from portal_support.portal import Portal
from portal_support.texts import message, messages

DESK, PHONE, ZOOMED = (1440, 900), (390, 844), (512, 384)


@dataclass(frozen=True)
class Logs:
    """What the views show: a killed pilot's log, one that runs, one that is quiet, one of nothing, one with a gap."""

    killed: str
    running: str
    quiet: str
    empty: str
    gap: str


@pytest.fixture(scope="session")
def logs(portal: Portal) -> Logs:
    said = "".join(
        message(n, ("INFO", "DEBUG", "WARN", "ERROR")[n % 4], f"needle {n}", seconds=n) + "raw\n" * (n % 3)
        for n in range(1, 200)
    )
    gap = portal.send(messages(3))
    portal.send(messages(3), stamp=gap, seq=5)
    context = {
        "site": "LCG.Axe.org",
        "ce": "ce.axe.org",
        "host": "node.axe.org",
        "pilotReference": "htcondorce://x/1.0",
    }
    killed, quiet = portal.send(said, context=context), portal.send(said)
    with portal.stack.database() as connection:
        connection.execute("UPDATE PilotLogs SET State = 'Silent' WHERE Stamp = ?", (killed,))
        last = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-50 minutes')"
        connection.execute(f"UPDATE PilotLogs SET LastArrival = {last} WHERE Stamp = ?", (quiet,))
    return Logs(killed, portal.send(said), quiet, portal.send(""), gap)


@pytest.fixture(scope="session")
def calm(browser: Browser, portal: Portal) -> Iterator[Reader]:
    """A tab in which nothing moves; its theme is the system's."""
    context = browser.context("alpha_user", reduced_motion="reduce")
    reader = Reader(portal, "alpha_user", context.new_page())
    yield reader
    context.close()
    assert reader.errors == []


def _in_log(reader: Reader, stamp: str, **place: Any) -> None:
    reader.open_log(stamp, **place)
    expect(reader.page.locator(".row").first).to_be_visible()
    expect(reader.page.locator(".row.waiting")).to_have_count(0)


def _list(reader: Reader, _: Logs, **place: Any) -> None:
    reader.open(**place)
    expect(reader.page.locator(".list tr[data-key]").first).to_be_visible()


def _search(reader: Reader, _: Logs) -> None:
    reader.open(text="needle 7")
    expect(reader.page.locator(".hit").first).to_be_visible()
    reader.page.get_by_text("As a table").click()
    expect(reader.page.locator(".hits-chart td").first).to_be_visible()


def _empty_list(reader: Reader, _: Logs, **place: Any) -> None:
    reader.open(site="LCG.Nowhere.org", **place)
    expect(reader.page.locator(".list .empty")).to_be_visible()


def _suggestions(reader: Reader, logs: Logs) -> None:
    _list(reader, logs)
    if (fold := reader.page.get_by_role("button", name="Filters")).is_visible():
        fold.click()
    reader.page.get_by_role("combobox", name="Site", exact=True).click()
    expect(reader.page.locator(".suggestions li").first).to_be_visible()
    reader.page.keyboard.press("ArrowDown")
    expect(reader.page.locator(".suggestions [aria-selected=true]")).to_be_visible()


def _list_away(reader: Reader, logs: Logs) -> None:
    _list(reader, logs)
    with _without(reader, "list"):
        reader.page.keyboard.press("r")
        expect(reader.page.get_by_role("region", name="Connection")).to_be_visible()
        expect(reader.page.get_by_text("This is from")).to_be_visible()


@contextmanager
def _without(reader: Reader, method: str) -> Iterator[None]:
    """The collector does not answer."""
    reader.page.route(f"**/PilotLogs/{method}*", lambda route: route.fulfill(status=503, json={"error": "It is away."}))
    try:
        yield
    finally:
        reader.page.unroute_all()


def _filters(reader: Reader, logs: Logs) -> None:
    _list(reader, logs, range="own")
    reader.page.get_by_role("button", name="Filters").click()
    expect(reader.page.get_by_label("From (UTC)")).to_be_visible()


def _range(reader: Reader, logs: Logs) -> None:
    _in_log(reader, logs.killed, line=20)
    reader.page.keyboard.press("Shift+ArrowDown")
    reader.page.get_by_role("button", name="Copy link").click()
    expect(reader.page.locator(".notice")).to_be_visible()


def _keys(reader: Reader, logs: Logs) -> None:
    _list(reader, logs)
    reader.page.keyboard.press("?")
    expect(reader.page.get_by_role("dialog", name="Keys")).to_be_visible()


def _unknown(reader: Reader, _: Logs) -> None:
    reader.open(log="0" * 32, logvo="alpha")
    expect(reader.page.locator(".verdict.problem")).to_be_visible()


def _refused(reader: Reader, logs: Logs) -> None:
    """A page that runs no script, with the groups that one has."""
    reader.open(log=logs.killed, logvo="beta")
    expect(reader.page.get_by_role("heading", level=1)).to_contain_text("may not read")


def _certificate(reader: Reader, _: Logs) -> None:
    """What a web server in front shows to whoever has an expired certificate."""
    reader.page.goto(f"{reader.portal.origin}/DIRAC/static/PilotLoggingDIRAC/PilotLogs/page/certificate.html")
    expect(reader.page.get_by_role("heading", level=1)).to_contain_text("was not accepted")


def _away(reader: Reader, logs: Logs) -> None:
    _in_log(reader, logs.running)
    with _without(reader, "outline"):
        expect(reader.page.get_by_role("region", name="Connection")).to_be_visible()


def _more(reader: Reader, logs: Logs) -> None:
    _in_log(reader, logs.running)
    reader.page.get_by_label("More tools").click()


def _facts(reader: Reader, logs: Logs) -> None:
    _in_log(reader, logs.killed)
    reader.page.get_by_role("button", name="Facts").click()
    expect(reader.page.locator(".timeline")).to_be_visible()


VIEWS: dict[str, tuple[tuple[int, int], Callable[[Reader, Logs], None]]] = {
    "list": (DESK, _list),
    "list on a phone": (PHONE, _list),
    "list with the filters open": (PHONE, _filters),
    "list with times": (DESK, lambda reader, logs: _list(reader, logs, range="own")),
    "list without a log": (DESK, _empty_list),
    "list of quiet logs": (DESK, lambda reader, logs: _list(reader, logs, show="quiet")),
    "list with suggestions": (DESK, _suggestions),
    "list with suggestions, on a phone": (PHONE, _suggestions),
    "list while the collector is away": (DESK, _list_away),
    "nothing was searched": (DESK, lambda reader, logs: _empty_list(reader, logs, text="needle")),
    "text in all logs": (DESK, _search),
    "text in all logs, on a phone": (PHONE, _search),
    "help of keys": (DESK, _keys),
    "log of a killed pilot": (DESK, lambda reader, logs: _in_log(reader, logs.killed)),
    "log that is quiet": (DESK, lambda reader, logs: _in_log(reader, logs.quiet)),
    "log that runs": (DESK, lambda reader, logs: _in_log(reader, logs.running)),
    "log with a line chosen": (DESK, lambda reader, logs: _in_log(reader, logs.running, line=11)),
    "log with lines chosen": (DESK, _range),
    "log with a text found": (DESK, lambda reader, logs: _in_log(reader, logs.killed, find="needle 1", line=1)),
    "log with a filter": (DESK, lambda reader, logs: _in_log(reader, logs.killed, level="error")),
    "log with a gap": (DESK, lambda reader, logs: _in_log(reader, logs.gap)),
    "log without a line": (DESK, lambda reader, logs: reader.open_log(logs.empty)),
    "log that does not exist": (DESK, _unknown),
    "message: log that one may not read": (DESK, _refused),
    "message: certificate that was not accepted": (PHONE, _certificate),
    "log while the collector is away": (DESK, _away),
    "log on a phone": (PHONE, lambda reader, logs: _in_log(reader, logs.killed)),
    "log on a phone, more tools": (PHONE, _more),
    "log on a phone, facts": (PHONE, _facts),
    "log at 200 %": (ZOOMED, lambda reader, logs: _in_log(reader, logs.killed)),
}


@pytest.mark.only_in_chromium("it takes long, and what it looks at is the same document")
class TestAccessibility:
    """WCAG 2.1 A and AA, and what axe-core calls best practice."""

    @pytest.mark.parametrize("view", VIEWS)
    def test_axe_finds_nothing(self, view: str, calm: Reader, logs: Logs) -> None:
        (width, height), show = VIEWS[view]
        page = calm.page
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": width, "height": height})
        show(calm, logs)
        found = {"light": violations(page) + faint_texts(page)}
        page.emulate_media(color_scheme="dark")
        if not view.startswith("message"):
            expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        # All else is the same in the dark.
        found["dark"] = violations(page, rules=["color-contrast"]) + faint_texts(page)
        assert found == {"light": [], "dark": []}


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds, by all its rules or by some."""
    options = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else None
    results = Axe().run(page, options=options).response
    looked = [*results["passes"], *results["violations"], *results["incomplete"]]
    assert any(rule["id"] == "color-contrast" for rule in looked), "axe looked at nothing"
    return [
        f"{rule['id']} ({rule['help']}): {node['html'][:150]}"
        for rule in results["violations"]
        for node in rule["nodes"]
    ]


def faint_texts(page: Page) -> list[str]:
    """Texts of a log whose contrast is below 4.5: axe leaves out what lies over something else, as rows do."""
    return list(page.evaluate(_FAINT))


_FAINT = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => rgb(text).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((rgb(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const element of document.querySelectorAll("main *, .away *, .suggestions *")) {
    const says = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!says || !element.checkVisibility() || element.closest(":disabled, option")) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) faint.push(`contrast ${contrast.toFixed(2)}: ${element.outerHTML.slice(0, 150)}`);
  }
  return faint;
}"""
