# SPDX-License-Identifier: GPL-3.0-only
"""Make the pictures of the portal for the documentation: a stack, a morning's pilots, and Debian's Chromium.

Two of the pilots are killed. What is shown of them is what the collector knows: one log is quiet, and one was closed
by the agent as silent. Only the CS says that this takes seconds here, where it would take minutes and hours.
"""

import argparse
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from demonstration.delivery import Collector
from parts import lifecycle, portal, state
from parts import pilots as wms
from parts.browser import chromium, context_of
from parts.layout import PROJECT
from parts.program import run, scratch_folder
from parts.waiting import until
from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect

from .pilots import Pilots

_SIZE: ViewportSize = {"width": 1360, "height": 800}
_COLOURS = 128
"""Of a picture; it makes the file a third of what it was."""
_OPTIONS = ("/Operations/Defaults/Pilot/QuietAfter=20s", "/Operations/Defaults/Pilot/SilentAfter=20s")
"""A log is quiet sooner than silent for those who ask; silent it is when the agent looks, and it looks once."""
_PATIENCE = 300.0


def main() -> int:
    """Make them all; the exit code is 0 if that went well."""
    parser = argparse.ArgumentParser(prog="dev/screenshots", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=PROJECT / "docs" / "img")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with scratch_folder("pictures") as root:
        return run("screenshots", lambda: _make(root / "stack", folder))


def _make(directory: Path, folder: Path) -> None:
    lifecycle.up(directory, state.Plan(portal=True, options=_OPTIONS))
    stack = state.load(directory)
    with Pilots(stack) as pilots:
        killed = _live_through_the_morning(stack, pilots)
        _take_all(stack, folder, killed)


def _live_through_the_morning(stack: state.Stack, pilots: Pilots) -> str:
    """Until one pilot's log is silent, another one's quiet, and the others run or have ended; gives the quiet one."""
    collector = Collector(stack.collector_urls[0], stack.layout)
    pilots.start("ends", "runs", "killed")
    pilots.wait_until_all_is_said()
    pilots.start("killed early")
    early = pilots.kill("killed early")
    while True:
        _until(lambda: collector.logs()[early]["QuietSince"])
        # The others send more often than in 20 s; if one was held up, its next line opens its log again.
        subprocess.run([PROJECT / "dev" / "agent", stack.layout.root], check=True, capture_output=True)
        if collector.logs()[early]["State"] != "Open":
            break
    killed = pilots.kill("killed")
    _until(lambda: collector.logs()[killed]["QuietSince"])
    return killed


def _until(condition: Callable[[], object]) -> None:
    until(condition, _PATIENCE, "the logs do not come into the states that the pictures show")


def _take_all(stack: state.Stack, folder: Path, killed: str) -> None:
    reference = "htcondorce://ce14.pic.es/7104237.0"
    wms.add(stack, [wms.Pilot(reference, killed, "alpha", site="LCG.PIC.es", ce="ce14.pic.es", status="Aborted")])
    page_of = f"{portal.address(stack)}s:None/g:alpha_user/PilotLogs/page"

    def take(page: Page, name: str) -> None:
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        file = folder / f"{name}.png"
        picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        print(f"screenshots: {file} {file.stat().st_size // 1000} kB", flush=True)

    def at(page: Page, query: str, is_there: Callable[[Page], None]) -> None:
        page.goto(f"{page_of}?{query}")
        is_there(page)
        page.wait_for_load_state("networkidle")

    expect.set_options(timeout=1000 * _PATIENCE)
    with chromium() as browser:
        for scheme in ("light", "dark"):
            page = context_of(browser, stack, "alpha_user", _SIZE, color_scheme=scheme).new_page()
            log = f"log={killed}&logvo=alpha"
            if scheme == "dark":
                at(page, f"{log}&find=record", lambda page: expect(page.locator(".row mark").first).to_be_visible())
                take(page, "pilot-log-dark")
                continue
            at(page, "", lambda page: expect(page.locator(".logs tr[data-key]").nth(10)).to_be_visible())
            take(page, "pilot-logs")
            at(page, log, lambda page: expect(page.locator(".row.chosen")).to_be_visible())
            take(page, "pilot-log")
            at(page, "text=no space left", lambda page: expect(page.locator(".hit").nth(3)).to_be_visible())
            take(page, "search")
            _open_from_pilot_monitor(page, f"{portal.address(stack)}s:None/g:alpha_user/", reference)
            take(page, "pilot-monitor")


def _open_from_pilot_monitor(page: Page, desktop: str, reference: str) -> None:
    page.goto(desktop)
    page.wait_for_function("() => window.GLOBAL && GLOBAL.APP && GLOBAL.APP.isReady")
    page.get_by_text("Pilot Monitor", exact=True).first.click()
    page.get_by_text("Submit", exact=True).click()
    page.get_by_text(reference).first.click(button="right")
    page.get_by_text("Pilot Log (live)", exact=True).hover()


if __name__ == "__main__":
    sys.exit(main())
