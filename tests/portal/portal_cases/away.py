"""The collector stops, hangs and comes back while somebody reads: rows stay, one banner says what is the matter."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, expect
from portal_support.browser import Reader, alike
from portal_support.portal import Portal
from portal_support.texts import message, messages

_AWAY = "No collector answers at the moment."


@contextmanager
def _away(portal: Portal, how: str, back: str) -> Iterator[None]:
    portal.stack.collector(0, how)
    try:
        yield
    finally:
        portal.stack.collector(0, back)


def _banner(alpha: Reader) -> Locator:
    return alpha.page.get_by_role("region", name="Connection")


def _is_well_told(alpha: Reader) -> None:
    """One banner with what the page does about it, and no pile of notices."""
    expect(_banner(alpha)).to_contain_text(_AWAY)
    expect(_banner(alpha)).to_contain_text(re.compile(r"Tries again in \d+ s|Trying again"))
    expect(alpha.page.locator(".notice")).to_have_count(0)


class TestCollectorAway:
    """No collector."""

    @alike
    def test_the_list_stays_and_comes_anew(self, portal: Portal, alpha: Reader) -> None:
        site = f"LCG.{uuid.uuid4().hex[:8]}.org"
        stamp = portal.send(messages(3), context={"site": site})
        alpha.open(site=site)
        expect(alpha.log_in_list(stamp)).to_be_visible()
        with _away(portal, "stop", "start"):
            alpha.page.keyboard.press("r")
            _is_well_told(alpha)
            alpha.page.get_by_role("button", name="Failed", exact=True).click()
            alpha.page.keyboard.press("r")
            _is_well_told(alpha)
            expect(alpha.log_in_list(stamp)).to_be_visible()
            expect(alpha.page.get_by_text(re.compile(r"This is from \d\d:\d\d:\d\d UTC"))).to_be_visible()
            alpha.page.get_by_role("button", name="All", exact=True).click()
        expect(_banner(alpha)).to_be_hidden()
        expect(alpha.page.get_by_text("This is from")).to_be_hidden()
        other = portal.send(messages(3), context={"site": site})
        alpha.page.keyboard.press("r")
        expect(alpha.log_in_list(other)).to_be_visible()

    def test_a_log_that_is_followed_goes_on(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send("".join(message(n, text=f"line {n}") for n in range(1, 5001)))
        alpha.open_log(stamp, pilot=stamp)
        expect(alpha.line(5000)).to_be_visible()
        verdict = alpha.page.locator(".verdict")
        with _away(portal, "stop", "start"):
            _is_well_told(alpha)
            expect(alpha.line(5000)).to_be_visible()
            expect(verdict).to_contain_text("Running")
            # To lines that are not here.
            alpha.page.locator(".scroller").evaluate("(element) => { element.scrollTop = element.scrollHeight / 2; }")
            expect(alpha.page.locator(".row.waiting").first).to_be_visible()
            alpha.page.keyboard.press("/")
            alpha.page.keyboard.type("line 4999")
            expect(alpha.page.locator(".found")).to_have_text("…")
            _is_well_told(alpha)
        expect(_banner(alpha)).to_be_hidden()
        expect(alpha.page.locator(".found")).to_have_text(re.compile("1$"))
        expect(alpha.page.locator(".row.waiting")).to_have_count(0)
        portal.send(message(5001, text="came back"), stamp=stamp)
        alpha.page.get_by_role("button", name="Live").click()
        expect(alpha.line(5001)).to_contain_text("came back")

    @alike
    def test_a_page_that_is_opened_meanwhile_comes_by_itself(self, portal: Portal, alpha: Reader) -> None:
        word = uuid.uuid4().hex[:12]
        stamp = portal.send(message(1, text=f"look: {word}"))
        with _away(portal, "stop", "start"):
            alpha.open(text=word, log=stamp, logvo="alpha")
            _is_well_told(alpha)
            expect(alpha.page.get_by_text("The list comes as soon as there is an answer.")).to_be_visible()
        expect(alpha.line(1)).to_contain_text(word)
        expect(alpha.page.locator(".hit")).to_have_count(1)
        expect(_banner(alpha)).to_be_hidden()

    @alike
    def test_a_collector_that_hangs(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send(messages(3))
        alpha.open(pilot=stamp)
        alpha.log_in_list(stamp).click()
        expect(alpha.line(3)).to_be_visible()
        with _away(portal, "pause", "resume"):
            alpha.page.keyboard.press("r")
            expect(_banner(alpha)).to_contain_text("No answer yet")
            expect(_banner(alpha)).to_contain_text(re.compile(r"Waiting for \d+ s"))
            expect(alpha.log_in_list(stamp)).to_be_visible()
            expect(alpha.line(3)).to_be_visible()
        expect(_banner(alpha)).to_be_hidden()
