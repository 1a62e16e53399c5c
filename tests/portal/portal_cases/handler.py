# SPDX-License-Identifier: GPL-3.0-only
"""Our handler without a browser: what it gives, and what it says to bad and to hostile requests."""

from __future__ import annotations

import gzip
import html
import json
import uuid
from typing import Any

import pytest
from portal_support.portal import Parameters, Portal

from PilotLoggingDIRAC.read import limits
from PilotLoggingDIRAC.store.logs import QUICK_SORTS

TEXT = "".join(f"2026-06-10T11:02:{second:02d}.823512Z INFO [Pilot] line {second}\n" for second in range(30))
HUGE = "x" * 5000
UNKNOWN = "0" * 32
KEYED = ("outline", "lines", "find", "download")
"""Methods that take the stamp and the VO of a log."""
HOSTILE = (
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "'; DROP TABLE PilotLogs; --",
    "\x00\x1b[2J",
    "\u202e\ud7ff\U0001f680",
    "-1",
    "1e9",
    "99999999999999999999999999",
    "NaN",
    "[]",
    "{}",
    "null",
    "%s%n{0}",
    HUGE,
)


class TestHandler:
    """Honest requests."""

    def test_a_log_from_list_to_line(self, portal: Portal) -> None:
        host = uuid.uuid4().hex
        stamp = portal.send(TEXT, context={"host": f"{host}.example.org", "site": "LCG.Here.org"})
        found = portal.ask("alpha_user", "list", {"hostPart": host.upper()})
        assert (found["total"], found["rows"][0]["Stamp"]) == (1, stamp)
        key = {"stamp": stamp, "vo": "alpha"}
        outline = portal.ask("alpha_user", "outline", key)
        assert (outline["lines"], outline["row"]["Site"]) == (30, "LCG.Here.org")
        assert portal.ask("alpha_user", "outline", key | {"version": outline["version"]})["unchanged"]
        lines = portal.ask("alpha_user", "lines", key | {"first": 7, "count": 2})["lines"]
        assert [(line["n"], line["level"], line["text"][line["at"] :]) for line in lines] == [
            (7, "INFO", "line 6"),
            (8, "INFO", "line 7"),
        ]
        chosen = portal.ask("alpha_user", "lines", key | {"numbers": "30,2"})["lines"]
        assert [line["n"] for line in chosen] == [2, 30]
        assert portal.ask("alpha_user", "find", key | {"text": "LINE 2", "ignoreCase": 1})["numbers"] == [
            3,
            *range(21, 31),
        ]
        assert ["LCG.Here.org", 1] in portal.ask("alpha_user", "values", {"column": "Site"})["values"]["Site"]

    def test_a_text_in_many_logs(self, portal: Portal) -> None:
        word = uuid.uuid4().hex
        stamp = portal.send(f"no header, {word}\n")
        answer = portal.ask("alpha_user", "search", {"text": word.upper()})
        while not answer["done"] and not answer["found"]:
            answer = portal.ask("alpha_user", "search", {"text": word.upper(), "cursor": answer["cursor"]})
        ((found),) = answer["found"]
        assert (found["row"]["Stamp"], found["lines"][0]["n"]) == (stamp, 1)

    def test_download_is_every_byte(self, portal: Portal) -> None:
        text = "ünï €𝄞 \x1b[1m\x00 \udc80\n" * 100_000  # more than one page of the collector
        stamp = portal.send(text)
        data = text.encode("utf-8", "surrogatepass")
        plain = portal.get("alpha_user", "PilotLogs/download", {"stamp": stamp, "vo": "alpha"})
        packed = portal.get("alpha_user", "PilotLogs/download", {"stamp": stamp, "vo": "", "gzip": 1})
        assert (plain.body == data, gzip.decompress(packed.body) == data) == (True, True)
        assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert plain.headers["Content-Disposition"] == f'attachment; filename="{stamp}.log"'
        assert packed.headers["Content-Disposition"] == f'attachment; filename="{stamp}.log.gz"'
        assert len(packed.body) < len(data) / 10

    def test_download_shows_gaps(self, portal: Portal) -> None:
        stamp = portal.send("one\n")
        portal.send("four\n", stamp=stamp, seq=4)
        reply = portal.get("alpha_user", "PilotLogs/download", {"stamp": stamp, "vo": "alpha"})
        assert reply.body == b"one\n[... messages 2 to 3 are missing here (session s) ...]\nfour\n"

    def test_a_pilot_by_its_reference(self, portal: Portal) -> None:
        """From what its own sender says, else from PilotManager."""
        own = f"htcondorce://own.example.org/{uuid.uuid4().hex}"
        stamp = portal.send(TEXT, context={"pilotReference": own})
        assert portal.ask("alpha_user", "pilot", {"reference": own}) == {"stamp": stamp, "vo": "alpha"}
        stamp = portal.send(TEXT, "beta")
        reference = portal.add_pilot(stamp, "beta")
        assert portal.ask("beta_user", "pilot", {"reference": reference}) == {"stamp": stamp, "vo": "beta"}
        assert "reference" in portal.get("alpha_user", "PilotLogs/pilot", {"reference": "nobody"}).sentence

    def test_the_page_runs_only_the_portals_own_files(self, portal: Portal) -> None:
        reply = portal.get("alpha_user", "PilotLogs/page")
        assert reply.status == 200
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert b'data-group="alpha_user" data-vo="alpha"' in reply.body
        for name in ("main.js", "page.css", "log.css", "list.css"):
            static = portal.get(None, f"static/PilotLoggingDIRAC/PilotLogs/page/{name}", group="alpha_user")
            assert static.status == 200, name

    def test_the_page_knows_the_collectors_limits(self, portal: Portal) -> None:
        body = portal.get("alpha_user", "PilotLogs/page").body.decode()
        handed_over = json.loads(html.unescape(body.partition('data-limits="')[2].partition('"')[0]))
        assert handed_over["mostFound"] == limits.MOST_FOUND
        assert handed_over["longestLine"] == limits.LINES_SIZE
        assert set(handed_over["quickSorts"]) == QUICK_SORTS


