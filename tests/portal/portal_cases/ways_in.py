# SPDX-License-Identifier: GPL-3.0-only
"""Every way into the page: the portal's menu, its address, desktops and applications that were saved or shared, links.

As a person clicks, in the real portal. What was saved may be anybody's text.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse
import uuid
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from portal_support.browser import Browser, Reader, alike
from portal_support.portal import Portal
from portal_support.texts import messages

from PilotLoggingDIRAC.WebApp.access import Reader as Nobody
from PilotLoggingDIRAC.WebApp.refusals import Arrival, not_shown

CLASS = "PilotLoggingDIRAC.PilotLogs.classes.PilotLogs"
FRAME = 'iframe[title="Pilot Logs"]'
HOSTILE = (
    '"><img src=x onerror="top.owned=1">',
    '?log=x"onload="top.owned=1" x=\'',
    "/../../../../../static/evil",
    "//evil.example.org/",
    "https://evil.example.org/",
    "javascript:top.owned=1",
    "@evil.example.org/",
    "?a#/../../evil",
    "\\\\evil.example.org\\",
    "\r\n\t?x\u202e",
    "?" + "x" * 100_000,
    ["?log=x"],
    {"toString": "x"},
    12,
    None,
)


def _choose(page: Page, *entries: str) -> None:
    """Go through the menu "Manage states!"."""
    page.locator(".x-tool-save").first.click()
    for entry in entries[:-1]:
        page.locator(".x-menu-item-text").get_by_text(entry, exact=True).last.hover()
    page.locator(".x-menu-item-text").get_by_text(entries[-1], exact=True).locator("visible=true").last.click()


def _save(page: Page, what: str, name: str) -> None:
    _choose(page, what, "Save As")
    dialog = page.locator(".x-window").filter(has_text="State Name:").locator("visible=true")
    dialog.get_by_label("State Name:").fill(name)
    with page.expect_response("**/UP/saveAppState"):
        dialog.get_by_role("button", name="Save").click()


def _load(reader: Reader, shared: str, button: str, name: str = "") -> None:
    """Load what somebody has shared, from an empty desktop.

    Args:
        name: Of the link that is kept of it.
    """
    reader.open_desktop()
    _choose(reader.page, "State Loader")
    dialog = reader.page.locator(".x-window").filter(has_text="Shared State:")
    dialog.get_by_label("Shared State:").fill(shared)
    if name:
        dialog.get_by_label("Name:", exact=True).fill(name)
    dialog.get_by_role("button", name=button, exact=True).click()


def _node(page: Page, name: str) -> Locator:
    """An entry of the menu tree."""
    return page.locator(".x-tree-node-text").get_by_text(name, exact=True)


def _expand(page: Page, name: str) -> None:
    """Open a branch of the menu tree, if it is not open."""
    row = page.locator("tr.x-grid-row", has=_node(page, name)).first
    expect(row).to_be_visible()
    if "x-grid-tree-node-expanded" not in (row.get_attribute("class") or ""):
        row.locator(".x-tree-expander").click()


def _shown(page: Page, stamp: str) -> None:
    """The frame that is in sight is at a log."""
    frame = page.locator(FRAME).locator("visible=true").last.content_frame
    expect(frame.get_by_role("heading", name=stamp)).to_be_visible()


def _open_log_from_menu(reader: Reader, stamp: str) -> None:
    reader.open_desktop()
    _node(reader.page, "Pilot Logs").click()
    reader.framed.locator(f'.list tr[data-key$="{stamp}"]').click()
    _shown(reader.page, stamp)


def _state(portal: Portal, user: str, application: str, name: str, state: Any) -> None:
    """Save a state as the portal's JavaScript does, with whatever is wished in it."""
    _states(portal, user, "saveAppState", app=application, name=name, state=json.dumps(state))


