# SPDX-License-Identifier: GPL-3.0-only
"""What is copied comes out of the clipboard again. Browsers differ in when a page may write to it, so no test reads it
otherwise than a user does: by pasting.
"""

from __future__ import annotations

import re

from playwright.sync_api import expect
from portal_support.browser import Reader
from portal_support.portal import Portal
from portal_support.texts import messages


class TestClipboard:
    """Copied with a key, and with a button."""

    def test_the_link_to_a_line_and_a_stamp(self, portal: Portal, alpha: Reader) -> None:
        stamp = portal.send(messages(30), final={"retCode": "0"})
        alpha.open_log(stamp, line=7)
        expect(alpha.line(7)).to_have_class(re.compile("chosen"))
        alpha.page.keyboard.press("c")
        expect(alpha.page.get_by_text("is copied.")).to_be_visible()
        field = alpha.page.get_by_label("Find in this log")
        alpha.page.keyboard.press("/")
        expect(field).to_be_focused()
        alpha.page.keyboard.press("Control+V")
        expect(field).to_have_value(re.compile(rf"^{re.escape(portal.origin)}.*log={stamp}.*line=7"))
        alpha.page.get_by_role("button", name="Copy", exact=True).first.click()
        field.press("Control+A")
        field.press("Control+V")
        expect(field).to_have_value(stamp)