class TestWhoReads:
    """The rules of VOs in the portal: the collector's, for the user and not for the portal's host."""

    @pytest.mark.parametrize("method", KEYED)
    def test_another_vos_log_is_refused(self, portal: Portal, method: str) -> None:
        stamp = portal.send("secret of alpha\n")
        reply = portal.get("beta_user", f"PilotLogs/{method}", {"stamp": stamp, "vo": "alpha"})
        assert reply.sentence == "You may not read the logs of VO alpha."
        without = portal.get("beta_user", f"PilotLogs/{method}", {"stamp": stamp})
        assert without.status == 404
        assert b"secret" not in reply.body + without.body

    def test_lists_and_searches_stay_in_ones_own_vo(self, portal: Portal) -> None:
        word = uuid.uuid4().hex
        stamp = portal.send(f"{word}\n", context={"site": f"LCG.{word}.org"})
        assert portal.ask("beta_user", "list", {"stamp": stamp})["total"] == 0
        assert word not in str(portal.ask("beta_user", "values", {"column": ["Site", "VO"]}))
        assert portal.ask("beta_user", "search", {"text": word})["found"] == []
        for method in ("list", "values", "search"):
            reply = portal.get("beta_user", f"PilotLogs/{method}", {"vo": "alpha", "column": "Site", "text": word})
            assert reply.sentence == "You may not read the logs of VO alpha."
        assert portal.ask("operator", "list", {"stamp": stamp})["total"] == 1

    def test_a_reference_tells_nothing_of_the_log(self, portal: Portal) -> None:
        reference = f"htcondorce://own.example.org/{uuid.uuid4().hex}"
        portal.send(TEXT, context={"pilotReference": reference})
        assert portal.get("beta_user", "PilotLogs/pilot", {"reference": reference}).status == 404

    @pytest.mark.parametrize("part", ["beta", "BET", ["beta", "gamma"], ["none", "never"]], ids=str)
    def test_a_refused_part_of_a_vos_name_is_forbidden(self, portal: Portal, part: Any) -> None:
        """To a 403 the page adds its link "Which of my groups may read this?", which leads to a page that says what to
        do. ``BET`` is in the names of two VOs."""
        for method in ("list", "values", "search"):
            asked = {"voPart": part, "column": "Site", "text": "x"}
            reply = portal.get("alpha_user", f"PilotLogs/{method}", asked)
            assert (reply.status, "You may not read" in reply.sentence) == (403, True), (method, reply.sentence)
            exact = portal.get("alpha_user", f"PilotLogs/{method}", asked | {"vo": ["alpha", "beta"], "voPart": []})
            assert (exact.status, exact.sentence) == (403, "You may not read the logs of VO beta.")
        page = portal.get("alpha_user", "PilotLogs/page", {"vo": part})
        assert page.status == 403
        assert b"Ask the administrators of VO " in page.body
        assert (b"VO beta or betatron to add" in page.body) == (part == "BET")

    def test_one_of_several_vos_will_do(self, portal: Portal) -> None:
        stamp = portal.send(TEXT)
        assert portal.ask("alpha_user", "list", {"stamp": stamp, "voPart": ["ALPH", "beta"]})["total"] == 1
        assert portal.get("alpha_user", "PilotLogs/page", {"vo": ["ALPH", "beta"]}).status == 200

    @pytest.mark.parametrize("method", ["list", "values", "search", "pilot", *KEYED])
    def test_strangers_and_members_of_other_groups(self, portal: Portal, method: str) -> None:
        for user, group in ((None, "alpha_user"), ("stranger", "alpha_user"), ("beta_user", "alpha_user")):
            reply = portal.get(user, f"PilotLogs/{method}", {"stamp": UNKNOWN}, group=group)
            assert reply.status == 401
            assert "does not know you" in reply.sentence


