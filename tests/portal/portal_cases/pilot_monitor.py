"""DIRAC's own PilotMonitor shows our logs, by the rules of VOs; ours has one entry more.

Alpha's CS has ``RemoteLogsPriority``, beta's has not.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import expect
from portal_support.browser import Reader, alike
from portal_support.portal import Portal

STOCK, OURS = "Stock Pilot Monitor", "Pilot Monitor"
CLASSIC = "classic output of {vo}\n"


def _line(vo: str) -> str:
    return f"2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] a line of {vo}\n"


def _output(portal: Portal, user: str, reference: str, kind: str = "getPilotOutput") -> dict[str, Any]:
    """What PilotMonitor's JavaScript is answered."""
    reply = portal.get(user, "PilotMonitor/getJobInfoData", {"data_kind": kind, "data": reference})
    assert reply.status == 200, reply.body
    return dict(reply.json)


class TestPilotOutput:
    """Remote or classic, for whom."""

    @pytest.mark.parametrize("vo", ["alpha", "beta"])
    def test_a_running_pilot(self, portal: Portal, vo: str) -> None:
        reference = portal.add_pilot(portal.send(_line(vo), vo), vo)
        assert _output(portal, f"{vo}_user", reference) == {"success": "true", "result": _line(vo)}
        errors = _output(portal, f"{vo}_user", reference, "getPilotError")
        assert errors["success"] == "true"
        assert errors["result"].endswith(_line(vo))

    @pytest.mark.parametrize("vo", ["alpha", "beta"])
    def test_one_that_only_the_archive_has(self, portal: Portal, vo: str) -> None:
        stamp = uuid.uuid4().hex
        archived = portal.stack.archived(vo, stamp)
        archived.parent.mkdir(parents=True, exist_ok=True)
        archived.write_text(_line(vo))
        reference = portal.add_pilot(stamp, vo, status="Done")
        assert _output(portal, f"{vo}_user", reference)["result"] == _line(vo)

    def test_classic_output_comes_where_it_exists(self, portal: Portal) -> None:
        """With RemoteLogsPriority only if there is no remote log, without it before the remote one."""
        for vo, remote_first in (("alpha", True), ("beta", False)):
            classic = CLASSIC.format(vo=vo)
            both = portal.add_pilot(portal.send(_line(vo), vo), vo, output=classic)
            only = portal.add_pilot(uuid.uuid4().hex, vo, output=classic)
            assert _output(portal, f"{vo}_user", both)["result"] == (_line(vo) if remote_first else classic)
            assert _output(portal, f"{vo}_user", only)["result"] == classic
            assert _output(portal, f"{vo}_user", only, "getPilotError")["result"] == "classic errors"

    def test_another_vos_log_is_refused(self, portal: Portal) -> None:
        for vo, other in (("alpha", "beta_user"), ("beta", "alpha_user")):
            stamp = portal.send(f"secret of {vo}\n", vo)
            for output in ("", CLASSIC.format(vo=vo)):
                reference = portal.add_pilot(stamp, vo, output=output)
                for kind in ("getPilotOutput", "getPilotError"):
                    refused = _output(portal, other, reference, kind)
                    assert refused == {"success": "false", "error": f"You may not read the logs of VO {vo}."}
                assert "result" in _output(portal, "operator", reference)

    def test_nobody_reads_in_a_group_that_he_is_not_in(self, portal: Portal) -> None:
        """DIRAC remembers for a minute that it knows somebody, and lets him into every group then."""
        reference = portal.add_pilot(portal.send("secret of alpha\n"))
        for group in ("beta_user", "alpha_user"):
            asked = {"data_kind": "getPilotOutput", "data": reference}
            assert b"secret" not in portal.get("beta_user", "PilotMonitor/getJobInfoData", asked, group=group).body

    def test_an_unknown_pilot(self, portal: Portal) -> None:
        assert _output(portal, "alpha_user", "htcondorce://nowhere/1.0")["success"] == "false"


class TestPilotMonitorInTheBrowser:
    """What a shifter clicks on."""

    @staticmethod
    def _choose(reader: Reader, application: str, reference: str, entry: str) -> None:
        page = reader.page
        reader.open_desktop()
        page.get_by_text(application, exact=True).first.click()
        page.get_by_text("Submit", exact=True).click()
        page.get_by_text(reference).first.click(button="right")
        page.get_by_text(entry, exact=True).click()

    @pytest.mark.parametrize("entry", ["Pilot Output", "Pilot Error"])
    @alike
    def test_the_stock_one(self, portal: Portal, alpha: Reader, entry: str) -> None:
        reference = portal.add_pilot(portal.send(_line("alpha")))
        self._choose(alpha, STOCK, reference, entry)
        expect(alpha.page.locator("textarea").last).to_have_value(re.compile("a line of alpha"))

    def test_our_entry_opens_the_page_at_the_pilot(self, portal: Portal, beta: Reader) -> None:
        stamp = portal.send(_line("beta"), "beta")
        self._choose(beta, OURS, portal.add_pilot(stamp, "beta"), "Pilot Log (live)")
        expect(beta.framed.get_by_role("heading", name=stamp)).to_be_visible()
        expect(beta.framed.get_by_text("a line of beta")).to_be_visible()
