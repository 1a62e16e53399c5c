# SPDX-License-Identifier: GPL-3.0-only
"""The list as a person uses it: names by a part of them, rows as links, pages, and what was found in all logs."""

from __future__ import annotations

import re
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.client import Client
from harness.sender import batch
from playwright.sync_api import Locator, Page, expect
from portal_support.browser import Reader, alike
from portal_support.portal import Portal
from portal_support.texts import message, messages


def _names() -> tuple[str, str]:
    word = uuid.uuid4().hex[:8]
    return word, f"LCG.{word.upper()}-Pic.es"


class TestNames:
    """Filters take a part of a name in any case, and suggest the names that exist."""

    @alike
    def test_a_part_of_each_name_in_any_case(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()
        context = {
            "site": site,
            "ce": f"CE1.{word}.example.org",
            "host": f"WN7.{word}.local",
            "pilotReference": f"https://ce.example.org:9619/{word}.ABC/pilot",
        }
        stamp = portal.send(messages(3), context=context)
        other = portal.send(messages(3), context={"site": f"LCG.{word}.other.org"})
        alpha.open()
        for label, part in (
            ("Site", f"{word}-pic"),
            ("CE", f"ce1.{word.upper()}"),
            ("Host", f"wn7.{word}"),
            ("Pilot", f"{word}.abc"),
            ("Pilot", stamp[5:20].upper()),
            ("Pilot", stamp.upper()),
        ):
            field = alpha.page.get_by_label(label, exact=True)
            field.fill(part)
            expect(alpha.page.get_by_text("1 to 1 of 1 log")).to_be_visible()
            expect(alpha.log_in_list(stamp)).to_be_visible()
            field.fill("")
            expect(alpha.page.get_by_text("1 to 1 of 1 log")).to_be_hidden()
        alpha.open(site=site)  # an address of old
        expect(alpha.page.get_by_text("1 to 1 of 1 log")).to_be_visible()
        alpha.open(site=[f"{word}-PIC", f"{word}.OTHER"])
        expect(alpha.log_in_list(other)).to_be_visible()
        expect(alpha.page.get_by_text("1 to 2 of 2 logs")).to_be_visible()

    def test_suggestions_by_keyboard_and_mouse(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()
        second = f"LCG.{word}.second.org"
        for name in (site, site, second, f"LCG.{uuid.uuid4().hex[:8]}.another.org"):
            portal.send(messages(2), context={"site": name})
        alpha.open()
        field = alpha.page.get_by_role("combobox", name="Site", exact=True)
        field.focus()
        alpha.page.keyboard.type(word)
        options = alpha.page.get_by_role("listbox", name="Suggestions: Site").get_by_role("option")
        expect(options).to_have_count(2)
        expect(options.first).to_have_text(re.compile(f"^{re.escape(site)}2 logs$"))
        expect(field).to_have_attribute("aria-expanded", "true")
        alpha.page.keyboard.press("ArrowDown")
        expect(field).to_have_attribute("aria-activedescendant", str(options.first.get_attribute("id")))
        alpha.page.keyboard.press("Enter")
        expect(field).to_have_value(site)
        alpha.expect_place("site", site)
        expect(alpha.page.get_by_text("1 to 2 of 2 logs")).to_be_visible()
        alpha.page.keyboard.type(f", {word}")
        options.filter(has_text=second).click()
        expect(field).to_have_value(f"{site}, {second}")
        expect(field).to_be_focused()
        expect(alpha.page.get_by_text("1 to 3 of 3 logs")).to_be_visible()
        alpha.page.keyboard.press("ArrowDown")
        alpha.page.keyboard.type(", LCG")
        expect(options.first).to_be_visible()
        alpha.page.keyboard.press("Escape")  # closes the suggestions, and leaves the field alone
        expect(options).to_have_count(0)
        expect(field).to_be_focused()

    @alike
    def test_a_vo_in_any_case(self, portal: Portal, beta: Reader) -> None:
        stamp = portal.send(messages(2), vo="beta")
        beta.open(vo="BET", pilot=stamp)
        expect(beta.log_in_list(stamp)).to_be_visible()
        beta.page.evaluate("history.pushState(null, '', '?vo=alpha'); dispatchEvent(new PopStateEvent('popstate'));")
        expect(beta.page.locator(".list .empty")).to_contain_text("You may not read the logs of VO alpha.")

    @pytest.mark.only_in_chromium("it looks at the page's own steps")
    def test_what_is_typed_is_one_step(self, alpha: Reader) -> None:
        alpha.open(show="failed")
        typed = ""
        alpha.page.get_by_label("Site", exact=True).focus()
        for part in ("LCG", ".No", "where"):
            typed += part
            alpha.page.keyboard.type(part)
            alpha.expect_place("site", typed)
        alpha.page.go_back()
        expect(alpha.page).to_have_url(re.compile(r"\?show=failed$"))
        expect(alpha.page.get_by_label("Site", exact=True)).to_have_value("")

    @alike
    def test_to_have_looked_at_nothing_is_not_to_have_found_nothing(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()
        portal.send(messages(3), context={"site": site})
        alpha.open(site=f"no-{word}", text="message")
        expect(alpha.page.locator(".list .empty")).to_have_text("Nothing was searched: no log fits these filters.")
        alpha.open(site=word, text=uuid.uuid4().hex)
        expect(alpha.page.locator(".list .empty")).to_have_text("Nothing was found: no line of this log has that text.")
        expect(alpha.page.get_by_text("searched 1 of 1 log")).to_be_visible()
        alpha.open(site=f"no-{word}")
        expect(alpha.page.locator(".list .empty")).to_have_text("No log fits these filters.")


_NOTE_MENU = """addEventListener("contextmenu", (event) => {
  window.about = event.target.closest("a")?.href;
  event.preventDefault();
})"""


class TestRows:
    """Rows are links."""

    def _is_log(self, page: Page, stamp: str) -> None:
        expect(page.get_by_role("heading", name=stamp)).to_be_visible()

    def test_each_way_to_follow_a_link(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()
        stamp = portal.send(messages(5), context={"site": site})
        alpha.open(site=word)
        row = alpha.log_in_list(stamp)
        link = row.get_by_role("link")
        whole = urllib.parse.urljoin(alpha.page.url, str(link.get_attribute("href")))
        assert stamp in whole
        ways: list[tuple[Locator, dict[str, Any]]] = [
            (link, {"modifiers": ["Control"]}),
            (row.locator("td.site"), {"button": "middle"}),
            (row.locator("td.lines"), {"modifiers": ["Control"]}),
        ]
        for place, how in ways:
            with alpha.page.context.expect_page() as opened:
                place.click(**how)
            self._is_log(opened.value, stamp)
            opened.value.close()
        expect(alpha.page.locator(".log")).to_be_hidden()
        # What the browser's own menu is about: "copy link address".
        alpha.page.evaluate(_NOTE_MENU)
        for place in (link, row.locator("td.site"), row.locator("td.errors")):
            alpha.page.evaluate("window.about = null")
            place.click(button="right")
            assert alpha.page.evaluate("window.about") == whole
        row.locator("td.site").click()
        self._is_log(alpha.page, stamp)
        copied = alpha.page.context.new_page()
        copied.goto(whole)
        self._is_log(copied, stamp)
        copied.close()

    def test_by_keyboard(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()
        first, second = (portal.send(messages(5), context={"site": site}) for _ in range(2))
        alpha.open(site=word)
        expect(alpha.log_in_list(second)).to_be_visible()
        alpha.page.keyboard.press("j")
        alpha.page.keyboard.press("j")
        expect(alpha.log_in_list(first).get_by_role("link")).to_be_focused()
        alpha.page.keyboard.press("Enter")
        self._is_log(alpha.page, first)

    def test_a_text_may_be_marked_in_a_row(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()
        stamp = portal.send(messages(5), context={"site": site})
        alpha.open(site=word)
        box = alpha.log_in_list(stamp).locator("td.site").bounding_box()
        assert box
        alpha.page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2)
        alpha.page.mouse.down()
        alpha.page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2, steps=4)
        alpha.page.mouse.up()
        assert alpha.page.evaluate("String(getSelection())") in site
        assert alpha.page.evaluate("String(getSelection())")
        expect(alpha.page.locator(".log")).to_be_hidden()

    def test_hits_are_links_to_their_lines(self, portal: Portal, alpha: Reader) -> None:
        word = uuid.uuid4().hex[:12]
        stamp = portal.send(messages(20) + message(21, text=f"look: {word}"))
        alpha.open(text=word)
        hit = alpha.page.locator("a.hit")
        with alpha.page.context.expect_page() as opened:
            hit.click(modifiers=["Control"])
        self._is_log(opened.value, stamp)
        expect(opened.value.locator('.row[data-n="21"]')).to_have_class(re.compile("chosen"))
        opened.value.close()


@alike
class TestPages:
    """Numbers of pages."""

    def test_pages_by_number_with_the_keyboard(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()

        def send(pilot: Client) -> None:
            for _ in range(62):
                assert pilot("appendLog", batch(uuid.uuid4().hex, 1, "x\n", vo="alpha", context={"site": site}))["OK"]

        with ThreadPoolExecutor() as pool:
            list(pool.map(send, [portal.stack.client("alpha_pilot") for _ in range(10)]))
        alpha.open(site=word)
        pages = alpha.page.get_by_role("navigation", name="Pages")
        numbers = pages.locator(".numbers")
        expect(numbers).to_have_text("123…7")
        pages.get_by_role("button", name="Page 3").focus()
        alpha.page.keyboard.press("Enter")
        alpha.expect_place("start", "200")
        expect(pages.locator("[aria-current=page]")).to_have_text("3")
        expect(pages.locator("[aria-current=page]")).to_be_focused()
        expect(numbers).to_have_text("1234567")
        alpha.page.keyboard.press(">")
        alpha.expect_place("start", "300")
        alpha.page.keyboard.press("<")
        alpha.expect_place("start", "200")
        pages.get_by_role("button", name="The next page").click()
        alpha.expect_place("start", "300")
        pages.get_by_role("button", name="Page 7").click()
        expect(alpha.page.get_by_text("601 to 620 of 620 logs")).to_be_visible()
        self._next_is_what_is_behind(portal, alpha, word)

    @staticmethod
    def _next_is_what_is_behind(portal: Portal, alpha: Reader, word: str) -> None:
        """Also where logs that are shown have left the list meanwhile."""
        alpha.open(site=word, show="running")
        expect(alpha.page.get_by_text("1 to 100 of 620 logs")).to_be_visible()
        asked = {"sitePart": word, "state": "Open", "limit": 300}
        order = [row["Stamp"] for row in portal.ask("alpha_user", "list", asked)["rows"]]
        for stamp in order[:3]:
            portal.send("", stamp=stamp, seq=2, final={"retCode": 0})
        shown_last = alpha.page.evaluate("""() => {
            const last = [...document.querySelectorAll(".list tr[data-key]")].at(-1).dataset.key;
            document.querySelector('[aria-label="The next page"]').click();
            return last;
        }""")
        expect(alpha.page.get_by_text(re.compile("^(98|101) to (197|200) of 617 logs$"))).to_be_visible()
        behind = order[order.index(shown_last.split("/")[1]) + 1]
        expect(alpha.page.locator(".list tr[data-key]").first).to_have_attribute("data-key", f"alpha/{behind}")
        alpha.page.reload()
        expect(alpha.page.locator(".list tr[data-key]").first).to_have_attribute("data-key", f"alpha/{behind}")
        alpha.page.keyboard.press("<")
        expect(alpha.page.get_by_text("1 to 100 of 617 logs")).to_be_visible()

    def test_beyond_the_end_is_the_last_page(self, portal: Portal, alpha: Reader) -> None:
        word, site = _names()
        stamp = portal.send(messages(1), context={"site": site})
        alpha.open(site=word, start="500")
        expect(alpha.log_in_list(stamp)).to_be_visible()
        expect(alpha.page.get_by_text("1 to 1 of 1 log")).to_be_visible()


@alike
class TestSameLine:
    """ "Search all logs for this" finds what other pilots said in the same words."""

    def test_what_varies_is_left_out(self, portal: Portal, alpha: Reader) -> None:
        word = "".join(letter for letter in uuid.uuid4().hex if letter.isalpha()) + "x"
        said = [
            f"{word}: cannot copy /lhcb/{n}/a.dst from se{n}.cern.ch:8443 to {uuid.uuid4()} after {n}.5 s"
            for n in range(4)
        ]
        stamps = [
            portal.send(messages(5) + message(6, "ERROR", text, seconds=600 * place) + messages(2))
            for place, text in enumerate(said)
        ]
        portal.send(message(1, "ERROR", f"{word}: cannot copy at all"))
        alpha.open_log(stamps[0])
        alpha.line(6).locator(".text").click()
        alpha.page.get_by_role("button", name="Search all logs for this").click()
        expect(alpha.page.locator(".hit")).to_have_count(4)
        for stamp in stamps:
            expect(alpha.log_in_list(stamp)).to_be_visible()
        results = alpha.page.get_by_role("region", name="What was found")
        expect(results).to_contain_text(f"{word}: cannot copy <path> from <host> to <UUID> after <number> s")
        expect(results).to_contain_text("The log that began last comes first")
        expect(results.get_by_role("img", name=re.compile(r"^4 lines from 2026-06-10 11:00"))).to_be_visible()
        results.get_by_text("As a table").click()
        expect(results.get_by_role("table").locator("tbody tr")).to_have_count(4)
        begun_last_first = [
            str(row.get_attribute("data-key")) for row in alpha.page.locator(".list tr[data-key]").all()
        ]
        assert begun_last_first == [f"alpha/{stamp}" for stamp in reversed(stamps)]
        first = alpha.page.get_by_role("columnheader", name="First line")
        expect(first).to_have_attribute("aria-sort", "descending")
        first.get_by_role("button").click()
        expect(first).to_have_attribute("aria-sort", "ascending")
        expect(alpha.page.locator(".list tr[data-key]").first).to_have_attribute("data-key", f"alpha/{stamps[0]}")
        alpha.page.goto(alpha.page.url)  # the address has it all
        expect(alpha.page.locator(".hit")).to_have_count(4)
        alpha.page.locator(".hit").first.click()
        expect(alpha.line(6)).to_have_class(re.compile("chosen"))
        alpha.page.keyboard.press("s")
        expect(alpha.page.locator(".hit")).to_have_count(4)
        alpha.page.get_by_role("button", name="Do not look for this any more").click()
        expect(results).to_be_hidden()


_PLACES = """() => [...document.querySelectorAll(
    ".bar button, .bar .field, .bar select, main, .tools button, .tools select, .finder, .reading")]
  .filter((element) => element.offsetParent)
  .map((element) => element.getBoundingClientRect())
  .map((box) => [box.x, box.y, box.width])"""
"""Where everything stands that a person may be about to press."""


class TestStill:
    """What comes and goes does not move the page, and what stands at two places is one truth."""

    def test_clear_and_live_move_nothing(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send(messages(30))
        for width in (1440, 1024):
            alpha.page.set_viewport_size({"width": width, "height": 800})
            alpha.open(show="running")
            expect(alpha.log_in_list(stamp)).to_be_visible()
            before = alpha.page.evaluate(_PLACES)
            alpha.page.get_by_role("button", name="Clear").click()
            expect(alpha.page.get_by_role("button", name="Clear")).to_be_hidden()
            expect(alpha.page.get_by_role("button", name="All", exact=True)).to_have_attribute("aria-pressed", "true")
            assert alpha.page.evaluate(_PLACES) == before
        alpha.open_log(stamp)
        live = alpha.page.get_by_role("button", name="Live")
        expect(live).to_have_attribute("aria-pressed", "true")
        expect(alpha.line(30)).to_be_visible()
        before = alpha.page.evaluate(_PLACES)
        live.click()
        expect(live).to_have_attribute("aria-pressed", "false")
        assert alpha.page.evaluate(_PLACES) == before
        portal.send("", stamp=stamp, final={"retCode": "0"})
        expect(live).to_be_hidden()
        assert alpha.page.evaluate(_PLACES) == before

    @alike
    def test_list_and_head_agree_while_the_pilot_writes(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send(messages(4))
        alpha.open_log(stamp, pilot=stamp)
        row, head = alpha.log_in_list(stamp), alpha.page.locator(".log .head")
        expect(row.locator(".badge")).to_have_text("running")
        download = head.get_by_role("link", name="Download", exact=True)
        download.focus()
        for lines in (7, 12):
            portal.send(messages(lines - int(row.locator("td.lines").text_content() or 0)), stamp=stamp)
            expect(head.locator(".fact", has_text="Lines")).to_have_text(f"Lines{lines}")
            self._agree(alpha)
        portal.send("", stamp=stamp, final={"retCode": "5"})
        expect(head.locator(".badge")).to_have_text("exit 5")
        self._agree(alpha)
        # The list hears of it first: the log is not far behind.
        portal.send(messages(1), stamp=stamp)
        alpha.page.keyboard.press("r")
        expect(head.locator(".fact", has_text="Lines")).to_have_text("Lines13")
        self._agree(alpha)
        expect(download).to_be_focused()  # as it was before all that came

    @staticmethod
    def _agree(alpha: Reader) -> None:
        """At one moment, without waiting."""
        row, head = alpha.page.evaluate(_BOTH)
        assert row == head


_BOTH = """() => {
  const text = (selector) => document.querySelector(selector).textContent;
  const facts = [...document.querySelectorAll(".head .fact")];
  const fact = (name) => facts.find((each) => each.textContent.startsWith(name)).textContent.slice(name.length);
  const last = document.querySelector(".list tr.chosen td.last time").firstChild.textContent;
  return [
    [text(".list tr.chosen .badge"), text(".list tr.chosen td.lines"), last],
    [text(".head .badge"), fact("Lines"), fact("Last")],
  ];
}"""
"""What the list's row and the log's head say: state, lines, last line."""
