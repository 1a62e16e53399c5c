# SPDX-License-Identifier: GPL-3.0-only
"""The page in Chromium: list, filters, a chosen log, and what strangers put into their logs."""

from __future__ import annotations

import re
import time
import uuid

import pytest
from playwright.sync_api import expect
from portal_support.browser import Browser, Reader, alike
from portal_support.portal import Portal
from portal_support.texts import message, messages

HOSTILE = {
    "HTML": "<img src=x onerror=\"document.title='owned'\"><b>bold</b>",
    "script": "<script>document.title='owned'</script>",
    "terminal": "\x1b[31mred\x1b[0m \x1b]0;owned\x07 \x1b[2J",
    "NUL": "be\x00fore",
    "direction": "user\u202etxt.exe\u2066 \u200b\ufeff",
    "surrogate": "half \ud800 of one",
}


class TestList:
    """Which logs there are."""

    def test_filters_stand_in_the_address_and_a_link_shows_the_same(self, portal: Portal, alpha: Reader) -> None:
        site = f"LCG.{uuid.uuid4().hex[:8]}.org"
        running = portal.send(messages(3), context={"site": site, "ce": "ce1.example.org"})
        failed = portal.send(messages(3), context={"site": site, "ce": "ce2.example.org"}, final={"retCode": "7"})
        wrong = portal.send(message(1, "ERROR"), context={"site": site}, final={"retCode": "0"})
        alpha.open()
        alpha.page.get_by_label("Site", exact=True).fill(site)
        expect(alpha.page.get_by_text("1 to 3 of 3 logs")).to_be_visible()
        alpha.expect_place("site", site)
        for chip, stamp in (("Running", running), ("Failed", failed), ("With errors", wrong)):
            alpha.page.get_by_role("button", name=chip, exact=True).click()
            expect(alpha.page.get_by_text("1 to 1 of 1 log")).to_be_visible()
            expect(alpha.log_in_list(stamp)).to_be_visible()
        expect(alpha.log_in_list(wrong).locator(".count.error")).to_have_text("1")
        alpha.page.get_by_role("button", name="All", exact=True).click()
        alpha.page.get_by_label("CE", exact=True).fill("ce2.example.org")
        alpha.expect_place("ce", "ce2.example.org")
        expect(alpha.page.get_by_text("1 to 1 of 1 log")).to_be_visible()
        expect(alpha.log_in_list(failed)).to_contain_text("exit 7")
        alpha.page.goto(alpha.page.url)
        expect(alpha.log_in_list(failed)).to_be_visible()
        expect(alpha.page.locator(".list tr[data-key]")).to_have_count(1)
        alpha.page.get_by_role("button", name="Clear").click()
        expect(alpha.page.get_by_label("Site", exact=True)).to_have_value("")

    @alike
    def test_sorting(self, portal: Portal, alpha: Reader) -> None:
        site = f"LCG.{uuid.uuid4().hex[:8]}.org"
        for lines in (3, 40, 1):
            portal.send(messages(lines), context={"site": site}, final={"retCode": "0"})
        alpha.open(site=site)
        expect(alpha.page.get_by_text("1 to 3 of 3 logs")).to_be_visible()
        alpha.page.get_by_role("button", name="Lines").click()
        expect(alpha.page.get_by_role("columnheader", name="Lines")).to_have_attribute("aria-sort", "descending")
        expect(alpha.page.locator(".list tr[data-key] .lines")).to_have_text(["40", "3", "1"])
        alpha.expect_place("sort", "Lines")

    @alike
    def test_a_text_in_all_logs(self, portal: Portal, alpha: Reader) -> None:
        word = uuid.uuid4().hex[:12]
        stamps = [portal.send(messages(20) + message(21, text=f"look: {word}")) for _ in range(2)]
        alpha.open()
        alpha.page.get_by_label("Text in the logs").fill(word.upper())
        alpha.page.keyboard.press("Enter")
        expect(alpha.page.locator(".hit")).to_have_count(2)
        expect(alpha.page.locator(".hit mark").first).to_have_text(word)
        alpha.page.locator(".hit").first.click()
        expect(alpha.line(21)).to_have_class(re.compile("chosen"))
        assert alpha.place["log"][0] in stamps

    @alike
    def test_silent_pilots_and_by_keyboard(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send(messages(5) + message(6, "ERROR", "No space left on device"))
        with portal.stack.database() as connection:
            connection.execute("UPDATE PilotLogs SET State = 'Silent' WHERE Stamp = ?", (stamp,))
        alpha.open(pilot=stamp, show="silent")
        expect(alpha.log_in_list(stamp)).to_contain_text("silent")
        alpha.page.keyboard.press("j")
        alpha.page.keyboard.press("Enter")
        expect(alpha.page.get_by_role("heading", name=stamp)).to_be_visible()
        expect(alpha.page.locator(".verdict")).to_contain_text("Never said goodbye")
        expect(alpha.line(6)).to_have_class(re.compile("error.*chosen"))
        alpha.page.keyboard.press("Escape")
        alpha.page.keyboard.press("Escape")
        expect(alpha.page.get_by_role("heading", name=stamp)).to_be_hidden()


class TestLog:
    """One log."""

    @alike
    def test_errors_levels_and_commands(self, portal: Portal, alpha: Reader) -> None:
        text = "".join(
            message(n, "ERROR" if n in (40, 700) else "WARN" if n == 50 else "INFO", command=f"C{n // 500}")
            for n in range(1, 1001)
        )
        stamp = portal.send(text, final={"retCode": "1"})
        alpha.open_log(stamp)
        expect(alpha.line(40)).to_have_class(re.compile("chosen"))
        alpha.page.keyboard.press("e")
        expect(alpha.line(700)).to_have_class(re.compile("chosen"))
        alpha.expect_place("line", "700")
        alpha.page.keyboard.press("E")
        expect(alpha.line(40)).to_have_class(re.compile("chosen"))
        alpha.page.get_by_label("Levels").select_option("warn")
        expect(alpha.lines).to_have_count(3)
        alpha.page.get_by_label("Levels").select_option("")
        alpha.page.get_by_label("Command", exact=True).select_option("C2")
        expect(alpha.lines).to_have_count(1)
        expect(alpha.line(1000)).to_be_visible()

    @alike
    def test_find_in_the_log(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send("".join(message(n, text=f"needle {n}" if n % 300 == 0 else "hay") for n in range(1, 1001)))
        alpha.open_log(stamp)
        alpha.page.keyboard.press("/")
        alpha.page.keyboard.type("NEEDLE")
        expect(alpha.page.locator(".found")).to_have_text(re.compile(r"\d / 3"))
        alpha.page.keyboard.press("Enter")
        expect(alpha.page.locator(".row.chosen mark")).to_have_text("needle")
        alpha.expect_place("find", "NEEDLE")
        alpha.page.goto(portal.address("alpha_user", f"PilotLogs/page?log={stamp}&logvo=alpha&line=600&find=needle"))
        expect(alpha.line(600)).to_have_class(re.compile("chosen"))
        expect(alpha.page.locator(".found")).to_have_text("2 / 3")

    @alike
    def test_a_gap_is_shown_in_its_place(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send(messages(3))
        portal.send(messages(3), stamp=stamp, seq=5)
        alpha.open_log(stamp)
        expect(alpha.page.locator(".row.mark")).to_contain_text("missing")
        mark, after = alpha.page.locator(".row.mark").bounding_box(), alpha.line(4).bounding_box()
        before = alpha.line(3).bounding_box()
        assert mark and after and before
        assert before["y"] < mark["y"] < after["y"]

    def test_it_follows_a_pilot_that_writes_until_somebody_scrolls_up(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send(messages(200))
        alpha.open_log(stamp)
        expect(alpha.line(200)).to_be_visible()
        live = alpha.page.get_by_role("button", name="Live")
        expect(live).to_have_attribute("aria-pressed", "true")
        portal.send("the last word is not", stamp=stamp)
        expect(alpha.line(201)).to_contain_text("the last word is not")
        portal.send(" ended\n" + message(202, text="came later"), stamp=stamp)
        expect(alpha.line(202)).to_contain_text("came later")
        expect(alpha.line(201)).to_contain_text("the last word is not ended")
        alpha.page.locator(".scroller").hover()
        alpha.page.mouse.wheel(0, -1500)
        expect(live).to_have_attribute("aria-pressed", "false")
        portal.send(messages(5), stamp=stamp)
        fresh = alpha.page.get_by_role("button", name="Go to the newest line")
        expect(fresh).to_have_text("↓ 5 new lines")
        expect(alpha.line(207)).to_have_count(0)
        fresh.click()
        expect(alpha.line(207)).to_be_visible()
        portal.send("", stamp=stamp, final={"retCode": "3"})
        expect(alpha.page.locator(".verdict")).to_contain_text("Ended with exit code 3")
        expect(live).to_be_hidden()

    def test_time_line_zooms_and_goes_to_a_time(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send("".join(message(n, seconds=n) for n in range(1, 3001)), final={"retCode": "0"})
        alpha.open_log(stamp)
        box = alpha.page.locator(".timeline canvas").bounding_box()
        assert box
        alpha.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
        expect(alpha.line(1501)).to_be_visible()
        alpha.page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 20)
        alpha.page.mouse.down()
        alpha.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
        alpha.page.mouse.up()
        out = alpha.page.get_by_role("button", name="Whole time")
        expect(out).to_be_visible()
        expect(alpha.line(605)).to_be_visible()
        out.click()
        expect(out).to_be_hidden()

    def test_hostile_text_is_text(self, portal: Portal, alpha: Reader) -> None:
        lines = list(HOSTILE.values())
        context = {"site": HOSTILE["HTML"][:60], "host": HOSTILE["direction"]}
        stamp = portal.send(
            "".join(f"{line}\n" for line in lines) + "x" * 10**6 + "\n" + message(1, command="<i>C</i>"),
            context=context,
        )
        alpha.open(pilot=stamp)
        expect(alpha.log_in_list(stamp)).to_contain_text("<img src=x")
        alpha.open_log(stamp)
        shown = [alpha.line(number).locator(".text") for number in range(1, 9)]
        expect(shown[0]).to_have_text(HOSTILE["HTML"])
        expect(shown[1]).to_have_text(HOSTILE["script"])
        expect(shown[2]).to_have_text(re.compile(r"^red\s*$"))
        expect(shown[3]).to_have_text("be\u2400fore")
        expect(shown[4]).to_have_text("user⟨202E⟩txt.exe⟨2066⟩ ⟨200B⟩⟨FEFF⟩")
        expect(shown[5]).to_have_text("half ⟨D800⟩ of one")
        expect(alpha.line(7)).to_contain_text(re.compile("1,000,00. bytes"))
        expect(alpha.line(8)).to_contain_text("<i>C</i>")
        assert alpha.page.title() != "owned"
        assert alpha.page.locator(".log img, .log script, .log b, .list img").count() == 0

    def test_a_progress_bar_is_shown_in_its_last_state(self, portal: Portal, alpha: Reader) -> None:
        bars = [f"\r{percent:3}%|{'█' * percent:100}|\x1b[K" for percent in range(101)]  # 21 kB together
        said = message(1).rstrip("\n")
        long = f"{said}{''.join(bars)}\n"
        stamp = portal.send(f"{said}10%\r20%\r100%\r\n{long}unfinished 1%")
        alpha.open_log(stamp)
        shown = [alpha.line(number).locator(".text") for number in range(1, 4)]
        last = re.compile(rf"^100%\|{'█' * 100}\|$")
        expect(shown[0]).to_have_text("100%")
        expect(shown[1]).to_have_text(last)
        expect(alpha.line(2)).to_contain_text(f"last state of {len(long.encode()):,} bytes")
        expect(shown[2]).to_have_text("unfinished 1%")
        detail, states = alpha.page.locator(".detail .whole"), alpha.page.get_by_role("button", name="All states")
        alpha.line(2).locator(".n").click()
        expect(detail).to_have_text(re.compile(r"\] 100%\|█+\|$"))
        expect(alpha.page.locator(".detail .note")).to_contain_text("its last state")
        expect(states).to_be_hidden()
        alpha.line(3).locator(".n").click()
        expect(detail).to_have_text("unfinished 1%")
        portal.send("\runfinished 2%\r", stamp=stamp)
        expect(shown[2]).to_have_text("unfinished 2%")
        expect(detail).to_have_text("unfinished 2%")
        states.click()
        expect(detail).to_have_text("unfinished 1%\nunfinished 2%")
        # What is found is marked where it is shown.
        alpha.page.get_by_label("Find in this log").fill("100%|█")
        expect(alpha.page.locator(".found")).to_have_text("1 / 1")
        expect(shown[1].locator("mark")).to_have_text("100%|█")

    def test_download(self, portal: Portal, alpha: Reader) -> None:
        text = messages(500)
        stamp = portal.send(text)
        alpha.open_log(stamp)
        with alpha.page.expect_download() as download:
            alpha.page.get_by_role("link", name="Download", exact=True).click()
        assert download.value.suggested_filename == f"{stamp}.log"
        assert download.value.path().read_text() == text

    @alike
    def test_another_vos_log_is_refused_in_a_sentence(self, portal: Portal, beta: Reader) -> None:
        stamp = portal.send("secret of alpha\n")
        beta.open(log=stamp, logvo="alpha")
        expect(beta.page.get_by_role("heading", level=1)).to_contain_text("may not read the logs of VO alpha")
        expect(beta.page.get_by_text("secret of alpha")).to_have_count(0)
        beta.page.get_by_role("link", name="The list of logs").click()
        expect(beta.page.locator(".list")).to_be_visible()


class TestLook:
    """Light, dark, keys, and nothing from elsewhere."""

    def test_dark_and_light(self, browser: Browser, portal: Portal) -> None:
        context = browser.context("alpha_user", color_scheme="dark")
        try:
            page = context.new_page()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(portal.address("alpha_user", "PilotLogs/page"))
            expect(page.locator("html")).to_have_attribute("data-theme", "dark")
            page.keyboard.press("d")
            expect(page.locator("html")).to_have_attribute("data-theme", "light")
            page.keyboard.press("?")
            expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Next error")
            assert all(url.startswith(portal.origin) for url in asked)
        finally:
            context.close()

    @pytest.mark.only_in_chromium("it measures the heap")
    def test_two_hundred_thousand_lines(self, portal: Portal, alpha: Reader) -> None:
        """Only what is in sight is drawn, and only what was near it is here. What it costs: docs/performance.md."""
        stamp = None
        for start in range(1, 200_001, 40_000):
            piece = "".join(message(n, seconds=n // 50) for n in range(start, start + 40_000))
            stamp = portal.send(piece, stamp=stamp)
        assert stamp
        portal.send("", stamp=stamp, final={"retCode": "0"})
        begun = time.monotonic()
        alpha.open_log(stamp)
        expect(alpha.line(200_000)).to_be_visible()
        opened = time.monotonic() - begun
        measured = alpha.page.evaluate(_SCROLL)
        print(f"opened in {opened:.2f} s;", ", ".join(f"{name} {value:.5g}" for name, value in measured.items()))
        expect(alpha.line(1)).to_be_visible()
        assert measured["rows"] < 200
        assert measured["heap"] < 100e6
        alpha.open_log(stamp, line=123_456)
        expect(alpha.line(123_456)).to_contain_text("message 123456")


_SCROLL = """async () => {
  const scroller = document.querySelector(".scroller");
  const frames = [];
  let rows = 0;
  let last = performance.now();
  for (let step = 0; step < 60; step++) {
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
    rows = Math.max(rows, document.querySelectorAll(".row").length);
    scroller.scrollTop -= scroller.scrollHeight / 60 + 1;
  }
  scroller.scrollTop = 0;
  gc();
  frames.sort((one, other) => one - other);
  return { rows, heap: performance.memory.usedJSHeapSize, median: frames[30], worst: frames[59] };
}"""
