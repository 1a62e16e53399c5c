"""The page where there is little room, and lines that are wrapped, in Chromium."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from portal_support.browser import Browser, Reader, alike
from portal_support.portal import Portal
from portal_support.texts import message

from .choosing import ERROR, LINES

SIZES = {
    "a small screen": (1024, 768),
    "a phone": (390, 844),
    "1440 x 900 at 200 %": (720, 450),
    "1024 x 768 at 200 %": (512, 384),
}
"""A browser's zoom makes the page's pixels larger, so that it has fewer of them."""

_OFF_SCREEN = """() => [...document.querySelectorAll("button, input, select, a, summary, h1, h2, .verdict, .errors")]
  .filter((element) => element.checkVisibility() && !element.closest(".scroller, .frame"))
  .map((element) => [element.getBoundingClientRect(), element])
  .filter(([box]) => box.width && (box.left < 0 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5))
  .map(([box, element]) => `${element.outerHTML.slice(0, 120)} ${JSON.stringify(box)}`)"""
_ROWS = """() => [...document.querySelectorAll(".row[data-n]")].map((row) => {
  const box = row.getBoundingClientRect();
  return { n: Number(row.dataset.n), top: box.top, bottom: box.bottom, fits: row.scrollWidth <= row.clientWidth + 1 };
})"""


@pytest.fixture
def narrow(browser: Browser, portal: Portal) -> Iterator[Reader]:
    """A tab of its own: what it keeps (whether lines are wrapped) is nobody else's."""
    context = browser.context("alpha_user", has_touch=True)
    reader = Reader(portal, "alpha_user", context.new_page())
    yield reader
    context.close()
    assert reader.errors == []


def resize(page: Page, size: str) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})


