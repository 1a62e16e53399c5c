# SPDX-License-Identifier: GPL-3.0-only
"""The transaction that stores text, and the life of a log as messages come."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import Rejected, Unavailable
from PilotLoggingDIRAC.model import Append, Appended, Final, LogKey, LogState, Rules
from PilotLoggingDIRAC.redaction import Redactor
from PilotLoggingDIRAC.store.append import append_all, append_prepared
from PilotLoggingDIRAC.store.numbering import MAX_SESSIONS
from PilotLoggingDIRAC.store.prepared import Prepared, PutOff
from PilotLoggingDIRAC.store.schema import chunks, logs

LINE = "2026-06-10T11:02:02.823512Z INFO [A] one\n"
LATE = "2026-06-10T11:02:09.000001Z INFO [A] late\n"
PROBLEMS = "".join(f"2026-06-10T11:02:02.9Z {level} [A] text\n" for level in ("WARN", "ERROR", "FATAL"))


def archive(store: Store, archives: Archives, key: LogKey) -> None:
    """Take a closed log to an archive."""
    if not archives.plugins:
        archives.add()
    assert archives.deliver(store.record(key).log_id) == [True]
    assert store.record(key).state is LogState.ARCHIVED


def test_a_log_begins_with_its_first_message(store: Store, key: LogKey) -> None:
    assert store.send(LINE) == Appended(None, repeated=False)
    record = store.record()
    assert (record.key, record.state, record.lines, record.bytes) == (key, LogState.OPEN, 1, len(LINE))
    assert (record.finalised, record.archived, record.exit_code) == (None, None, None)
    assert record.first_arrival == record.last_arrival
    assert store.text() == LINE


def test_an_empty_first_message_begins_a_log_too(store: Store) -> None:
    """Stock pilots send one at their start when the wrapper gave them nothing."""
    assert store.send("") == Appended(None, repeated=False)
    assert store.record().state is LogState.OPEN
    assert store.index().entries == ()


def test_figures_add_up(store: Store) -> None:
    store.send(LINE)
    store.send(PROBLEMS)
    store.send_numbered(1, "half a line")
    record = store.record()
    assert (record.lines, record.warnings, record.errors) == (4, 1, 2)
    assert record.bytes == len(LINE + PROBLEMS + "half a line")


def test_arrivals_are_noted(store: Store) -> None:
    store.send(LINE, ago=timedelta(hours=2))
    store.send(LATE, ago=timedelta(hours=1))
    record = store.record()
    assert record.last_arrival - record.first_arrival == pytest.approx(timedelta(hours=1), abs=timedelta(minutes=10))
    assert record.first_arrival.utcoffset() == timedelta()


def test_a_repeated_stock_message_is_stored_once(store: Store) -> None:
    store.send(LINE)
    assert store.send(LINE) == Appended(None, repeated=True)
    assert store.send(LINE + LATE) == Appended(None, repeated=False)
    assert store.text() == LINE + LATE
    assert store.record().lines == 2


def test_a_repeated_numbered_message_is_stored_once(store: Store) -> None:
    assert store.send_numbered(1, "one\n") == Appended(2, repeated=False)
    assert store.send_numbered(1, "one\n") == Appended(2, repeated=True)
    assert store.send_numbered(3, "three\n") == Appended(4, repeated=False)
    assert store.send_numbered(2, "two\n") == Appended(4, repeated=False)
    assert store.send_numbered(2, "two\n") == Appended(4, repeated=True)
    assert store.text() == "one\ntwo\nthree\n"
    assert store.index().gaps == ()
    assert store.record().lines == 3


def test_a_late_message_number_zero_is_stored(store: Store) -> None:
    store.send_numbered(1, "one\n")
    assert store.send_numbered(0, "zero\n") == Appended(2, repeated=False)
    assert store.text() == "zero\none\n"


def test_sessions_number_on_their_own(store: Store) -> None:
    assert store.send_numbered(1, "a1\n", session="a").next_seq == 2
    assert store.send_numbered(1, "b1\n", session="b").next_seq == 2
    assert store.send_numbered(2, "a2\n", session="a").next_seq == 3
    assert store.text() == "a1\nb1\na2\n"


def test_the_largest_number_is_stored(store: Store) -> None:
    assert store.send_numbered(2**53, "far\n").next_seq == 2**53 + 1
    assert store.index().gaps[0].last == 2**53 - 1


def test_a_repeat_within_one_transaction_is_seen(store: Store, key: LogKey) -> None:
    numbered = Append(key, b"one\n", session="a", seq=1)
    stock = Append(key, LINE.encode())
    answers = store.append(numbered, stock, numbered, stock)
    assert [answer.repeated for answer in answers] == [False, False, True, True]
    assert store.text() == "one\n" + LINE


def test_many_logs_of_many_vos_in_one_transaction(store: Store) -> None:
    keys = [store.new_key(vo) for vo in ("beta", "alpha", "gamma") for _ in range(150)]
    first = [Append(key, f"first of {key}\n".encode()) for key in keys]
    second = [Append(key, f"second of {key}\n".encode(), session="a", seq=1) for key in reversed(keys)]
    assert store.append(*first, *second) == [Appended(None, repeated=False)] * 450 + [Appended(2, repeated=False)] * 450
    for key in keys[::50]:
        assert store.text(key) == f"first of {key}\nsecond of {key}\n"


def test_a_refused_message_leaves_nothing_behind(store: Store, key: LogKey) -> None:
    """And the others of its transaction are stored, also those of the same log."""
    for number in range(MAX_SESSIONS):
        store.send_numbered(1, f"{number}\n", session=str(number))
    before = store.text()
    other = store.new_key()
    good, bad, also_good, elsewhere = store.append(
        Append(key, b"good\n", session="0", seq=2),
        Append(key, b"bad\n", session="too many", seq=1, context={"Site": "bad"}, final=Final(1)),
        Append(key, b"also good\n", session="1", seq=2),
        Append(other, b"elsewhere\n"),
    )
    assert isinstance(bad, Rejected)
    assert good == also_good == Appended(3, repeated=False)
    assert elsewhere == Appended(None, repeated=False)
    assert store.text() == before + "good\nalso good\n"
    assert store.text(other) == "elsewhere\n"
    record = store.record()
    assert (record.facts["site"], record.finalised, record.exit_code, record.state) == ("", None, None, LogState.OPEN)


@pytest.mark.parametrize("number", [{}, {"session": "a", "seq": 1}])
def test_a_message_that_is_put_off_begins_no_log(store: Store, key: LogKey, number: dict[str, Any]) -> None:
    """It may be refused when it comes again, and readers would see an empty log for ever."""
    message = Prepared(Append(key, b"long\n" * 200_000, **number))
    for expected in (PutOff, Appended):
        assert store.knows() is False
        while not message.go_on():
            pass
        with store.database.writing() as connection:
            (answer,) = append_prepared(connection, [message], store.database.now(connection))
        assert isinstance(answer, expected)
    assert store.record().lines == 200_000


def test_a_transaction_that_fails_stores_nothing(store: Store, key: LogKey) -> None:
    with pytest.raises(ZeroDivisionError):
        with store.database.writing() as connection:
            append_all(connection, [Append(key, b"one\n")], store.database.now(connection))
            raise ZeroDivisionError
    assert not store.knows()


def test_what_a_sender_says_of_itself_is_kept(store: Store) -> None:
    store.send_numbered(1, "", context={"Site": "LCG.CERN.ch", "Host": "node7"})
    store.send_numbered(2, "", context={"CE": "ce1.cern.ch", "Host": "node😀"})
    store.send_numbered(3, "")
    facts = store.record().facts
    assert (facts["site"], facts["ce"], facts["host"]) == ("LCG.CERN.ch", "ce1.cern.ch", "node😀")


# The life of a log


def test_finalise(store: Store) -> None:
    store.send(LINE)
    assert store.finalise(exit_code=3) == Appended(None, repeated=False)
    record = store.record()
    assert (record.state, record.exit_code) == (LogState.COMPLETE, 3)
    assert record.finalised == record.last_arrival


def test_finalise_with_the_last_text(store: Store) -> None:
    store.send_numbered(1, "bye\n", final=Final(0))
    assert (store.record().state, store.text()) == (LogState.COMPLETE, "bye\n")


def test_a_goodbye_without_text_takes_its_number(store: Store) -> None:
    store.send_numbered(1, "one\n")
    assert store.send_numbered(3, "", final=Final(0)).next_seq == 4
    assert [gap.first for gap in store.index().gaps] == [2]


def test_finalise_before_any_line(store: Store) -> None:
    store.finalise()
    assert store.record().state is LogState.COMPLETE
    store.send(LINE)
    assert (store.record().state, store.text()) == (LogState.COMPLETE, LINE)


def test_lines_after_finalise_belong_to_the_log(store: Store) -> None:
    store.send(LINE)
    store.finalise()
    store.send(LATE)
    assert (store.record().state, store.text()) == (LogState.COMPLETE, LINE + LATE)


def test_finalise_twice(store: Store) -> None:
    """The first goodbye counts as the time; an exit code once known stays known."""
    store.send(LINE)
    store.finalise(exit_code=3)
    first = store.record()
    store.finalise(exit_code=3)
    store.finalise(exit_code=None)
    second = store.record()
    assert (second.finalised, second.state, second.exit_code) == (first.finalised, LogState.COMPLETE, 3)


def test_a_goodbye_of_which_the_reply_was_lost(store: Store) -> None:
    store.send_numbered(1, "bye\n", final=Final(1))
    assert store.send_numbered(1, "bye\n", final=Final(1)).repeated
    assert (store.record().state, store.text()) == (LogState.COMPLETE, "bye\n")


@pytest.mark.parametrize("text", [LATE, LINE], ids=["new text", "a repeat"])
def test_a_silent_log_opens_again(store: Store, text: str) -> None:
    """Also by a repeat: the pilot lives."""
    store.send(LINE)
    store.close_silent()
    assert store.record().state is LogState.SILENT
    store.send(text)
    assert store.record().state is LogState.OPEN


def test_a_silent_log_is_finalised_after_all(store: Store) -> None:
    store.send(LINE)
    store.close_silent()
    store.finalise()
    assert store.record().state is LogState.COMPLETE


def test_an_archived_log_with_a_late_line_is_delivered_again(store: Store, archives: Archives, key: LogKey) -> None:
    store.send(LINE)
    store.finalise()
    archive(store, archives, key)
    store.send(LATE)
    assert store.record().state is LogState.COMPLETE


def test_an_archived_silent_log_with_a_late_line_is_open_again(store: Store, archives: Archives, key: LogKey) -> None:
    store.send(LINE)
    store.close_silent()
    archive(store, archives, key)
    store.send(LATE)
    assert store.record().state is LogState.OPEN
    store.finalise()
    assert store.record().state is LogState.COMPLETE


def test_a_repeat_leaves_an_archived_log_archived(store: Store, archives: Archives, key: LogKey) -> None:
    """Also when its text has left the database."""
    store.send(LINE)
    store.send_numbered(1, "one\n")
    store.finalise()
    archive(store, archives, key)
    for _ in range(2):
        assert store.send(LINE).repeated
        assert store.send_numbered(1, "one\n").repeated
        store.send("")
        assert store.record().state is LogState.ARCHIVED
        store.expire()
    assert store.index().entries == ()


def test_a_late_goodbye_of_an_archived_silent_log_is_noted(store: Store, archives: Archives, key: LogKey) -> None:
    """There is no new text, so the archived copy is complete as it is."""
    store.send(LINE)
    store.close_silent()
    archive(store, archives, key)
    store.finalise(exit_code=137)
    record = store.record()
    assert (record.state, record.exit_code) == (LogState.ARCHIVED, 137)
    assert record.finalised is not None


def test_numbers_go_on_after_the_text_has_expired(store: Store, archives: Archives, key: LogKey) -> None:
    store.send_numbered(1, "one\n")
    store.send_numbered(3, "three\n")
    store.finalise()
    archive(store, archives, key)
    store.expire()
    assert store.send_numbered(3, "three\n").repeated
    assert store.send_numbered(2, "two\n") == Appended(4, repeated=False)
    assert store.send_numbered(5, "five\n") == Appended(6, repeated=False)
    assert [(gap.offset, gap.first, gap.last) for gap in store.index().gaps] == [(4, 4, 4)]


def test_a_stamp_is_used_again_after_it_was_forgotten(store: Store, archives: Archives, key: LogKey) -> None:
    store.send_numbered(1, "old\n")
    store.finalise()
    archive(store, archives, key)
    store.expire()
    assert store.forget() == 1
    assert not store.send_numbered(1, "new\n").repeated
    record = store.record()
    assert (record.state, record.bytes, record.expired_bytes) == (LogState.OPEN, 4, 0)
    assert store.text() == "new\n"


@pytest.mark.parametrize(("first", "second"), [("alpha", "beta"), ("alpha", "Alpha"), ("vo.example", "vo.Example")])
def test_the_same_stamp_in_two_vos_is_two_logs(store: Store, first: str, second: str) -> None:
    """Also where their names differ in case only."""
    stamp = "f" * 32
    store.append(Append(LogKey(first, stamp), b"first\n"), Append(LogKey(second, stamp), b"second\n"))
    assert store.text(LogKey(first, stamp)) == "first\n"
    assert store.text(LogKey(second, stamp)) == "second\n"
    assert store.close_silent(first) == 1
    assert store.record(LogKey(second, stamp)).state is LogState.OPEN


def test_sessions_that_differ_in_case_are_two(store: Store) -> None:
    store.send_numbered(1, "a\n", session="a")
    assert not store.send_numbered(1, "A\n", session="A").repeated
    assert store.text() == "a\nA\n"


def test_text_is_stored_faithfully(store: Store) -> None:
    for text in ("\0", "a\0b\n", "\x1b[31m\n", "\ud800", "\udfff\ud800", "😀é\n", "\r\n", "'; DROP TABLE PilotLogs"):
        key = store.new_key()
        store.send(text, key=key)
        assert store.text(key) == text


def test_a_large_message_is_stored(store: Store) -> None:
    """10 MiB, the default limit, that can hardly be compressed."""
    text = random.Random(7).randbytes(5 * 2**20).hex()
    store.send(text)
    assert store.text() == text


def test_a_vo_that_may_open_no_more_logs(store: Store) -> None:
    """Its logs that are there go on; the others of the transaction are not touched."""
    known, unknown = store.new_key(), store.new_key()
    store.send(LINE, known)
    shut = Rules(may_open=False)
    answers = store.append(
        Append(unknown, b"new\n", rules=shut), Append(known, b"2026-06-10T11:02:04.1Z more\n", rules=shut)
    )
    assert isinstance(answers[0], Unavailable)
    assert answers[0].reason == "open logs"
    assert "MaxOpenLogs" in str(answers[0])
    assert answers[1] == Appended(None, repeated=False)
    assert not store.knows(unknown)
    assert store.text(known) == LINE + "2026-06-10T11:02:04.1Z more\n"


def test_the_first_copy_of_a_buffer_may_come_last(store: Store, key: LogKey) -> None:
    """Its collector was stopped, and the pilot sent it again, with more behind it, to another one."""
    one, two = (f"2026-06-10T11:02:02.{number:06d}Z INFO [A] line\n" for number in (1, 2))
    store.send(one + two)
    assert store.send(one).repeated
    assert store.text() == one + two


def test_a_buffer_and_its_late_first_copy_in_one_transaction(store: Store, key: LogKey) -> None:
    one, two = (f"2026-06-10T11:02:02.{number:06d}Z INFO [A] line\n".encode() for number in (1, 2))
    assert [answer.repeated for answer in store.append(Append(key, one + two), Append(key, one))] == [False, True]
    assert store.text() == (one + two).decode()


def test_a_secret_that_is_cut_in_two_is_redacted_in_both_messages(store: Store, key: LogKey) -> None:
    """Also when another session sends in between, and a gap is filled late."""
    rules = Rules(redactor=Redactor())

    def numbered(seq: int, text: str, session: str = "s") -> Append:
        return Append(key, text.encode(), session=session, seq=seq, rules=rules)

    store.append(numbered(1, "MY_PASSWORD=hunter2hun"), numbered(1, "innocent ", session="other"))
    store.append(numbered(3, "end\n"))
    store.append(numbered(2, "ter2hunter2\nOTHER=x\n"), numbered(2, "text\n", session="other"))
    assert store.text() == "MY_PASSWORD=[redacted]innocent \nOTHER=x\nend\ntext\n"


def test_a_stock_pilots_secret_that_is_cut_in_two(store: Store, key: LogKey) -> None:
    rules = Rules(redactor=Redactor())
    store.append(Append(key, b"2026-06-10T11:02:02.823512Z MY_PASSWORD=hunter2hun", rules=rules))
    store.append(Append(key, b"ter2hunter2\n2026-06-10T11:02:03.823512Z more\n", rules=rules))
    assert "hun" not in store.text()
    assert store.text().endswith("\n2026-06-10T11:02:03.823512Z more\n")


def test_where_there_is_no_room_only_an_open_logs_first_goodbye_comes_in(store: Store, key: LogKey) -> None:
    """A goodbye of a new log would be a new row, and so would each more of a log that has one."""
    no_room = Unavailable("The disk is full.", reason="disk")
    rules = Rules(no_room=no_room)
    store.send("one\n")
    goodbye = Append(key, session="a", seq=1, final=Final(3), rules=rules)
    new = Append(store.new_key(), final=Final(0), rules=rules)
    answers = store.append(new, goodbye, replace(goodbye, seq=2), Append(key, final=Final(4), rules=rules))
    assert [answers[0], answers[2]] == [no_room, no_room]
    assert all(isinstance(answers[number], Appended) for number in (1, 3))
    assert (store.record().exit_code, store.text()) == (4, "one\n")
    with store.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(logs)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(chunks)).scalar_one() == 2
