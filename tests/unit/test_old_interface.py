# SPDX-License-Identifier: GPL-3.0-only
"""A plugin with DIRAC's old interface gets closed logs as it got open ones: in pieces, in order, then the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import NotKept, Unavailable
from PilotLoggingDIRAC.model import DeliveryState, LogKey, LogState
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.storage.legacy_plugin import LegacyPlugin, is_legacy_plugin

OK = {"OK": True, "Value": None}
LINES = "".join(f"line {number} of a pilot: ünï €\n" for number in range(8000))
"""Four pieces."""


class Journal:
    """An old plugin that notes its calls; ``answer`` says what it does, given the number of the call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any, str, str]] = []
        self.asked = 0
        self.answer: Callable[[int], Any] = lambda number: OK

    def sendMessage(self, message: str, pilotUUID: str, vo: str) -> Any:
        return self._answered("sendMessage", message, pilotUUID, vo)

    def finaliseLogs(self, payload: str, logfile: str, vo: str) -> Any:
        return self._answered("finaliseLogs", payload, logfile, vo)

    def _answered(self, method: str, document: str, stamp: str, vo: str) -> Any:
        self.asked += 1
        answer = self.answer(self.asked)
        if answer == OK:
            self.calls.append((method, json.loads(document), stamp, vo))
        return answer

    @property
    def text(self) -> str:
        return "".join(document for method, document, _, _ in self.calls if method == "sendMessage")

    @property
    def goodbyes(self) -> list[Any]:
        return [document for method, document, _, _ in self.calls if method == "finaliseLogs"]


@pytest.fixture
def backend() -> str:
    """What is particular to a database is tested elsewhere."""
    return "sqlite"


@pytest.fixture
def journal(archives: Archives) -> Journal:
    """The one old plugin of the VO."""
    plugin = LegacyPlugin("alpha", Journal)
    archives.plugins["Journal"] = plugin
    made: Journal = plugin._plugin
    return made


@pytest.fixture
def deliver(store: Store, archives: Archives) -> Callable[[], list[bool | None]]:
    """Delivers the log, whatever pause it has."""

    def deliver() -> list[bool | None]:
        store.end_pauses()
        done: list[bool | None] = archives.deliver(store.record().log_id)
        return done

    return deliver


def failing_at(number: int, how: Any) -> Callable[[int], Any]:
    def answer(asked: int) -> Any:
        if asked != number:
            return OK
        if isinstance(how, BaseException):
            raise how
        return how

    return answer


@pytest.mark.parametrize(
    "text",
    ["\n", LINES, "x" * 200_000, "€" * 100_000 + "\n", "a \udc80 b \ud800\n\0\x1b[2J\r\n", "no end of line"],
    ids=["one line", "lines", "one long line", "wide characters", "no text", "killed"],
)
def test_the_text_is_handed_over_in_order_and_then_the_end(
    store: Store, journal: Journal, deliver: Any, key: LogKey, text: str
) -> None:
    store.send(text)
    store.finalise(exit_code=3)
    assert deliver() == [True]
    assert journal.text == text
    assert journal.calls[-1] == ("finaliseLogs", {"retCode": "3"}, key.stamp, "alpha")
    assert {call[2:] for call in journal.calls} == {(key.stamp, "alpha")}
    assert all(len(call[1]) <= 64 * 2**10 for call in journal.calls)
    assert store.record().state is LogState.ARCHIVED


def test_pieces_end_with_lines(store: Store, journal: Journal, deliver: Any) -> None:
    store.send(LINES)
    store.finalise()
    deliver()
    messages = [document for method, document, _, _ in journal.calls if method == "sendMessage"]
    assert len(messages) == 4
    assert all(message.endswith("\n") for message in messages)


