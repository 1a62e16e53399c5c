# SPDX-License-Identifier: GPL-3.0-only
"""Reading: page by page, live, after the agent has archived, and when the text has left the database."""

from __future__ import annotations

import itertools
import os
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from harness.client import NOT_FOUND, REJECTED, UNAVAILABLE, Client
from harness.sender import batch
from harness.stacks import RunningStack, dumped
from harness.waiting import until

MIXED = "".join(f"{number}: aé€𝄞\t\x1b[1m\n" for number in range(200))


@pytest.mark.parametrize("size", [1, 3, 7, 64, 1000, 10**6])
def test_pages_of_any_size_put_together_are_the_log(pilot: Client, user: Client, stamp: str, size: int) -> None:
    text = MIXED[:60] if size < 10 else MIXED
    cut = random.Random(size).randrange(1, len(text))
    for seq, part in enumerate((text[:cut], "", text[cut:]), 1):
        pilot("appendLog", batch(stamp, seq, part))
    pages = user.pages(stamp, size=size)
    assert "".join(page["text"] for page in pages) == text
    assert all(len(page["text"].encode()) <= max(size, 4) for page in pages)
    assert len({page["cursor"] for page in pages}) == len(pages)
    assert pages[-1]["bytes"] == len(text.encode())


def test_at_its_end_a_live_log_gives_nothing_and_the_same_cursor(pilot: Client, user: Client, stamp: str) -> None:
    pilot("appendLog", batch(stamp, 1, "a\n"))
    end = user("readLog", stamp).value
    assert not end["more"]
    for _ in range(2):
        page = user("readLog", stamp, "", end["cursor"]).value
        assert (page["text"], page["cursor"], page["more"]) == ("", end["cursor"], False)
    pilot("appendLog", batch(stamp, 2, "b\n"))
    assert user("readLog", stamp, "", end["cursor"]).value["text"] == "b\n"


def test_gaps_lie_in_the_page_in_which_they_are(pilot: Client, user: Client, stamp: str) -> None:
    for seq in (1, 3, 6):
        pilot("appendLog", batch(stamp, seq, f"ünï {seq}\n"))
    shown = ""
    for page in user.pages(stamp, size=5):
        text, end = page["text"], 0
        for gap in page["gaps"]:
            shown += text[end : gap["offset"]] + f"<{gap['first']}-{gap['last']}>"
            end = gap["offset"]
        shown += text[end:]
    assert shown == "ünï 1\n<2-2>ünï 3\n<4-5>ünï 6\n"


def test_tail_while_the_pilot_writes(stack: RunningStack, user: Client, stamp: str) -> None:
    sent = [f"2026-06-10T11:02:02.{number:06}Z INFO [Pilot] ünïcödé {number}\n" for number in range(150)]
    pilot = stack.client("alpha_pilot")
    answers = []

    def write() -> None:
        for seq, line in enumerate(sent, 1):
            final = {"final": {"retCode": 0}} if seq == len(sent) else {}
            answers.append(pilot("appendLog", batch(stamp, seq, line, **final))["OK"])

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: user("readLog", stamp)["OK"])
    text, cursor, pages = "", None, 0
    while True:
        page = user("readLog", stamp, "", cursor, 500).value
        text, cursor, pages = text + page["text"], page["cursor"], pages + 1
        assert not page["gaps"]
        if page["state"] == "Complete" and not page["more"]:
            break
    writer.join()
    assert all(answers)
    assert text == "".join(sent)
    assert pages > len(text.encode()) // 500


def test_a_log_that_there_is_not(user: Client, pilot: Client, stamp: str) -> None:
    for answer in (user("readLog", stamp), user("getLogs", stamp, "alpha")):
        number, sentence = answer.refusal
        assert number == NOT_FOUND
        assert stamp in sentence
    # And once it is there, it is there at once.
    pilot("sendMessage", dumped("now\n"), stamp, "alpha")
    assert user("readLog", stamp).value["text"] == "now\n"


