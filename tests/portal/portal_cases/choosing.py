"""Lines of a log are chosen and copied as they stand in the log, in Chromium."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from portal_support.browser import Browser, Reader, alike
from portal_support.portal import Portal
from portal_support.texts import message

TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "store.py", line 214, in store',
    "    target.write(block)\twith a tab, and <b>&amp;",
    "",
    "OSError: [Errno 28] No space left on device: " + "deep/" * 80,
]
ERROR = 7001
AFTER = ERROR + len(TRACEBACK) + 1


def _lines() -> list[str]:
    lines = []
    for n in range(1, 12_001):
        is_raw = ERROR < n < AFTER
        level = "ERROR" if n == ERROR else "INFO"
        said = "" if n % 3 else "long " * (n % 60) + str(n)
        lines.append(TRACEBACK[n - ERROR - 1] if is_raw else message(n, level, said, seconds=n / 10).rstrip("\n"))
    return lines


LINES = _lines()


@pytest.fixture(scope="session")
def long_log(portal: Portal) -> str:
    """The stamp of a log with those lines."""
    stamp = uuid.uuid4().hex
    for start in range(0, len(LINES), 4000):
        portal.send("".join(f"{line}\n" for line in LINES[start : start + 4000]), stamp=stamp)
    return portal.send("", stamp=stamp, final={"retCode": "1"})


@pytest.fixture(scope="session")
def copying(browser: Browser, portal: Portal) -> Iterator[Reader]:
    """A tab that may look into the clipboard."""
    context = browser.context("alpha_user")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=portal.origin)
    reader = Reader(portal, "alpha_user", context.new_page())
    yield reader
    context.close()
    assert reader.errors == []


def copied(page: Page, told: str) -> str:
    """What is in the clipboard after a sentence was said; the sentence goes away."""
    notice = page.locator(".notice").filter(has_text=told)
    expect(notice).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    notice.evaluate("notice => notice.remove()")
    assert isinstance(text, str)
    return text


def lines(first: int, last: int) -> str:
    """Lines of the log, as a file would have them."""
    return "\n".join(LINES[first - 1 : last])


def begin(reader: Reader, stamp: str, line: int) -> None:
    reader.open_log(stamp, line=line)
    expect(reader.line(line)).to_have_class(re.compile("chosen"))


def row_of(reader: Reader, line: int) -> dict[str, float]:
    """Where the text of a line is."""
    expect(reader.line(line).locator(".text")).to_be_visible()
    box = reader.line(line).locator(".text").bounding_box()
    assert box
    return dict(box)


class TestCopying:
    """*Copy text*, and Ctrl+C."""

    def test_a_line_gives_its_whole_message(self, copying: Reader, long_log: str) -> None:
        page = copying.page
        copying.open_log(long_log)
        expect(copying.line(ERROR)).to_have_class(re.compile("chosen"))
        for line in (ERROR, ERROR + 3):
            if line != ERROR:
                copying.line(line).click()
            page.get_by_role("button", name="Copy text").click()
            assert copied(page, "6 lines are copied") == lines(ERROR, AFTER - 1)
            page.keyboard.press("Control+c")
            assert copied(page, "6 lines are copied") == lines(ERROR, AFTER - 1)

    def test_shift_and_a_click_choose_five_thousand_lines(self, copying: Reader, long_log: str) -> None:
        page = copying.page
        begin(copying, long_log, 1990)
        page.locator(".scroller").evaluate("scroller => { scroller.scrollTop = 6980 * 20 }")
        expect(copying.line(6989).locator(".text")).to_be_visible()
        copying.line(6989).click(modifiers=["Shift"])
        expect(page.locator(".detail .title")).to_have_text("Lines 1,990 to 6,989 · 5,000 chosen")
        expect(page.get_by_role("button", name="Search all logs for this")).to_be_hidden()
        page.keyboard.press("Control+c")
        assert copied(page, "5,000 lines are copied") == lines(1990, 6989)
        page.keyboard.press("Escape")
        expect(page.locator(".row.selected")).to_have_count(0)

    def test_by_keyboard(self, copying: Reader, long_log: str) -> None:
        page = copying.page
        begin(copying, long_log, 3000)
        for key, times in (("Shift+ArrowDown", 40), ("Shift+ArrowUp", 2)):
            for _ in range(times):
                page.keyboard.press(key)
        page.keyboard.press("Control+c")
        assert copied(page, "39 lines are copied") == lines(3000, 3038)
        page.keyboard.press("Shift+Home")
        page.get_by_role("button", name="Copy text").click()
        assert copied(page, "3,000 lines are copied") == lines(1, 3000)
        page.locator(".scroller").focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("Control+c")
        assert copied(page, "12,000 lines are copied") == lines(1, 12_000)

    @pytest.mark.only_in_chromium("in Firefox the mouse cannot leave the window")
    def test_the_mouse_drags_over_lines_beyond_the_edge(self, copying: Reader, long_log: str) -> None:
        page = copying.page
        begin(copying, long_log, 500)
        page.keyboard.press("Escape")
        box, frame = row_of(copying, 502), page.locator(".scroller").bounding_box()
        assert frame
        page.mouse.move(box["x"] + 30, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(box["x"] + 40, box["y"] + 70, steps=4)
        page.mouse.move(box["x"] + 40, frame["y"] + frame["height"] + 40, steps=4)
        expect(copying.line(600)).to_be_visible()
        page.mouse.up()
        page.keyboard.press("Control+c")
        text = copied(page, "lines are copied")
        count = text.count("\n") + 1
        assert count > 90
        assert text == lines(502, 501 + count)

    def test_a_word_is_a_word_and_a_row_is_its_line(self, copying: Reader, long_log: str) -> None:
        page = copying.page
        begin(copying, long_log, 100)
        page.keyboard.press("Escape")
        box = row_of(copying, 101)
        page.mouse.dblclick(box["x"] + 10, box["y"] + 8)
        page.evaluate("navigator.clipboard.writeText('')")
        page.keyboard.press("Control+c")
        page.wait_for_function("async () => (await navigator.clipboard.readText()) === 'message'")
        page.mouse.click(box["x"] + 10, box["y"] + 8, click_count=3)
        page.keyboard.press("Control+c")
        assert copied(page, "The line is copied") == lines(101, 101)

    @alike
    def test_of_filtered_lines_those_that_are_shown(self, copying: Reader, portal: Portal) -> None:
        said = [message(n, "WARN" if n % 10 == 0 else "INFO", command="C").rstrip("\n") for n in range(1, 101)]
        stamp = portal.send("".join(f"{line}\n" for line in said))
        copying.open_log(stamp, level="warn")
        copying.line(20).click()
        copying.line(50).click(modifiers=["Shift"])
        copying.page.keyboard.press("Control+c")
        assert copied(copying.page, "4 lines are copied") == "\n".join(said[n - 1] for n in (20, 30, 40, 50))

    @alike
    def test_long_lines_are_not_cut_and_too_much_is_refused(self, copying: Reader, portal: Portal) -> None:
        page = copying.page
        long = "<x> \u00e4 " * 20_000
        stamp = portal.send(message(1) + long + "\n" + "y" * 1_500_000 + "\n" + message(4))
        copying.open_log(stamp, line=1)
        copying.line(2).click(modifiers=["Shift"])
        page.keyboard.press("Control+c")
        assert copied(page, "2 lines are copied") == message(1) + long
        copying.line(3).click(modifiers=["Shift"])
        page.keyboard.press("Control+c")
        expect(page.locator(".notice.problem")).to_contain_text(
            "at most 1 MB of a line can be copied: the download has"
        )
        page.locator(".notice.problem button").click()
        stamp = portal.send("z\n" * 60_000, final={"retCode": "0"})
        copying.open_log(stamp, line=1)
        page.keyboard.press("Shift+End")
        page.keyboard.press("Control+c")
        expect(page.locator(".notice.problem")).to_contain_text("more than can be copied at once (50,000 lines")

    @alike
    def test_a_gap_among_them_is_told(self, copying: Reader, portal: Portal) -> None:
        stamp = portal.send("one\ntwo\n")
        portal.send("three\n", stamp=stamp, seq=4)
        copying.open_log(stamp, line=1)
        copying.line(3).click(modifiers=["Shift"])
        copying.page.keyboard.press("Control+c")
        assert copied(copying.page, "3 lines are copied. Between them is a gap") == "one\ntwo\nthree"


@pytest.mark.only_in_chromium("Firefox does not emulate paper")
class TestPaper:
    """What is printed."""

    def test_the_head_and_the_chosen_lines(self, copying: Reader, long_log: str) -> None:
        page = copying.page
        begin(copying, long_log, 6900)
        page.keyboard.press("Shift+PageDown")
        for _ in range(20):
            page.keyboard.press("Shift+PageDown")
        title = page.locator(".detail .title").inner_text()
        last = int(title.split(" to ")[1].split(" ")[0].replace(",", ""))
        assert last > 7100
        page.wait_for_load_state("networkidle")
        pages = page.pdf(format="A4").count(b"/Type /Page\n")
        assert pages >= 3
        page.emulate_media(media="print")
        try:
            expect(page.get_by_role("heading", name=long_log)).to_be_visible()
            expect(page.locator(".head .facts")).to_contain_text("12,000")
            printed = page.locator(".printed .line")
            expect(printed).to_have_count(last - 6899)
            expect(printed.nth(ERROR - 6900)).to_have_text(f"{ERROR}{LINES[ERROR - 1]}")
            for part in (".bar", ".tools", ".detail", ".reading", ".list"):
                expect(page.locator(part).first).to_be_hidden()
        finally:
            page.emulate_media(media="screen")
        expect(page.locator(".printed")).to_be_hidden()

    def test_the_lines_in_sight_when_none_is_chosen(self, copying: Reader, long_log: str) -> None:
        page = copying.page
        begin(copying, long_log, 5000)
        page.keyboard.press("Escape")
        page.emulate_media(media="print")
        try:
            expect(page.locator(".printed .line").filter(has_text=LINES[4999])).to_be_visible()
        finally:
            page.emulate_media(media="screen")