_FAILURES = {
    "S_ERROR": ({"OK": False, "Message": "Disk\nfull", "Errno": 0}, "Journal.sendMessage returned S_ERROR: Disk?full"),
    "exception": (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
    "nothing": (None, "Journal.sendMessage returned None, which is neither S_OK nor S_ERROR."),
}


@pytest.mark.parametrize(("how", "error"), _FAILURES.values(), ids=_FAILURES.keys())
def test_a_failure_in_the_middle_is_tried_again_from_there(
    store: Store, journal: Journal, deliver: Any, how: Any, error: str
) -> None:
    store.send(LINES)
    store.finalise()
    journal.answer = failing_at(3, how)
    assert deliver() == [False]
    noted = store.delivery("Journal")
    assert (noted.state, noted.attempts, noted.last_error) == (DeliveryState.PENDING, 1, error)
    assert LINES.startswith(journal.text)
    assert len(journal.calls) == 2
    assert deliver() == [True]
    assert journal.text == LINES
    assert journal.goodbyes == [{"retCode": "0"}]


def test_only_the_end_is_tried_again_where_only_that_failed(store: Store, journal: Journal, deliver: Any) -> None:
    store.send("one\n")
    store.finalise()
    journal.answer = failing_at(2, {"OK": False, "Message": "no"})
    assert deliver() == [False]
    assert deliver() == [True]
    assert (journal.text, journal.goodbyes) == ("one\n", [{"retCode": "0"}])


def test_a_process_that_ends_in_the_middle_is_followed_from_there(store: Store, journal: Journal, deliver: Any) -> None:
    store.send(LINES)
    store.finalise()
    journal.answer = failing_at(3, SystemExit())
    with pytest.raises(SystemExit):
        deliver()
    assert deliver() == [True]
    assert journal.text == LINES


def test_a_log_that_grew_after_a_failure_goes_on_from_there(store: Store, journal: Journal, deliver: Any) -> None:
    store.send(LINES)
    store.finalise()
    journal.answer = failing_at(3, None)
    assert deliver() == [False]
    store.send("late\n")
    assert deliver() == [True]
    assert journal.text == f"{LINES}late\n"


def test_a_message_that_goes_to_its_place_after_a_failure_makes_it_begin_anew(
    store: Store, journal: Journal, deliver: Any
) -> None:
    """Nothing is left out; what was handed over comes twice."""
    store.send_numbered(2, LINES)
    store.finalise()
    journal.answer = failing_at(3, None)
    assert deliver() == [False]
    before = journal.text
    store.send_numbered(1, "first\n")
    assert deliver() == [True]
    assert journal.text == f"{before}first\n{LINES}"


@pytest.mark.parametrize("expired", [False, True])
def test_late_lines_are_handed_over_alone(
    store: Store, archives: Archives, journal: Journal, deliver: Any, key: LogKey, expired: bool
) -> None:
    """Also when they are the same as those before, and when nobody has those before any more."""
    store.send("one\n")
    store.finalise(exit_code=3)
    assert deliver() == [True]
    if expired:
        assert store.expire()
    for _ in range(2):
        store.send("two\n")
        store.send("one\n")
        assert deliver() == [True]
    assert journal.text == "one\n" + "two\none\n" * 2
    assert journal.goodbyes == [{"retCode": "3"}] * 3
    assert store.record().state is LogState.ARCHIVED
    assert deliver() == [None]
    if expired:
        with pytest.raises(NotKept):
            archives.reader.whole(key, 1000)


def test_late_lines_that_fail_are_followed_from_there(store: Store, journal: Journal, deliver: Any) -> None:
    store.send(LINES)
    store.finalise()
    assert deliver() == [True]
    assert store.expire()
    store.send_numbered(1, LINES)
    journal.answer = failing_at(7, None)
    assert deliver() == [False]
    assert deliver() == [True]
    assert journal.text == LINES * 2


def test_a_silent_log_has_no_end_until_its_pilot_says_so(store: Store, journal: Journal, deliver: Any) -> None:
    store.send("one\n")
    store.close_silent()
    assert deliver() == [True]
    assert (journal.text, journal.goodbyes) == ("one\n", [])
    store.send("two\n")
    store.finalise(exit_code=None)
    assert deliver() == [True]
    assert (journal.text, journal.goodbyes) == ("one\ntwo\n", [{}])


def test_who_has_lost_the_log_to_another_agent_hands_no_more_over(
    store: Store, archives: Archives, journal: Journal
) -> None:
    store.send(LINES)
    store.finalise()
    log_id = store.record().log_id
    taken_over = []

    def answer(number: int) -> Any:
        if number == 2:
            store.end_leases()
            taken_over.append(archives.courier("other").deliver(log_id, "Journal"))
        return OK

    journal.answer = answer
    assert archives.courier("slow").deliver(log_id, "Journal") is False
    assert taken_over == [True]
    assert len(journal.goodbyes) == 1
    assert store.record().state is LogState.ARCHIVED
    assert store.delivery("Journal").last_error == ""


def test_readers_are_told_that_it_keeps_nothing(
    store: Store, archives: Archives, journal: Journal, deliver: Any, key: LogKey
) -> None:
    store.send("one\n")
    store.finalise()
    deliver()
    assert archives.reader.whole(key, 1000) == "one\n", "while the database has it"
    assert store.expire()
    sentence = f"^The text of log {key.stamp} was handed over to Journal, which cannot give it back.$"
    with pytest.raises(NotKept, match=sentence):
        archives.reader.page(key, Cursor(), 1000)
    with pytest.raises(NotKept, match=sentence):
        archives.reader.whole(key, 1000)
    asked = journal.asked
    assert archives.plugins["Journal"].locate(key.stamp) is None
    archives.plugins["Journal"].remove(key.stamp)
    assert journal.asked == asked


def test_a_late_message_without_text_is_nothing_to_hand_over(
    store: Store, archives: Archives, journal: Journal, deliver: Any, key: LogKey
) -> None:
    store.send("one\n")
    store.finalise()
    assert deliver() == [True]
    store.send_numbered(1, "")
    assert deliver() == [True]
    assert (journal.text, len(journal.goodbyes)) == ("one\n", 1)
    assert store.expire()
    with pytest.raises(NotKept):
        archives.reader.whole(key, 1000)


def test_readers_get_the_text_from_a_plugin_beside_it(
    store: Store, archives: Archives, journal: Journal, deliver: Any, key: LogKey
) -> None:
    folder = archives.add()
    store.send("one\n")
    store.finalise()
    assert deliver() == [True, True]
    assert store.expire()
    assert archives.reader.whole(key, 1000) == "one\n"
    store.send("late\n")
    assert deliver() == [True, True]
    assert (folder.content(), journal.text) == ("one\nlate\n", "one\nlate\n")
    assert store.expire()
    folder.problem = Unavailable("It is down.")
    with pytest.raises(Unavailable, match="It is down"):
        archives.reader.whole(key, 1000)


def test_a_plugin_is_made_with_its_first_log_only() -> None:
    class Greedy(Journal):
        def __init__(self) -> None:
            raise AssertionError("a reader has no need of it")

    plugin = LegacyPlugin("alpha", Greedy)
    assert plugin.locate("0" * 32) is None
    with pytest.raises(NotKept):
        plugin.fetch("0" * 32)


def test_what_has_the_old_interface() -> None:
    class Half:
        def sendMessage(self, *_: Any) -> None: ...

    assert is_legacy_plugin(Journal)
    assert not any(is_legacy_plugin(thing) for thing in (Half, Journal(), len, None))