class TestALogLargerThanAReply:
    """getLogs gives its beginning and its end, and says how much lies between."""

    LIMIT = 4000

    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, own_stack: Callable[..., RunningStack]) -> RunningStack:
        section = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
        return own_stack("--option", f"{section}/MaxLogReplySize={cls.LIMIT}")

    SIZES = (LIMIT + 1, LIMIT + 1500, 3 * LIMIT, 20 * LIMIT)
    CHUNKS = (1500, 100_000)

    @pytest.fixture(scope="class")
    @classmethod
    def logs(cls, stack: RunningStack) -> dict[tuple[bool, int, int], tuple[str, str]]:
        """Stamp and text by expired or not, size, and characters of a chunk."""
        pilot, logs = stack.client("alpha_pilot"), {}
        for expired, size, chunk in itertools.product((False, True), cls.SIZES, cls.CHUNKS):
            text = "".join(f"line {number:05} €\n" for number in range(size))
            text = text.encode()[: size - 1].decode(errors="ignore") + "!"
            stamp = uuid.uuid4().hex
            for seq, start in enumerate(range(0, len(text), chunk)):
                final = {"final": {}} if expired else {}
                assert pilot("appendLog", batch(stamp, seq, text[start : start + chunk], **final))["OK"]
            logs[expired, size, chunk] = (stamp, text)
        stack.expire(*(stamp for (expired, _, _), (stamp, _) in logs.items() if expired))
        return logs

    @pytest.mark.parametrize("expired", [False, True], ids=["in-the-database", "in-the-archive"])
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("chunk", CHUNKS)
    def test_is_given_with_its_middle_left_out(
        self, stack: RunningStack, logs: dict[Any, Any], chunk: int, size: int, expired: bool
    ) -> None:
        stamp, text = logs[expired, size, chunk]
        given = stack.client("alpha_user")("getLogs", stamp, "alpha").value["StdOut"]
        beginning, mark, end = given.partition("\n[... ")
        left_out, end_of_mark, end = end.partition(" bytes left out ...]\n")
        assert mark
        assert end_of_mark
        assert len(beginning) > 500
        assert text.startswith(beginning)
        assert len(end) > 500
        assert text.endswith(end)
        assert int(left_out) > 0
        assert len(text.encode()) == len(beginning.encode()) + int(left_out) + len(end.encode())
        assert len(given.encode()) < 1.6 * self.LIMIT


