"""A pilot that is killed, in the page: quiet after a while, running again if it comes back, and silent in the end."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from harness.waiting import until
from pilot.harness import Site, prepare, through_module
from playwright.sync_api import expect
from portal_support.browser import Reader, alike
from portal_support.portal import Portal
from portal_support.texts import message


@alike
class TestQuiet:
    """The CS of this stack gives beta's pilots six seconds."""

    def test_a_killed_pilot(self, portal: Portal, beta: Reader, tmp_path: Path) -> None:
        stack = portal.stack
        pilot = prepare(
            tmp_path / "pilot",
            site=Site.of(stack, "beta_pilot"),
            options=through_module(stack.urls),
            commands=["Speak", "Speak", "Sleep"],
            environment={"TEST_SECONDS": "600"},
            vo="beta",
        )

        def row() -> dict[str, object]:
            rows = portal.ask("beta_user", "list", {"stamp": pilot.stamp})["rows"]
            return dict(rows[0]) if rows else {}

        def errors() -> list[int]:
            return list(portal.ask("beta_user", "outline", {"stamp": pilot.stamp, "vo": "beta"})["errors"]["lines"])

        with pilot.start() as running:
            until(lambda: portal.ask("beta_user", "list", {"stamp": pilot.stamp})["rows"], what="it has sent something")
            until(lambda: len(errors()) > 1, what="several errors have come")
            running.send_to_all(signal.SIGKILL)
        until(lambda: row()["QuietSince"], what="the log is quiet")

        beta.open()
        beta.page.get_by_role("button", name="Quiet", exact=True).click()
        beta.expect_place("show", "quiet")
        entry = beta.log_in_list(pilot.stamp)
        badge = entry.locator(".badge.quiet")
        expect(badge).to_have_text(re.compile(r"^quiet \d+ (s|min)$"))
        known = re.compile(r"^No line since .* UTC; its sender usually sends each .+ The pilot may be gone, or busy")
        expect(badge).to_have_attribute("title", known)
        entry.click()
        expect(beta.page.locator(".log:not(.unknown)").get_by_role("heading", name=pilot.stamp)).to_be_visible()
        last = errors()[-1]
        expect(beta.line(last)).to_have_class(re.compile("error.*chosen"))
        beta.expect_place("line", str(last))
        verdict = beta.page.locator(".verdict")
        expect(verdict).to_have_text(re.compile(known.pattern + r" computing\. \d+ errors\.$"))
        beta.page.keyboard.press("Escape")

        # It was only suspended. Who watches sees that, and then the end, without doing anything.
        head = beta.page.locator(".log .head .badge")
        portal.send(message(1, text="awake"), "beta", pilot.stamp)
        expect(verdict).to_contain_text("Running; the last line came")
        expect(verdict).to_contain_text("No line since")
        expect(head).to_have_class(re.compile("quiet"))
        stack.run_agent(options={"/Operations/beta/Pilot/SilentAfter": "0s"})
        expect(head).to_have_text("silent")
        expect(verdict).to_contain_text("Never said goodbye")
        assert portal.ask("beta_user", "list", {"stamp": pilot.stamp, "quiet": "1"})["total"] == 0
        beta.open(show="silent", pilot=pilot.stamp)
        expect(beta.log_in_list(pilot.stamp)).to_contain_text("silent")
