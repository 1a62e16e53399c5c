# SPDX-License-Identifier: GPL-3.0-only
"""What ``dirac-pilot-logs-show --check`` says of a log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.model import Final, LogKey
from PilotLoggingDIRAC.read import replies
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.terminal.completeness import examine, verdict
from PilotLoggingDIRAC.terminal.tail import Reply

TIME = "2026-06-10T11:02:02.823512Z"
FIRST = f"{TIME} INFO [PilotLogging] Worker-node module 1.0.0 sends this log, session pilot\n"
LINES = f"{TIME} INFO [CheckWorkerNode] text\n" * 3
VERSION = "9.1.22 PilotLogging/1.0.0"
OK = "OK: the worker-node module was used, and the log is complete."

Read = Callable[[str | None], Reply]


@pytest.fixture(params=[64, 10**6], ids=["small pages", "one page"])
def read(request: pytest.FixtureRequest, archives: Archives, key: LogKey) -> Read:
    """``readLog`` of a collector."""
    return lambda cursor: replies.render_page(key, archives.reader.page(key, Cursor.parse(cursor), request.param))


def say(read: Read, version: str | None = VERSION) -> list[str]:
    """The sentences but for the first one, which says what log it is."""
    sentences, good = verdict(examine(read), version)
    assert good == (sentences[-1] == OK)
    assert good or sentences[-1].startswith("NOT OK: ")
    return sentences[1:]


def test_all_is_well(store: Store, read: Read, key: LogKey) -> None:
    store.send_numbered(1, FIRST + LINES)
    store.send_numbered(2, "no line end", final=Final(44))
    assert verdict(examine(read), VERSION)[0] == [
        f"Log {key.stamp} of VO alpha: Complete, {store.record().lines} lines, {store.record().bytes} bytes.",
        "Sent by the worker-node module 1.0.0, session pilot.",
        "No message is missing.",
        "The pilot said goodbye with exit code 44.",
        OK,
    ]


def test_a_stock_pilot(store: Store, read: Read) -> None:
    store.send(LINES)
    store.finalise()
    sender, *_, last = say(read, None)
    assert sender == "Sent by the pilot's own remote logger."
    assert last == "NOT OK: the worker-node module was not used."


def test_the_stock_logger_began(store: Store, read: Read) -> None:
    store.send(LINES)
    store.send_numbered(1, FIRST + LINES, final=Final(0))
    said = say(read)
    assert said[1] == "The 3 lines above its first one came from the pilot's own remote logger."
    assert said[-1] == OK


def test_a_pilot_that_runs_and_one_that_was_killed(store: Store, read: Read) -> None:
    store.send_numbered(1, FIRST)
    assert "The pilot has not said goodbye: it may still run." in say(read)
    store.close_silent()
    assert "The pilot has not said goodbye: it was killed, or could not say so." in say(read)
    assert say(read)[-1] == "NOT OK: the pilot has not said goodbye."


def test_messages_are_missing(store: Store, read: Read) -> None:
    store.send_numbered(1, FIRST)
    store.send_numbered(4, LINES, final=Final(0))
    said = say(read)
    assert "Missing: messages 2 to 3 of session pilot." in said
    assert said[-1] == "NOT OK: messages are missing."


@pytest.mark.parametrize(
    ("level", "message", "shown", "good"),
    [
        ("WARN", "12 lines (345 bytes) were left out here: \x1b[2J", "Missing: 12 lines (345 bytes)", False),
        ("WARN", "12 lines were refused here: too late", "Missing: 12 lines were refused", False),
        ("WARN", "The configuration is wrong: no URL", "The module says: The configuration is wrong: no URL", True),
        ("ERROR", "Signal SIGTERM (15) received: the pilot ends", "The module says: Signal SIGTERM (15)", True),
    ],
)
def test_what_the_module_says(store: Store, read: Read, level: str, message: str, shown: str, good: bool) -> None:
    store.send_numbered(1, f"{FIRST}{LINES}{TIME} {level} [PilotLogging] {message}\n{LINES}", final=Final(0))
    said = say(read)
    (sentence,) = [sentence for sentence in said if sentence.startswith(shown)]
    assert sentence.isprintable()
    assert (said[-1] == OK) is good


def test_the_first_line_is_missing(store: Store, read: Read) -> None:
    store.send_numbered(1, LINES, final=Final(0))
    assert say(read)[0] == "Sent by the worker-node module 1.0.0, whose first line is missing."


def test_two_processes_of_one_stamp(store: Store, read: Read) -> None:
    store.send_numbered(1, FIRST)
    store.send_numbered(1, FIRST.replace("session pilot", "session other"), session="other", final=Final(0))
    assert "More than one pilot process had this stamp." in say(read)


def test_a_log_that_only_the_archive_knows(store: Store, archives: Archives, read: Read) -> None:
    folder = archives.add()
    store.send_numbered(1, FIRST, final=Final(0))
    archives.deliver(store.record().log_id)
    assert folder.content() == FIRST
    store.expire()
    store.make_older(timedelta(days=40))
    store.forget()
    said = say(read, None)
    assert said[0] == "Sent by the worker-node module 1.0.0, session pilot."
    assert said[-1] == "NOT OK: its end is not known."


def test_a_long_line_does_not_matter(store: Store, read: Read) -> None:
    store.send_numbered(1, FIRST + "x" * 5000 + "\n" + LINES, final=Final(0))
    assert say(read)[-1] == OK