class TestAfterTheAgent:
    """One stack whose agent archives at once; VO alpha's text leaves the database with the agent's next cycle."""

    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, own_stack: Callable[..., RunningStack]) -> Iterator[RunningStack]:
        stack = own_stack()
        with stack.expiring_agent():
            yield stack

    @pytest.fixture(scope="class")
    @classmethod
    def texts(cls) -> list[str]:
        return [f"{number} " + "aé€𝄞" * 20 + "\n" for number in range(1, 8)]

    @pytest.fixture(scope="class")
    @classmethod
    def archived(cls, stack: RunningStack, texts: list[str]) -> dict[str, Any]:
        """A log of each VO with a gap, delivered; and cursors that a reader got while it was live."""
        stamp = uuid.uuid4().hex
        cursors: dict[str, list[Any]] = {}
        for vo in ("alpha", "beta"):
            pilot = stack.client(f"{vo}_pilot")
            for seq, text in enumerate(texts, 1):
                if seq == 4:
                    continue
                final = {"final": {"retCode": 5}} if seq == len(texts) else {}
                assert pilot("appendLog", batch(stamp, seq, text, vo=vo, **final))["OK"]
            pages = stack.client(f"{vo}_user").pages(stamp, size=97)
            cursors[vo] = [(None, "")]
            for page in pages:
                cursors[vo].append((page["cursor"], cursors[vo][-1][1] + page["text"]))
        stack.expire(stamp)
        beta = "SELECT 1 FROM PilotLogs WHERE VO = 'beta' AND State = 'Archived'"
        until(lambda: stack.rows(beta), what="the log of VO beta is archived")
        return {"stamp": stamp, "cursors": cursors, "text": "".join(texts[:3] + texts[4:])}

    @pytest.mark.parametrize(("vo", "chunks_left"), [("alpha", 0), ("beta", 6)])
    def test_text_is_where_it_should_be(
        self, stack: RunningStack, archived: dict[str, Any], vo: str, chunks_left: int
    ) -> None:
        stamp = archived["stamp"]
        assert stack.archived(vo, stamp).read_bytes().decode() == archived["text"]
        (row,) = stack.rows(
            "SELECT State, (SELECT COUNT(*) FROM PilotLogChunks c WHERE c.LogID = l.LogID) AS chunks"
            " FROM PilotLogs l WHERE VO = ? AND Stamp = ?",
            vo,
            stamp,
        )
        assert row == {"State": "Archived", "chunks": chunks_left}

    @pytest.mark.parametrize("vo", ["alpha", "beta"])
    @pytest.mark.parametrize("size", [5, 97, 10**6])
    def test_reading_from_the_beginning(
        self, stack: RunningStack, archived: dict[str, Any], texts: list[str], vo: str, size: int
    ) -> None:
        pages = stack.client(f"{vo}_user").pages(archived["stamp"], size=size)
        assert "".join(page["text"] for page in pages) == archived["text"]
        last = pages[-1]
        assert (last["state"], last["finalised"], last["exitCode"]) == ("Archived", True, 5)
        before, gaps = 0, []
        for page in pages:
            gaps += [(before + gap["offset"], gap["first"], gap["last"]) for gap in page["gaps"]]
            before += len(page["text"])
        assert gaps == [(len("".join(texts[:3])), 4, 4)]

    @pytest.mark.parametrize("vo", ["alpha", "beta"])
    def test_a_cursor_from_before_is_still_right(self, stack: RunningStack, archived: dict[str, Any], vo: str) -> None:
        user = stack.client(f"{vo}_user")
        for cursor, read in archived["cursors"][vo]:
            rest = "".join(page["text"] for page in user.pages(archived["stamp"], cursor=cursor, size=101))
            assert read + rest == archived["text"], cursor

    @pytest.mark.parametrize("vo", ["alpha", "beta"])
    def test_get_logs(self, stack: RunningStack, archived: dict[str, Any], texts: list[str], vo: str) -> None:
        text = stack.client(f"{vo}_user")("getLogs", archived["stamp"], vo).value["StdOut"]
        beginning, end = "".join(texts[:3]), "".join(texts[4:])
        assert text.startswith(beginning)
        assert text.endswith(end)
        gap_line = text[len(beginning) : -len(end)]
        assert "message 4 is missing" in gap_line
        assert gap_line.count("\n") == 1

    def test_a_line_after_expiry_goes_on_where_the_log_ended(self, stack: RunningStack) -> None:
        pilot, user, stamp = stack.client("alpha_pilot"), stack.client("alpha_user"), uuid.uuid4().hex
        for seq, text in ((1, "one é\n"), (2, "two\n")):
            pilot("appendLog", batch(stamp, seq, text, final={}))
        end = user("readLog", stamp).value["cursor"]
        stack.expire(stamp)
        assert stack.rows("SELECT ExpiredBytes FROM PilotLogs WHERE Stamp = ?", stamp) == [{"ExpiredBytes": 11}]
        assert pilot("appendLog", batch(stamp, 2, "two\n")).value["nextSeq"] == 3  # a late repeat
        assert pilot("appendLog", batch(stamp, 4, "four\n")).value["nextSeq"] == 5
        assert user("readLog", stamp, "", end).value["text"] == "four\n"
        for size in (3, 8, 100):
            pages = user.pages(stamp, size=size)
            assert "".join(page["text"] for page in pages) == "one é\ntwo\nfour\n"
            assert [gap["first"] for page in pages for gap in page["gaps"]] == [3]
        stack.expire(stamp)
        assert stack.archived("alpha", stamp).read_text() == "one é\ntwo\nfour\n"
        assert user.text_of(stamp) == "one é\ntwo\nfour\n"
        assert [file.name for file in stack.archived("alpha", stamp).parent.glob(f"{stamp}*")] == [f"{stamp}.log"]

    def test_a_log_that_the_database_forgot_is_found_by_its_stamp(self, stack: RunningStack) -> None:
        pilot, user, stamp = stack.client("alpha_pilot"), stack.client("alpha_user"), uuid.uuid4().hex
        pilot("appendLog", batch(stamp, 1, MIXED, final={"retCode": 0}))
        cursor = user("readLog", stamp, "", None, 1000).value["cursor"]
        section = "/Systems/WorkloadManagement/Agents/PilotLoggingAgent"
        stack.run_agent_until(
            lambda: not stack.rows("SELECT * FROM PilotLogs WHERE Stamp = ?", stamp),
            {"/Operations/alpha/Pilot/KeepDelivered": 0, f"{section}/ClearPilotsDelay": 0},
        )
        assert stack.rows("SELECT * FROM PilotLogDeliveries WHERE LogID NOT IN (SELECT LogID FROM PilotLogs)") == []
        assert user("listLogs", {"Stamp": stamp}).value["total"] == 0
        assert user.text_of(stamp, size=333) == MIXED
        assert "".join(p["text"] for p in user.pages(stamp, cursor=cursor, size=333)) in MIXED
        assert MIXED.endswith("".join(p["text"] for p in user.pages(stamp, cursor=cursor, size=333)))
        assert user("getLogs", stamp, "alpha").value["StdOut"] == MIXED
        assert stack.client("beta_user")("readLog", stamp).refusal[0] == NOT_FOUND

    @pytest.fixture(scope="class")
    @classmethod
    def damaged(cls, stack: RunningStack) -> dict[str, str]:
        """Logs of 900 bytes of which the archive has no file, an empty one, and the first 50 bytes."""
        stamps = {what: uuid.uuid4().hex for what in ("gone", "empty", "cut")}
        for stamp in stamps.values():
            stack.client("alpha_pilot")("appendLog", batch(stamp, 1, "precious\n" * 100, final={}))
        stack.expire(*stamps.values())
        stack.archived("alpha", stamps["gone"]).unlink()
        os.truncate(stack.archived("alpha", stamps["empty"]), 0)
        os.truncate(stack.archived("alpha", stamps["cut"]), 50)
        return stamps

    @pytest.mark.parametrize("what", ["gone", "empty", "cut"])
    def test_what_the_archive_has_lost_is_an_error_and_no_short_log(
        self, stack: RunningStack, damaged: dict[str, str], what: str
    ) -> None:
        user, stamp = stack.client("alpha_user"), damaged[what]
        assert user("getLogs", stamp, "alpha").refusal[0] == UNAVAILABLE
        page, read = user("readLog", stamp), 0
        while page["OK"] and read < 900:
            # What there is may be shown; its end must not be taken for the log's.
            assert page["Value"]["more"]
            read += len(page["Value"]["text"])
            page = user("readLog", stamp, "", page["Value"]["cursor"])
        assert page.refusal[0] == UNAVAILABLE


