# SPDX-License-Identifier: GPL-3.0-only
"""The oracle of ``make faults`` finds what it is there to find, and nothing where all is well."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from faultinjection import collect, health, lines, oracle, truth
from faultinjection.stored import Delivery, Gap, Row, Stored
from faultinjection.truth import Key, Log, Piece

KEY = Key("alpha", "0123456789abcdef0123456789abcdef")
LINES = {number: lines.write(*KEY, number, random.Random(number), 40) for number in range(1, 13)}
STRANGER = lines.write("beta", KEY.stamp, 3, random.Random(3), 40)


def text_of(*numbers: int) -> str:
    return "".join(LINES[number] for number in numbers)


@pytest.fixture
def log() -> Log:
    """Three batches of a session, of which the last was never acknowledged, then two buffers of a stock pilot.

    Of the second buffer the first two lines were acknowledged."""
    return Log(
        KEY,
        [
            Piece("s", 1, 1, 2, sent=True, acknowledged=2),
            Piece("s", 2, 3, 4, sent=True, acknowledged=4),
            Piece("s", 3, 5, 6, sent=True),
            Piece("buffer-7", None, 7, 8, sent=True, acknowledged=8),
            Piece("buffer-9", None, 9, 12, sent=True, acknowledged=10),
        ],
        goodbyes=[0],
        acknowledged_goodbyes=[0],
    )


def stored(text: str, **changes: object) -> Stored:
    """A log that is stored as it should be, but for the changes."""
    row = Row(
        state="Archived",
        finalised=True,
        exit_code=0,
        lines=text.count("\n"),
        size=len(text.encode()),
        truncated=0,
        last_chunk=5,
        deliveries=(Delivery("LocalDirectory", "Delivered", 5, f"alpha/{KEY.stamp}.log"),),
    )
    of_row = {name: changes.pop(name) for name in list(changes) if name in Row.__dataclass_fields__}
    return Stored(**{"text": text, "archived": text.encode(), "row": replace(row, **of_row)} | changes)  # type: ignore[arg-type]


def kinds(log: Log, what: Stored) -> list[str]:
    return [finding.kind for finding in oracle.check_log(log, what)]


@pytest.mark.parametrize(
    "numbers",
    [
        (1, 2, 3, 4, 7, 8, 9, 10),
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
        (1, 2, 3, 4, 7, 8, 9, 10, 5, 6),
        (1, 2, 3, 4, 7, 8, 9, 10, 11),
    ],
    ids=["acknowledged only", "all", "a late batch that nobody acknowledged", "a part of a buffer"],
)
def test_all_is_well(log: Log, numbers: tuple[int, ...]) -> None:
    assert kinds(log, stored(text_of(*numbers))) == []


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ((1, 2, 3, 4, 7, 8, 9), "lost"),
        ((2, 3, 4, 7, 8, 9, 10), "lost"),
        ((), "lost"),
        ((1, 2, 2, 3, 4, 7, 8, 9, 10), "doubled"),
        ((1, 2, 3, 4, 7, 8, 9, 10, 7, 8), "doubled"),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5), "doubled"),
        ((2, 1, 3, 4, 7, 8, 9, 10), "misplaced"),
        ((7, 8, 1, 2, 3, 4, 9, 10), "misplaced"),
        ((1, 2, 3, 4, 6, 5, 7, 8, 9, 10), "misplaced"),
        ((5, 6, 1, 2, 3, 4, 7, 8, 9, 10), "misplaced"),
    ],
)
def test_lines_that_are_lost_doubled_or_out_of_order(log: Log, numbers: tuple[int, ...], kind: str) -> None:
    found = kinds(log, stored(text_of(*numbers)))
    assert kind in found
    assert found.count("lost") == (kind == "lost")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text[:-1], "torn"),
        (lambda text: text[:-30], "torn"),
        (lambda text: text[20:], "torn"),
        (lambda text: text.replace("line 3 ", "line 4 "), "torn"),
        (lambda text: text.replace(LINES[3], LINES[3][:50] + "\n" + LINES[3][50:]), "torn"),
        (lambda text: text + "\0", "torn"),
        (lambda text: text + "somebody else's words\n", "torn"),
        (lambda text: text + STRANGER, "leaked"),
        (lambda text: text + lines.write(*KEY, 99, random.Random(0), 40), "leaked"),
    ],
)
def test_lines_that_are_torn_changed_or_not_its_own(log: Log, change, kind: str) -> None:
    assert kind in kinds(log, stored(change(text_of(1, 2, 3, 4, 7, 8, 9, 10))))


def test_the_archive_is_looked_at_as_well(log: Log) -> None:
    text = text_of(1, 2, 3, 4, 7, 8, 9, 10)
    assert kinds(log, stored(text, archived=text_of(1, 2, 3, 4, 7, 8, 9).encode())) == ["lost"]
    assert kinds(log, stored(text, archived=text_of(1, 2, 3, 4, 7, 8, 9, 10, 11).encode())) == ["wrong figures"]
    assert kinds(log, stored(text, archived=None)) == ["unarchived"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"state": "Open"}, "unarchived"),
        ({"state": "Complete"}, "unarchived"),
        ({"deliveries": ()}, "unarchived"),
        ({"deliveries": (Delivery("LocalDirectory", "Pending", 5, "x"),)}, "unarchived"),
        ({"deliveries": (Delivery("LocalDirectory", "Delivered", 4, "x"),)}, "unarchived"),
        ({"finalised": False}, "wrong figures"),
        ({"exit_code": 1}, "wrong figures"),
        ({"exit_code": None}, "wrong figures"),
        ({"lines": 7}, "wrong figures"),
        ({"size": 7}, "wrong figures"),
    ],
)
def test_its_end_state(log: Log, changes: dict[str, object], kind: str) -> None:
    assert kinds(log, stored(text_of(1, 2, 3, 4, 7, 8, 9, 10), **changes)) == [kind]


def test_a_log_that_cannot_be_read(log: Log) -> None:
    assert kinds(log, Stored(None, why="NotFound")) == ["lost"]
    assert kinds(Log(KEY, [Piece("s", 1, 1, 2, sent=True)]), Stored(None, why="NotFound")) == []


def test_a_pilot_that_was_killed_has_no_goodbye(log: Log) -> None:
    log.goodbyes, log.acknowledged_goodbyes = [], []
    text = text_of(1, 2, 3, 4, 7, 8, 9, 10)
    assert kinds(log, stored(text, finalised=False, exit_code=None)) == []
    assert kinds(log, stored(text)) == ["wrong figures"]


def test_gaps_are_where_batches_are_missing() -> None:
    log = Log(KEY, [Piece("s", 1, 1, 2, True, 2), Piece("s", 2, 3, 4), Piece("s", 3, 5, 6, True, 6)], [0], [0])
    text, gap = text_of(1, 2, 5, 6), Gap(len(text_of(1, 2)), "s", 2, 2)
    assert kinds(log, stored(text, gaps=[gap])) == []
    assert kinds(log, stored(text)) == ["gap"]
    assert kinds(log, stored(text, gaps=[gap._replace(offset=0)])) == ["gap", "gap"]
    assert kinds(log, stored(text, gaps=[gap, gap._replace(session="t")])) == ["gap"]
    assert kinds(log, stored(text_of(1, 2, 3, 4, 5, 6))) == ["leaked", "leaked"], "it was never sent"


def test_strangers(tmp_path: Path, log: Log) -> None:
    row = stored(text_of(1)).row
    assert row is not None
    logs = {KEY: log}
    assert list(oracle.check_strangers(logs, {KEY: row}, [f"alpha/{KEY.stamp}.log"])) == []
    (tmp_path / "alpha" / ".partial").mkdir(parents=True)
    for name in (f"alpha/{KEY.stamp}.log", f"alpha/{KEY.stamp}-2.log", f"alpha/.partial/{KEY.stamp}.log"):
        (tmp_path / name).touch()
    found = list(oracle.check_strangers(logs, {KEY: row}, collect.archive_files(tmp_path)))
    assert [finding.kind for finding in found] == ["orphan"]
    assert "-2.log" in found[0].what
    found = list(oracle.check_strangers(logs, {KEY: row, Key("beta", KEY.stamp): row}, []))
    assert [finding.kind for finding in found] == ["leaked"]


def test_what_pilots_note_is_what_the_oracle_reads(tmp_path: Path) -> None:
    record = truth.Record(tmp_path / "truth.jsonl")
    record.piece("sent", KEY, "buffer-1", None, 1, 2)
    record.piece("sent", KEY, "buffer-1", None, 1, 5)
    record.piece("acknowledged", KEY, "buffer-1", None, 1, 5)
    record.piece("skipped", KEY, "s", 1, 6, 7)
    record.piece("sent", KEY, "s", 2, 8, 8)
    record.goodbye(KEY, 64, acknowledged=False)
    known = truth.read(tmp_path / "truth.jsonl")
    assert known.logs[KEY] == Log(
        KEY,
        [Piece("buffer-1", None, 1, 5, True, 5), Piece("s", 1, 6, 7), Piece("s", 2, 8, 8, True)],
        goodbyes=[64],
    )
    assert len(known.moments) == 1
    record.goodbye(KEY, 64, acknowledged=True)
    assert truth.read(tmp_path / "truth.jsonl").logs[KEY].acknowledged_goodbyes == [64]


@pytest.mark.parametrize("size", [5, 120, 9000])
def test_a_line_says_whose_it_is(size: int) -> None:
    for number in range(1, 200):
        line = lines.write(*KEY, number, random.Random(number), size)
        assert line.count("\n") == 1
        assert lines.read(line[:-1]) == lines.Line(*KEY, number)
        assert lines.read(line[:-2]) is None
        assert lines.read(line[1:-1]) is None


def test_what_a_log_may_not_have(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_text(
        "2026-06-10T11:02:02.823512Z Agent INFO: 12 ERROR lines were sent\n"
        "2026-06-10T11:02:02.823512Z Agent ERROR: Log x could not be delivered to LocalDirectory (attempt 3)\n"
        'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\n    close()\n'
        "PilotLoggingDIRAC.errors.Unavailable: PilotLogDB cannot do that now: it is away.\n"
    )
    assert not health.complaints(log)
    with log.open("a") as file:
        file.write('Traceback (most recent call last):\n  File "x.py", line 3, in <module>\n    x()\nKeyError: 17\n')
        file.write("2026-06-10T11:02:02.823512Z Agent ERROR: nobody thought of this 1\n")
        file.write("2026-06-10T11:02:02.823512Z Agent ERROR: nobody thought of this 2\n")
    assert sorted(health.complaints(log).values()) == [1, 2]