def _states(portal: Portal, user: str, method: str, **parameters: str) -> None:
    connection: http.client.HTTPSConnection = portal._connect(user)
    connection.request(
        "POST",
        f"/DIRAC/s:None/g:{user}/UP/{method}",
        urllib.parse.urlencode({"obj": "application", **parameters}),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert json.loads(connection.getresponse().read())["OK"]
    connection.close()


class TestWaysIn:
    """Each leads to our page, and to the place that was saved."""

    def test_the_menu_then_the_address_of_the_portal(self, portal: Portal, alpha: Reader) -> None:
        """The portal notes open applications in its address: a reload opens them again."""
        alpha.open_desktop()
        _node(alpha.page, "Pilot Logs").click()
        expect(alpha.framed.get_by_role("heading", name="Pilot Logs")).to_be_visible()
        expect(alpha.framed.locator(".summary")).to_contain_text("logs")
        expect(alpha.page).to_have_url(re.compile(r"url_state=1\|\*" + CLASS))
        alpha.page.reload()
        expect(alpha.framed.get_by_role("heading", name="Pilot Logs")).to_be_visible()

    @pytest.mark.parametrize("theme", ["Gray", "Triton"])
    @alike
    def test_an_address_with_each_theme(self, portal: Portal, alpha: Reader, theme: str) -> None:
        alpha.errors_count = False
        alpha.page.goto(portal.address("alpha_user", f"?view=tabs&theme={theme}&url_state=1|*{CLASS}:,"))
        expect(alpha.framed.get_by_role("heading", name="Pilot Logs")).to_be_visible()

    @alike
    def test_a_saved_desktop_and_one_that_is_shared(self, portal: Portal, browser: Browser, alpha: Reader) -> None:
        stamp, name = portal.send(messages(3)), f"mine {uuid.uuid4().hex[:6]}"
        _open_log_from_menu(alpha, stamp)
        _save(alpha.page, "Desktops", name)
        # By its address, and from the menu.
        alpha.page.goto(portal.address("alpha_user", f"?theme=Crisp&url_state=1|{name}"))
        _shown(alpha.page, stamp)
        alpha.open_desktop()
        _expand(alpha.page, "My Desktops")
        _expand(alpha.page, name)
        _node(alpha.page, "All").locator("visible=true").last.click()
        _shown(alpha.page, stamp)
        # To a colleague, who loads it and keeps a link.
        _node(alpha.page, name).first.click(button="right")
        alpha.page.get_by_text("Share desktop", exact=True).click()
        shared = f"desktop|alpha_user|alpha_user|{name}"
        expect(alpha.page.get_by_text(shared).first).to_be_visible()
        with browser.reader("alpha_admin") as colleague:
            _load(colleague, shared, "Load & Create Link", "from a colleague")
            _shown(colleague.page, stamp)
            expect(colleague.page.locator(FRAME)).to_have_attribute("src", re.compile(r"/g:alpha_admin/"))
            colleague.open_desktop()
            _expand(colleague.page, "Shared")
            _expand(colleague.page, "Shared Desktops")
            _node(colleague.page, "from a colleague").click()
            _shown(colleague.page, stamp)

    def test_a_frame_that_is_moved_goes_on_where_it_was(self, portal: Portal, alpha: Reader) -> None:
        """A browser loads it anew then, from its first address. (Desktops of tiles do it; 6.0.8 opens none.)"""
        stamp = portal.send(messages(3))
        _open_log_from_menu(alpha, stamp)
        alpha.page.locator(FRAME).evaluate("frame => frame.parentNode.append(frame)")
        _shown(alpha.page, stamp)

    @alike
    def test_a_saved_application_and_one_that_is_shared(self, portal: Portal, browser: Browser, alpha: Reader) -> None:
        stamp, name = portal.send(messages(3)), f"log {uuid.uuid4().hex[:6]}"
        _open_log_from_menu(alpha, stamp)
        _save(alpha.page, "Applications", name)
        alpha.page.goto(portal.address("alpha_user", f"?theme=Crisp&url_state=1|*{CLASS}:{name},"))
        _shown(alpha.page, stamp)
        _states(portal, "alpha_user", "makePublicAppState", app=CLASS, name=name, access="ALL")
        with browser.reader("alpha_admin") as colleague:
            # Here the tab is the active one before the portal would give it its state.
            _load(colleague, f"{CLASS}|alpha_user|alpha_user|{name}", "Load")
            _shown(colleague.page, stamp)

    @alike
    def test_what_was_saved_is_only_ever_a_query(self, portal: Portal, alpha: Reader) -> None:
        stamp, name = portal.send(messages(3)), f"hostile {uuid.uuid4().hex[:6]}"
        queries = [*HOSTILE, f"?log={stamp}&logvo=alpha"]
        data = [{"module": CLASS, "currentState": "", "data": {"query": query}} for query in queries]
        data += [{"module": CLASS, "currentState": "", "data": odd} for odd in ("text", [1], {}, None)]
        active = {"name": CLASS, "currentState": ""}
        views = {"tabs": {"version": 1, "positions": [], "activeTab": active}}
        _state(portal, "alpha_user", "desktop", name, {"dirac_view": 1, "version": 1, "data": data, "views": views})
        foreign: list[str] = []
        ours = portal.address("alpha_user", "PilotLogs/page")
        alpha.page.on(
            "request",
            lambda asked: foreign.append(asked.url) if "evil" in asked.url and not asked.url.startswith(ours) else None,
        )
        alpha.errors_count = False
        alpha.page.goto(portal.address("alpha_user", f"?theme=Crisp&url_state=1|{name}"))
        count = len(data)
        alpha.page.wait_for_function("count => Ext.ComponentQuery.query('diraccomonpanel').length === count", arg=count)
        # Each tab in turn: a tab renders its frame when it is shown.
        alpha.page.evaluate(
            """() => {
                for (const tab of Ext.ComponentQuery.query("diraccomonpanel")) {
                    tab.ownerCt.setActiveTab(tab);
                    tab.loadData();
                }
            }"""
        )
        frames = alpha.page.locator(FRAME)
        expect(frames).to_have_count(count)
        for frame in frames.element_handles():
            address = urllib.parse.urlsplit(frame.evaluate("frame => frame.src"))
            assert f"{address.scheme}://{address.netloc}{address.path}" == ours
            assert address.fragment == ""
            assert {
                name for name in frame.evaluate("frame => frame.getAttributeNames()") if name.startswith("on")
            } == set()
        assert foreign == []
        assert alpha.page.evaluate("window.owned") is None


class TestLinks:
    """A link is for all who may read, whatever their group is called."""

    @alike
    def test_a_copied_link_works_for_a_colleague(self, portal: Portal, browser: Browser, alpha: Reader) -> None:
        stamp = portal.send(messages(9))
        alpha.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        alpha.open_log(stamp)
        alpha.line(4).click()
        alpha.page.get_by_role("button", name="Copy link").click()
        link = alpha.page.evaluate("navigator.clipboard.readText()")
        assert "g:" not in link
        assert "s:None" not in link
        # Another group of the VO; a group that is not the reader's default one; one that reads every VO.
        for user, group in (("alpha_admin", "alpha_admin"), ("beta_user", "alpha_guest"), ("operator", "operator")):
            with browser.reader(user) as colleague:
                colleague.page.goto(link)
                expect(colleague.page.get_by_role("heading", name=stamp)).to_be_visible()
                expect(colleague.page.locator(".detail")).to_contain_text("message 4")
                expect(colleague.page).to_have_url(re.compile(rf"/g:{group}/PilotLogs/page\?"))

    @alike
    def test_a_link_to_a_list_leads_to_the_same_vo(self, portal: Portal, browser: Browser, alpha: Reader) -> None:
        site = f"LCG.{uuid.uuid4().hex[:8]}.org"
        stamp = portal.send(messages(3), context={"site": site})
        alpha.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        alpha.open(site=site)
        expect(alpha.log_in_list(stamp)).to_be_visible()
        alpha.page.get_by_role("button", name="Link", exact=True).click()
        link = alpha.page.evaluate("navigator.clipboard.readText()")
        with browser.reader("beta_user") as colleague:
            colleague.page.goto(link)
            expect(colleague.log_in_list(stamp)).to_be_visible()

    @alike
    def test_an_address_with_a_strange_group_offers_ones_own(self, portal: Portal, browser: Browser) -> None:
        stamp = portal.send(messages(3))
        address = portal.address("alpha_user", f"PilotLogs/page?log={stamp}&logvo=alpha")
        with browser.reader("beta_user") as colleague:
            colleague.page.goto(address)
            page = colleague.page
            expect(page.get_by_role("heading", level=1)).to_have_text("You are not in that group")
            expect(page.get_by_role("row", name="beta_user")).to_contain_text("no")
            page.get_by_role("row", name="alpha_guest").get_by_role("link").click()
            expect(page.get_by_role("heading", name=stamp)).to_be_visible()

    @alike
    def test_a_group_without_rights_leads_to_one_that_has_them(self, portal: Portal, browser: Browser) -> None:
        """Also where the page is open already, and its filters name another VO."""
        stamp = portal.send(messages(3))
        portal.send(messages(3), "beta")
        with browser.reader("beta_user") as reader:
            reader.open(log=stamp, logvo="alpha")
            expect(reader.page.get_by_role("heading", level=1)).to_have_text(
                "This group may not read the logs of VO alpha"
            )
            reader.open()
            expect(reader.page.locator(".summary")).to_be_visible()
            reader.page.evaluate(
                "query => { history.pushState(null, '', query); dispatchEvent(new PopStateEvent('popstate')); }",
                f"?log={stamp}&logvo=alpha",
            )
            expect(reader.page.locator(".verdict")).to_contain_text("You may not read the logs of VO alpha.")
            reader.page.locator(".verdict").get_by_role("link").click()
            expect(reader.page.get_by_role("heading", name=stamp)).to_be_visible()
            expect(reader.page).to_have_url(re.compile("/g:alpha_guest/"))


class TestExplanations:
    """Whatever cannot be shown is a page that says what to do."""

    @alike
    def test_a_log_that_does_not_exist(self, portal: Portal, alpha: Reader) -> None:
        alpha.open(log="0" * 32, logvo="alpha")
        verdict = alpha.page.locator(".verdict")
        expect(verdict).to_contain_text("There is no log")
        verdict.get_by_role("link", name="Look for it in the list").click()
        expect(alpha.page.get_by_label("Pilot", exact=True)).to_have_value("0" * 32)

    @pytest.mark.parametrize(
        ("user", "path", "status", "title", "told"),
        [
            (None, "PilotLogs/page", 401, "The portal does not know who you are", "Import your grid certificate"),
            ("stranger", "PilotLogs/page", 401, "Nobody is registered with your certificate", "CN=stranger"),
            ("beta_pilot", "PilotLogs/page?logvo=alpha", 403, "You may not read the logs of VO alpha", "administrator"),
            ("alpha_user", "PilotLogs/pagé", 404, "There is no such page", "list of logs"),
            ("alpha_user", "s:None/g:alpha_user/PilotLogs/page/x/y", 404, "There is no such page", "list of logs"),
            (None, "PilotLogs/nothing", 404, "There is no such page", "list of logs"),
        ],
    )
    @alike
    def test_who_cannot_be_shown_it(
        self, portal: Portal, browser: Browser, user: str | None, path: str, status: int, title: str, told: str
    ) -> None:
        context = browser.context(user)
        try:
            page = context.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            reply = page.goto(f"{portal.origin}/DIRAC/{path}")
            assert reply is not None
            assert reply.status == status
            assert "default-src 'none'" in reply.headers["content-security-policy"]
            expect(page.get_by_role("heading", level=1)).to_have_text(title)
            expect(page.locator("main")).to_contain_text(told)
            assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "720px"
            assert problems == []
        finally:
            context.close()

    def test_hostile_addresses_are_text(self, portal: Portal) -> None:
        for path in ("page", "nothing"):
            query = urllib.parse.urlencode({"log": "<script>alert(1)</script>", "logvo": '"><b>x</b>', "vo": "a"})
            reply = portal.get("beta_user", f"PilotLogs/{path}?{query}", group="alpha_user", accept="text/html")
            assert b"<script>alert" not in reply.body
            assert b"<b>x" not in reply.body

    def test_a_web_server_in_front_says_why_a_certificate_was_refused(self, portal: Portal) -> None:
        """Its headers count only where the CS says that there is one: here it does not."""
        reply = portal.get(
            None,
            "PilotLogs/page",
            accept="text/html",
            headers={"X-Ssl_client_verify": "FAILED:certificate has expired"},
        )
        assert b"has expired</h1>" not in reply.body

    @pytest.mark.parametrize(
        ("arrival", "title"),
        [
            (Arrival(False), "The portal does not know who you are"),
            (Arrival(True, refused="certificate has expired"), "Your certificate has expired"),
            (Arrival(True, refused="self signed certificate"), "Your certificate was not accepted"),
            (Arrival(True, session_ended=True), "Your session has ended"),
            (Arrival(True, logged_out=True), "The portal does not know who you are"),
        ],
    )
    def test_each_kind_of_nobody_is_told_what_to_do(self, arrival: Arrival, title: str) -> None:
        told = not_shown(Nobody("", "", ()), "", "alpha", arrival)
        assert told.title == title
        assert told.advice

    def test_programs_get_json(self, portal: Portal) -> None:
        for method in ("list", "outline", "nothing"):
            reply = portal.get(None, f"PilotLogs/{method}")
            assert list(reply.json) == ["error"]