class TestListLogs:
    @pytest.fixture(scope="class")
    @classmethod
    def stamps(cls, stack: RunningStack) -> list[str]:
        """Six logs of alpha at a site of their own, two of beta with the first two's stamps."""
        stamps = sorted(uuid.uuid4().hex for _ in range(6))
        site = cls.site(stamps)
        for vo, own in (("alpha", stamps), ("beta", stamps[:2])):
            pilot = stack.client(f"{vo}_pilot")
            for number, stamp in enumerate(own):
                text = "2026-06-10T11:02:02.1Z ERROR [A] x\n" * (number % 2) + "x\n" * number
                final = {"final": {"retCode": number}} if number >= 3 else {}
                assert pilot("appendLog", batch(stamp, 1, text, vo=vo, context={"site": site}, **final))["OK"]
        return stamps

    @staticmethod
    def site(stamps: list[str]) -> str:
        return f"LCG.{stamps[0]}.org"

    def _found(self, client: Client, stamps: list[str], *arguments: Any, **more: Any) -> list[int]:
        selection = {"Site": self.site(stamps)} | more
        answer = client("listLogs", selection, *(arguments or [[["Stamp", "ASC"]]])).value
        return [stamps.index(row["Stamp"]) for row in answer["rows"]]

    def test_all(self, user: Client, stamps: list[str]) -> None:
        assert self._found(user, stamps) == [0, 1, 2, 3, 4, 5]

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"State": "Open"}, [0, 1, 2]),
            ({"State": ["Complete", "Archived"]}, [3, 4, 5]),
            ({"Finalised": True}, [3, 4, 5]),
            ({"Finalised": False, "HasErrors": True}, [1]),
            ({"HasErrors": False}, [0, 2, 4]),
            ({"ExitCode": 4}, [4]),
            ({"ExitCode": [3, 5]}, [3, 5]),
            ({"ExitCode": []}, []),
            ({"VO": "alpha"}, [0, 1, 2, 3, 4, 5]),
            ({"Since": "2100-01-01T00:00:00Z"}, []),
            ({"Since": "2020-01-01", "Until": "2100-01-01T00:00:00"}, [0, 1, 2, 3, 4, 5]),
            ({"Until": "2020-01-01T00:00:00+02:00"}, []),
            ({"CE": "nowhere"}, []),
        ],
    )
    def test_selection(self, user: Client, stamps: list[str], condition: dict[str, Any], expected: list[int]) -> None:
        assert self._found(user, stamps, **condition) == expected

    def test_sort(self, user: Client, stamps: list[str]) -> None:
        assert self._found(user, stamps, [["Stamp", "DESC"]]) == [5, 4, 3, 2, 1, 0]
        assert self._found(user, stamps, [["Errors", "DESC"], ["Lines", "ASC"]]) == [1, 3, 5, 0, 2, 4]
        assert self._found(user, stamps, []) == [5, 4, 3, 2, 1, 0]  # the latest arrival first

    def test_paging(self, user: Client, stamps: list[str]) -> None:
        found: list[str] = []
        for start in range(0, 8, 2):
            answer = user("listLogs", {"Stamp": stamps}, [["Bytes", "ASC"]], start, 2).value
            assert answer["total"] == 6
            found += [row["Stamp"] for row in answer["rows"]]
        assert sorted(found) == stamps

    def test_paging_by_key_while_logs_leave_the_selection(self, user: Client, pilot: Client) -> None:
        stamps = [uuid.uuid4().hex for _ in range(3)]
        for stamp in stamps:
            assert pilot("appendLog", batch(stamp, 1, "x\n"))["OK"]
        asked = ({"Stamp": stamps, "State": "Open"}, [["Bytes", "ASC"]], 0, 2)
        page = user("listLogs", *asked).value
        first = [row["Stamp"] for row in page["rows"]]
        assert pilot("appendLog", batch(first[0], 2, "", final={"retCode": 0}))["OK"]
        following = user("listLogs", *asked, page["next"]).value
        assert {*first, *(row["Stamp"] for row in following["rows"])} == set(stamps)
        assert (following["start"], following["total"], following["next"]) == (1, 2, "")
        assert user("listLogs", *asked, "none").refusal[0] == REJECTED

    def test_vo_rule(self, stack: RunningStack, user: Client, stamps: list[str]) -> None:
        beta = stack.client("beta_user")
        assert self._found(beta, stamps) == [0, 1]
        for client, foreign in ((user, "beta"), (beta, "alpha"), (user, ["alpha", "beta"])):
            assert client("listLogs", {"VO": foreign}).refusal[0] == REJECTED
        for reader in (stack.client("operator"), stack.as_host()):
            assert len(self._found(reader, stamps)) == 8
            assert self._found(reader, stamps, VO="beta") == [0, 1]

    def test_rows_are_plain_values(self, user: Client, stamps: list[str]) -> None:
        (row,) = user("listLogs", {"Stamp": stamps[5]}).value["rows"]
        assert row["VO"] == "alpha"
        assert (row["Lines"], row["Errors"], row["ExitCode"], row["State"]) == (6, 1, 5, "Complete")
        assert row["FirstArrival"].endswith("+00:00")
        assert not {"LogID", "Numbering", "Gaps"} & row.keys()