class TestBadRequests:
    """A sentence and a status of 400 or more: never a 500, a trace or a DN."""

    @pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text)[:20])
    def test_hostile_values_of_every_parameter(self, portal: Portal, hostile: str) -> None:
        stamp = portal.send(TEXT)
        key = {"stamp": stamp, "vo": "alpha"}
        asked: list[tuple[str, Parameters]] = []
        for name in ("stamp", "vo"):
            asked += [(method, key | {name: hostile}) for method in KEYED]
        asked += [("outline", key | {"version": hostile}), ("download", key | {"gzip": hostile})]
        asked += [("lines", key | {name: hostile}) for name in ("first", "count", "numbers")]
        finds = ("text", "regex", "ignoreCase", "level", "command", "since", "until", "own", "first", "limit")
        asked += [("find", key | {name: hostile}) for name in finds]
        chosen = ("vo", "stamp", "state", "site", "ce", "host", "reference", "stampPart", "hostPart", "referencePart")
        chosen += ("voPart", "pilotPart", "sitePart", "cePart", "queuePart")
        chosen += ("errors", "silent", "failed", "since", "until", "exit")
        asked += [("list", {name: hostile}) for name in (*chosen, "sort", "order", "start", "limit", "after")]
        asked += [("values", {"column": "Site"} | {name: hostile}) for name in ("column", "limit", "site")]
        asked += [("search", {"text": "x"} | {name: hostile}) for name in ("text", "like", "cursor", "limit", "site")]
        asked += [("pilot", {"reference": hostile}), ("page", {"reference": hostile, "log": hostile})]
        portal.ask("alpha_user", "list", {"limit": 1})  # the collector answers: what follows is no outage
        for method, parameters in asked:
            self._told(portal, method, parameters)

    @pytest.mark.parametrize(
        ("method", "parameters", "told"),
        [
            ("lines", {}, "UUID"),
            ("outline", {"stamp": UNKNOWN, "vo": "alpha"}, "no log"),
            ("pilot", {}, "no reference"),
            ("list", {"limit": 100_000}, "limit is not a whole number from 1 to 1000"),
            ("list", [("errors", "1"), ("errors", "0")], "given twice"),
            ("list", {"sort": "LogID"}, "sort"),
            ("list", {"after": "none"}, "The key is not one that listLogs gave for this order"),
            ("list", {"site": ["x"] * 300}, "300 values"),
            ("lines", {"stamp": UNKNOWN, "numbers": ",".join(["1"] * 6000)}, "6000 numbers"),
            ("list", {"sitePart": ["x"] * 21}, "21 parts for Site"),
            ("list", {"voPart": "beta"}, "You may not read the logs of VO beta."),
            ("search", {}, ""),
            ("find", {"stamp": UNKNOWN, "regex": "("}, ""),
        ],
        ids=str,
    )
    def test_what_is_wrong_is_said(self, portal: Portal, method: str, parameters: Any, told: str) -> None:
        assert told in portal.get("alpha_user", f"PilotLogs/{method}", parameters).sentence

    def test_text_that_is_no_utf8(self, portal: Portal) -> None:
        for method in ("list", "search", "pilot"):
            reply = portal.get(
                "alpha_user", f"PilotLogs/{method}", {"text": b"\xff\xfe", "site": b"\xff", "reference": b"\xff"}
            )
            assert "UTF-8" in reply.sentence

    def test_a_wrong_verb_and_a_wrong_path(self, portal: Portal) -> None:
        assert portal.get("alpha_user", "PilotLogs/nothing").status == 404
        assert "only read" in portal.get("alpha_user", "PilotLogs/list", verb="POST").sentence
        slash = portal.get("alpha_user", "PilotLogs/page/", {"log": UNKNOWN})
        assert (slash.status, slash.headers["Location"]) == (302, f"../page?log={UNKNOWN}")

    def test_raw_content_is_what_it_always_is(self, portal: Portal) -> None:
        """DIRAC's handlers give their raw result, call stack and all, to whoever adds this."""
        reply = portal.get("alpha_user", "PilotLogs/outline", {"stamp": UNKNOWN, "rawContent": "True"})
        assert reply.sentence

    def test_without_a_collector(self, portal: Portal) -> None:
        stamp = portal.send(TEXT)
        portal.stack.collector(0, "stop")
        try:
            for method in ("list", *KEYED):
                reply = portal.get("alpha_user", f"PilotLogs/{method}", {"stamp": stamp, "vo": "alpha"})
                assert (reply.status, "No collector answers" in reply.sentence) == (503, True)
        finally:
            portal.stack.collector(0, "start")

    @staticmethod
    def _told(portal: Portal, method: str, parameters: Parameters) -> None:
        reply = portal.get("alpha_user", f"PilotLogs/{method}", parameters)
        if method == "page":  # for persons, whatever it says
            assert (reply.status in (200, 403), reply.headers["Content-Type"]) == (True, "text/html; charset=UTF-8")
        elif reply.status != 200:
            assert reply.status != 503, f"{method} {parameters}: bad input is told as an outage: {reply.sentence}"
            assert reply.sentence, (method, parameters)
        for leak in (b"Traceback", b"rpcStub", b"/O="):
            assert leak not in reply.body, (method, parameters)