def expect_all_on_screen(page: Page) -> None:
    page.wait_for_function(f"() => ({_OFF_SCREEN})().length === 0", timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls to the side"


def swipe_up(page: Page, x: float, y: float, way: int) -> None:
    """A finger goes up, and rests before it leaves, so that nothing rolls on."""
    fingers = page.context.new_cdp_session(page)
    fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        points = [{"x": x, "y": y - way * step / 10}]
        fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
        page.wait_for_timeout(30)
    page.wait_for_timeout(300)
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


class TestSmallScreens:
    """Nothing is off the screen, and a line's message is in sight."""

    @pytest.mark.parametrize("size", SIZES)
    def test_list_and_log(self, size: str, portal: Portal, narrow: Reader, long_log: str) -> None:
        page = narrow.page
        resize(page, size)
        narrow.open(pilot=long_log)
        expect(narrow.log_in_list(long_log)).to_contain_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"))
        expect_all_on_screen(page)
        frame = page.locator(".list .frame")
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth"), "the list scrolls to the side"
        fold = page.get_by_role("button", name="Filters")
        if fold.is_visible():
            fold.click()
            expect(page.get_by_label("Site", exact=True)).to_be_visible()
            expect_all_on_screen(page)
        narrow.open_log(long_log)
        expect(narrow.line(ERROR)).to_have_class(re.compile("chosen"))
        expect_all_on_screen(page)
        text, lines = narrow.line(ERROR).locator(".text").bounding_box(), page.locator(".scroller").bounding_box()
        assert text
        assert lines
        assert lines["y"] <= text["y"] < lines["y"] + lines["height"] - 15, "the message is not in sight"
        assert lines["x"] + lines["width"] - text["x"] > 0.55 * lines["width"], "little room is left for the message"

    @pytest.mark.parametrize("size", ["a small screen", "a phone"])
    def test_tools_fold_into_one_row(self, size: str, narrow: Reader, long_log: str) -> None:
        page = narrow.page
        resize(page, size)
        narrow.open_log(long_log)
        tools = page.get_by_role("toolbar", name="In this log")
        expect(tools).to_be_visible()
        box = tools.bounding_box()
        assert box
        assert box["height"] < 50
        tools.get_by_label("More tools").click()
        level, find = page.get_by_label("Levels"), page.get_by_label("Find in this log")
        for tool in (
            level,
            find,
            page.get_by_label("Command", exact=True),
            page.get_by_role("button", name="Last error"),
        ):
            expect(tool).to_be_visible()
        expect_all_on_screen(page)
        level.select_option("error")
        expect(narrow.lines).to_have_count(6)
        page.keyboard.press("Escape")
        find.fill("OSError")
        expect(page.locator(".found")).to_have_text(re.compile("/ 1$"))
        expect_all_on_screen(page)

    @alike
    def test_facts_and_time_line_are_shown_when_asked_for(self, narrow: Reader, long_log: str) -> None:
        page = narrow.page
        for size in ("a phone", "1024 x 768 at 200 %"):
            resize(page, size)
            narrow.open_log(long_log)
            expect(page.locator(".head .facts")).to_be_hidden()
            page.get_by_role("button", name="Facts").click()
            expect(page.locator(".head .facts")).to_contain_text("12,000")
            expect(page.locator(".timeline")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def test_the_commands_column_is_as_wide_as_it_needs(self, portal: Portal, narrow: Reader) -> None:
        for names, most in ((["Fetch", "Run"], 60), (["ConfigureSiteAndEnvironment", "Run"], 215), ([""], 1)):
            said = "".join(message(n, command=name) for n, name in enumerate(names * 2, 1))
            stamp = portal.send(said.replace(" []", ""))
            narrow.open_log(stamp)
            for line, name in enumerate(names, 1):
                column = narrow.line(line).locator(".command")
                width = column.evaluate("column => column.getBoundingClientRect().width")
                assert width <= most, (names, width)
                if len(name) < 24:
                    assert column.evaluate("column => column.scrollWidth <= column.clientWidth")

    @alike
    def test_times_have_their_day_and_zone(self, narrow: Reader, long_log: str) -> None:
        moment = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
        narrow.open_log(long_log)
        page = narrow.page
        expect(page.locator(".facts")).to_contain_text(re.compile(rf"First\s*{moment}.*Last\s*{moment}"))
        expect(page.locator(".scale .from")).to_have_text("2026-06-10 11:00:00 UTC")
        expect(page.locator(".detail .title")).to_contain_text("2026-06-10 11:11:40.100 UTC")


class TestWrapping:
    """Rows of different heights."""

    @staticmethod
    def rows(page: Page) -> dict[int, dict[str, Any]]:
        """The drawn rows by their numbers; each begins where the one before ends, and is as wide as there is room."""
        rows = page.evaluate(_ROWS)
        for row, after in itertools.pairwise(rows):
            assert after["n"] == row["n"] + 1
            assert abs(row["bottom"] - after["top"]) < 1.5, (row, after)
        assert all(row["fits"] for row in rows)
        return {row["n"]: row for row in rows}

    def moved(self, before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> set[int]:
        """By how many pixels."""
        both = before.keys() & after.keys()
        assert both
        return {round(before[n]["top"] - after[n]["top"]) for n in both}

    @pytest.mark.only_in_chromium("fingers are made by CDP")
    def test_wheel_fingers_and_bar(self, narrow: Reader, long_log: str) -> None:
        page = narrow.page
        page.set_viewport_size({"width": 700, "height": 800})
        narrow.open_log(long_log, line=5001)
        page.keyboard.press("Escape")
        expect(page.locator(".row.waiting")).to_have_count(0)
        frame = page.locator(".scroller").bounding_box()
        assert frame
        heights = {round(row["bottom"] - row["top"]) for row in self.rows(page).values()}
        assert len(heights) > 2, heights
        page.mouse.move(frame["x"] + 300, frame["y"] + 100)
        for _ in range(5):
            before = self.rows(page)
            first = min(before)
            page.mouse.wheel(0, 240)
            page.wait_for_function("n => Number(document.querySelector('.row[data-n]').dataset.n) > n", arg=first)
            assert self.moved(before, self.rows(page)) <= {239, 240, 241}
        before = self.rows(page)
        swipe_up(page, frame["x"] + 200, frame["y"] + 350, 200)
        page.wait_for_function("n => Number(document.querySelector('.row[data-n]').dataset.n) > n", arg=min(before))
        (step,) = self.moved(before, self.rows(page))
        assert 150 < step <= 200  # a finger's first pixels may still be a tap
        scroller = page.locator(".scroller")
        scroller.evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight / 4 }")
        expect(narrow.line(3000)).to_be_attached()
        for key, line, edge in (("G", 12_000, "bottom"), ("g", 1, "top")):
            page.keyboard.press(key)
            expect(narrow.line(line)).to_contain_text(LINES[line - 1].rsplit("] ")[1][:30])
            expect(page.locator(".row.waiting")).to_have_count(0)
            frame_edge = frame["y"] + (frame["height"] if edge == "bottom" else 0)
            wanted = (
                scroller.evaluate("scroller => scroller.getBoundingClientRect().bottom")
                if edge == "bottom"
                else frame_edge
            )
            assert abs(self.rows(page)[line][edge] - wanted) < 2

    def test_it_is_kept_and_long_lines_are_whole(self, narrow: Reader, long_log: str) -> None:
        page = narrow.page
        narrow.open_log(long_log, line=59)
        wrap = page.get_by_role("button", name="Wrap")
        expect(wrap).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("w")
        expect(wrap).to_have_attribute("aria-pressed", "true")
        self.rows(page)
        narrow.open_log(long_log, line=ERROR + 5)
        expect(wrap).to_have_attribute("aria-pressed", "true")
        expect(narrow.line(ERROR + 5)).to_contain_text("deep/" * 80)
        expect(narrow.line(ERROR + 5)).to_be_in_viewport()
        self.rows(page)
        for size in SIZES:
            resize(page, size)
            expect(narrow.line(ERROR + 5)).to_be_in_viewport()
        page.set_viewport_size({"width": 1440, "height": 900})
        wrap.click()
        expect(wrap).to_have_attribute("aria-pressed", "false")
        expect(narrow.line(ERROR + 5)).to_have_css("height", "20px")

    def test_it_follows_a_pilot_that_writes(self, portal: Portal, narrow: Reader) -> None:
        page = narrow.page
        resize(page, "a phone")
        stamp = portal.send("".join(message(n, text="word " * n) for n in range(1, 60)))
        narrow.open_log(stamp)
        expect(narrow.line(59)).to_be_in_viewport()
        portal.send(message(60, text="word " * 70 + "and the end"), stamp=stamp)
        expect(narrow.line(60)).to_contain_text("and the end")
        page.wait_for_function(
            """() => Math.abs(document.querySelector('.row[data-n="60"]').getBoundingClientRect().bottom
                 - document.querySelector(".scroller").getBoundingClientRect().bottom) < 2"""
        )