def test_statistics(stack: RunningStack, pilot: Client, stamp: str) -> None:
    operator = stack.client("operator")
    before = operator("getStatistics").value
    pilot("appendLog", batch(stamp, 1, "12345\n"))
    pilot("appendLog", batch(stamp, 1, "12345\n"))
    pilot("sendMessage", "no JSON", stamp, "alpha")
    after = operator("getStatistics").value
    assert after["acknowledged"] - before["acknowledged"] == 2
    assert after["repeated"] - before["repeated"] == 1
    assert after["refused"]["malformed"] - before["refused"].get("malformed", 0) == 1
    assert after["logs"]["alpha"]["Open"] - before["logs"].get("alpha", {}).get("Open", 0) == 1
    until(lambda: operator("getStatistics").value["pendingBytes"] == 0, what="nothing waits for its commit")
    assert 0 < after["latency"]["p50"] <= after["latency"]["p99"] < 30
    assert after["secondsUp"] > 0


@pytest.fixture
def archive_that_hangs(stack: RunningStack) -> Iterator[str]:
    """A stamp of VO alpha: whoever opens its archived log waits, until the fixture ends. A pipe that nobody writes."""
    stamp = uuid.uuid4().hex
    pipe = stack.archived("alpha", stamp)
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    yield stamp
    pipe.unlink()


def let_go(pipe: Path) -> bool:
    """Let those who wait for a pipe's writer find its end. There may be more, so it is never done."""
    with suppress(OSError):  # nobody waits now
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    return False


def test_an_archive_that_hangs_keeps_no_other_vos_readers_waiting(stack: RunningStack, archive_that_hangs: str) -> None:
    readers = [stack.client("alpha_user") for _ in range(20)]
    pipe = stack.archived("alpha", archive_that_hangs)
    with ThreadPoolExecutor(len(readers)) as pool:
        reads = [pool.submit(reader, "readLog", archive_that_hangs, "alpha") for reader in readers]
        try:
            beta, stamp = stack.client("beta_user"), uuid.uuid4().hex
            assert stack.client("beta_pilot")("appendLog", batch(stamp, 1, "text\n", vo="beta"))["OK"]
            for _ in range(10):
                assert beta("readLog", stamp).value["text"] == "text\n"
            assert [read.result() for read in reads if read.done()] == []
        finally:
            until(lambda: all(read.done() for read in reads) or let_go(pipe), 30)
        assert {read.result().value["text"] for read in reads} == {""}
