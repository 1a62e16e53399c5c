# SPDX-License-Identifier: GPL-3.0-only
"""Text that is erased: gone from database and archives, everything else where it was, and told in its place."""

from __future__ import annotations

import random
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.archives import Archives
from support.store import KEY, Store

from PilotLoggingDIRAC.errors import NotFound, PilotLoggingError, Rejected, Unavailable
from PilotLoggingDIRAC.model import LogState, Rules
from PilotLoggingDIRAC.read import erasing
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.read.erasing import Eraser
from PilotLoggingDIRAC.read.outline_cache import OutlineCache
from PilotLoggingDIRAC.read.service import ReadService
from PilotLoggingDIRAC.redaction import Redactor
from PilotLoggingDIRAC.store import schema
from PilotLoggingDIRAC.store.quiet import Quietness

SECRET = "hunter2-Zm9v"
LINES = [f"2026-06-10T11:02:0{number}.000000Z INFO [Step] line {number}\n" for number in range(1, 6)]
WITH_SECRET = f"2026-06-10T11:02:06.000000Z ERROR [Step] password {SECRET} is wrong\n"
STARS = WITH_SECRET.replace(SECRET, "*" * len(SECRET))


@pytest.fixture
def eraser(archives: Archives) -> Eraser:
    return Eraser(archives.reader)


@pytest.fixture
def service(archives: Archives) -> ReadService:
    return ReadService(archives.reader, 2**20, 2**20, lambda now: Quietness(now, 300.0, {}))


def erase(eraser: Eraser, dry_run: bool = False, **what: Any) -> dict[str, Any]:
    return eraser.erase(KEY, what or {"text": SECRET}, "an operator", dry_run)


def shown(service: ReadService) -> list[str]:
    """The log as people see it, with what stands where it was erased."""
    lines = service.read_whole(KEY).split("\n")
    return [line.split(" 20")[0] if line.startswith("[... text") else line for line in lines]


def notice(lines: int) -> str:
    return f"[... text of {lines} line{'s' if lines > 1 else ''} was erased here by an operator,"


def test_nothing_but_the_text_changes_and_it_is_told_in_its_place(
    store: Store, eraser: Eraser, service: ReadService
) -> None:
    store.send_numbered(1, LINES[0] + WITH_SECRET + LINES[1])
    store.send_numbered(3, LINES[2])
    before, outline = store.record(), service.outline(KEY, "")
    assert erase(eraser, dry_run=True) == erase(eraser, dry_run=True)
    assert SECRET in service.read_whole(KEY)
    done = erase(eraser)
    assert (done["lines"], done["places"], done["erased"]) == (1, 1, True)
    after = store.record()
    kept = ("bytes", "lines", "errors", "warnings", "truncated", "missing", "state", "last_arrival")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    gap = "[... message 2 is missing here (session pilot) ...]"
    lines = [LINES[0][:-1], notice(1), STARS[:-1], LINES[1][:-1], gap, LINES[2][:-1], ""]
    assert shown(service) == lines
    new = service.outline(KEY, outline["version"])
    assert (new["unchanged"], new["lines"], new["errors"]) == (False, outline["lines"], outline["errors"])
    assert new["edition"] != outline["edition"], "who has lines of it must ask for them anew"
    assert [mark["line"] for mark in new["marks"]] == [2, 4]
    assert new["marks"][0]["sentence"].startswith("Text of 1 line was erased here by an operator, 20")
    assert SECRET not in str(service.read_lines(KEY, 1, 10)) and SECRET not in str(new)
    assert service.find_lines(KEY, {"text": SECRET}, 1, 10)["total"] == 0
    # Again there is nothing of it.
    assert erase(eraser) == done | {"lines": 0, "places": 0, "erased": False}
    store.send_numbered(2, LINES[3])
    store.send_numbered(4, LINES[4])
    assert shown(service) == [*lines[:4], LINES[3][:-1], LINES[2][:-1], LINES[4][:-1], ""]


@pytest.mark.parametrize("size", [7, 40, 10**6])
def test_pages_show_it_once_wherever_they_end(store: Store, eraser: Eraser, service: ReadService, size: int) -> None:
    """Also a text that was cut in two by its sender, at the beginning, and twice in a line."""
    store.send_numbered(1, f"{SECRET} and {SECRET}\n" + LINES[0] + WITH_SECRET[:50])
    store.send_numbered(2, WITH_SECRET[50:] + LINES[1])
    assert erase(eraser)["places"] == 3
    pieces, cursor, more = [], "", True
    while more:
        page = service.read_page(KEY, cursor, size)
        text = page["text"]
        for gap in sorted(page["gaps"], key=lambda gap: -gap["offset"]):
            text = f"{text[: gap['offset']]}<{gap['first']}>{text[gap['offset'] :]}"
        pieces.append(text)
        cursor, more = page["cursor"], page["more"]
    stars = "*" * len(SECRET)
    assert "".join(pieces) == f"<1>{stars} and {stars}\n{LINES[0]}<1>{STARS}{LINES[1]}"


def test_an_outline_is_made_anew_and_a_reader_in_the_middle_goes_on(
    store: Store, eraser: Eraser, archives: Archives
) -> None:
    store.send_numbered(1, WITH_SECRET)
    store.send_numbered(2, LINES[0])
    cache, reader = OutlineCache(archives.reader), archives.reader
    first = reader.page(KEY, Cursor(), len(WITH_SECRET) - 10)
    assert len(cache.look(KEY, lambda _, outline: outline).commands) == 1
    erase(eraser, lines=[1, 1])
    assert cache.look(KEY, lambda _, outline: outline.errors.total) == 0
    rest = reader.page(KEY, first.cursor, 1000)
    assert rest.text == "*" * 9 + "\n" + LINES[0]


def test_lines_and_all_of_a_log(store: Store, eraser: Eraser, service: ReadService) -> None:
    store.send_numbered(1, "".join(LINES[:3]))
    store.send_numbered(2, "".join(LINES[3:]) + "no end")
    assert erase(eraser, lines=[2, 3])["lines"] == 2
    stars = ["*" * (len(line) - 1) for line in LINES]
    assert shown(service) == [LINES[0][:-1], notice(2), *stars[1:3], LINES[3][:-1], LINES[4][:-1], "no end"]
    assert erase(eraser, all=True, dry_run=True)["lines"] == 4, "what was erased before is not counted again"
    erase(eraser, all=True)
    text = service.read_whole(KEY)
    assert not any(word in text for word in ("line 1", "INFO", "no end"))
    assert sum(not line.startswith("[...") for line in text.split("\n")) == 6


@pytest.mark.parametrize(
    "what",
    [
        None,
        {},
        {"text": "abc"},
        {"text": "*****"},
        {"text": 5},
        {"lines": [2, 1]},
        {"lines": [0, 1]},
        {"lines": "1"},
        {"all": False},
        {"all": True, "text": SECRET},
        {"other": 1},
        {"text": "x" * 70_000},
    ],
)
def test_what_is_not_clear_erases_nothing(store: Store, eraser: Eraser, what: Any) -> None:
    store.send("abc ***** 5\n")
    with pytest.raises(Rejected) as refusal:
        eraser.erase(KEY, what, "an operator", False)
    assert SECRET not in str(refusal.value)
    assert store.record().last_chunk_id == 1


def test_there_is_no_such_log(eraser: Eraser) -> None:
    with pytest.raises(NotFound):
        erase(eraser)


def test_a_resend_does_not_bring_it_back(store: Store, eraser: Eraser, service: ReadService) -> None:
    """A buffer that is sent again with more behind it; the first copy that comes last; a number that comes again."""
    store.send(LINES[0] + WITH_SECRET)
    erase(eraser)
    store.send(LINES[0] + WITH_SECRET)
    store.send(LINES[0] + WITH_SECRET + LINES[1])
    whole = [LINES[0][:-1], notice(1), STARS[:-1], LINES[1][:-1], ""]
    assert shown(service) == whole
    store.send(LINES[2] + WITH_SECRET + LINES[3])
    erase(eraser)
    store.send(LINES[2] + WITH_SECRET)  # the beginning of what is there already
    assert SECRET not in service.read_whole(KEY)
    assert shown(service) == [*whole[:-1], LINES[2][:-1], notice(1), STARS[:-1], LINES[3][:-1], ""]
    store.send_numbered(1, WITH_SECRET)
    erase(eraser)
    assert store.send_numbered(1, WITH_SECRET).repeated
    assert SECRET not in service.read_whole(KEY)


def _remembered(store: Store) -> str:
    with store.database.reading() as connection:
        return str(connection.execute(select(schema.logs.c.Numbering)).scalar_one())


def test_what_redaction_remembers_has_none_of_it(store: Store, eraser: Eraser) -> None:
    store.send_numbered(1, f"no end {SECRET}", rules=Rules(redactor=Redactor()))
    assert SECRET in _remembered(store)
    erase(eraser)
    assert SECRET not in _remembered(store)


def test_archives_get_a_copy_without_it_and_lose_the_old_one(
    store: Store, eraser: Eraser, archives: Archives, service: ReadService
) -> None:
    same, other = archives.add("Same"), archives.add("Other", new_name_each_time=True)
    store.send_numbered(1, LINES[0] + WITH_SECRET)
    store.finalise()
    log_id = store.record().log_id
    assert archives.deliver(log_id) == [True, True]
    assert erase(eraser)["plugins"] == ["Other", "Same"]
    assert store.record().state is LogState.COMPLETE
    # The storage is away: nobody sees it any more, and it is tried until it works.
    other.problem = Unavailable("away")
    assert archives.deliver(log_id) == [True, False]
    other.problem = None
    store.end_pauses()
    assert archives.deliver(log_id) == [None, True]
    assert store.record().state is LogState.ARCHIVED
    for plugin in (same, other):
        (file,) = plugin.folder.iterdir()
        assert file.read_text() == LINES[0] + STARS
    store.expire()
    assert shown(service) == [LINES[0][:-1], notice(1), STARS[:-1], ""], "also when all of it is in the archive"


def test_it_is_erased_from_text_that_only_the_archive_has(
    store: Store, eraser: Eraser, archives: Archives, service: ReadService
) -> None:
    plugin = archives.add(new_name_each_time=True)
    store.send_numbered(1, LINES[0] + WITH_SECRET)
    store.finalise()
    log_id = store.record().log_id
    archives.deliver(log_id)
    store.expire()
    assert erase(eraser)["lines"] == 1
    plain = [LINES[0][:-1], notice(1), STARS[:-1]]
    assert shown(service) == [*plain, ""], "before the new copy is there"
    assert SECRET not in str(service.read_lines(KEY, 1, 10))
    store.send_numbered(2, WITH_SECRET)
    assert erase(eraser)["lines"] == 1
    # Its removal fails: the old copy is remembered, whoever delivers next.
    remove, plugin.remove = plugin.remove, _fails  # type: ignore[method-assign]
    assert archives.deliver(log_id) == [False]
    assert store.record().state is not LogState.ARCHIVED
    plugin.remove = remove  # type: ignore[method-assign]
    store.end_pauses()
    assert archives.deliver(log_id) == [True]
    assert [file.read_text() for file in plugin.folder.iterdir()] == [LINES[0] + STARS + STARS]
    store.expire()
    assert shown(service) == [*plain, notice(1), STARS[:-1], ""]


def _fails(reference: str) -> None:
    raise Unavailable("away")


def test_the_archive_cannot_be_looked_through_now(store: Store, eraser: Eraser, archives: Archives) -> None:
    plugin = archives.add()
    store.send_numbered(1, WITH_SECRET)
    store.finalise()
    archives.deliver(store.record().log_id)
    store.expire()
    plugin.problem = Unavailable("away")
    for what in ({"text": SECRET}, {"lines": [1, 1]}):
        with pytest.raises(Unavailable):
            erase(eraser, **what)
    assert erase(eraser, all=True)["lines"] == 1, "for all of it, it need not be looked at"
    plugin.problem = None
    log_id = store.record().log_id
    assert archives.deliver(log_id) == [True]
    assert set(plugin.content()) == {"*", "\n"}
    assert erase(eraser, all=True)["lines"] == 0


def test_a_delivery_under_way_is_done_again(store: Store, eraser: Eraser, archives: Archives) -> None:
    plugin = archives.add(new_name_each_time=True)
    store.send_numbered(1, WITH_SECRET)
    store.finalise()
    plugin.during_store = lambda log: erase(eraser)
    log_id = store.record().log_id
    assert archives.deliver(log_id) == [True]
    plugin.during_store = lambda log: None
    assert archives.deliver(log_id) == [True]
    assert [file.read_text() for file in plugin.folder.iterdir()] == [STARS]
    assert store.record().state is LogState.ARCHIVED


def test_whoever_is_killed_goes_on(
    store: Store, eraser: Eraser, archives: Archives, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step behind the erasure, by what ends a process: the old copy goes in the end, and nothing else."""

    class Killed(BaseException):
        pass

    plugin = archives.add(new_name_each_time=True)
    for step in ("store", "remove", "forget_copies", "confirm"):
        key = store.new_key()
        store.send_numbered(1, LINES[0] + WITH_SECRET, key=key)
        store.finalise(key)
        log_id = store.record(key).log_id
        archives.deliver(log_id)
        if step == "remove":
            store.expire(key)
        eraser.erase(key, {"text": SECRET}, "an operator", False)
        with monkeypatch.context() as patch:

            def kill(*_: Any, **__: Any) -> None:
                raise Killed

            where = {
                "store": "PilotLoggingDIRAC.deliver.courier.remove_erased",
                "forget_copies": "PilotLoggingDIRAC.store.erasure.forget_copies",
                "confirm": "PilotLoggingDIRAC.store.deliveries.confirm",
            }
            if step == "remove":
                patch.setattr(plugin, "remove", kill)
            else:
                patch.setattr(where[step], kill)
            with pytest.raises(Killed):
                archives.deliver(log_id)
        store.end_leases()
        assert archives.deliver(log_id) == [True]
        texts = [file.read_text() for file in plugin.folder.iterdir() if key.stamp in file.name]
        assert set(texts) == {LINES[0] + STARS}, step
        assert archives.reader.whole(key, 10**6).count(STARS) == 1


def test_two_at_once_and_a_pilot_that_writes(
    store: Store, eraser: Eraser, service: ReadService, archives: Archives
) -> None:
    messages = [f"{LINES[0]}{number} {SECRET}\n" for number in range(1, 31)]
    problems: list[BaseException] = []

    def write() -> None:
        for number, text in enumerate(messages, 1):
            store.send_numbered(number, text)

    def erase_often() -> None:
        for _ in range(4):
            try:
                erase(eraser)
            except PilotLoggingError as error:
                problems.append(error)

    store.send_numbered(1, messages[0])
    threads = [threading.Thread(target=work) for work in (write, erase_often, erase_often)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    erase(eraser)
    text = "".join(page.text for page in archives.reader.pieces(KEY, 1000))
    assert text == "".join(messages).replace(SECRET, "*" * len(SECRET))


def test_a_long_log_keeps_what_was_erased_where_the_middle_is_left_out(
    store: Store, eraser: Eraser, service: ReadService
) -> None:
    rules = Rules(max_log_size=2000)
    store.send_numbered(1, WITH_SECRET)
    erase(eraser)
    for number in range(2, 60):
        store.send_numbered(number, LINES[0], rules=rules)
    lines = shown(service)
    assert lines[:2] == [notice(1), STARS[:-1]]
    assert "left out here" in "".join(lines)
    assert erase(eraser, all=True)["lines"] > 10
    assert "left out here" in service.read_whole(KEY), "that line says nothing of the pilot's"


def test_text_is_found_across_pieces(store: Store, eraser: Eraser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "_PIECE", 8)
    store.send_numbered(1, f"{LINES[0]}{SECRET}{SECRET}\nx{SECRET[:5]}\n{SECRET[5:]} {SECRET}\n")
    done = erase(eraser, dry_run=True)
    assert (done["lines"], done["places"]) == (2, 3)
    assert erase(eraser, dry_run=True, text=f"{SECRET[:5]}\n{SECRET[5:]}")["lines"] == 2
    assert erase(eraser, dry_run=True, lines=[2, 3])["lines"] == 2


def test_the_file_has_no_trace_of_it(store: Store, eraser: Eraser, backend: str) -> None:
    if backend != "sqlite":
        pytest.skip("a server's files are its own")
    text = b64encode(random.Random(3).randbytes(9000)).decode()
    store.send_numbered(1, f"{text[:6000]}\n{SECRET}\n{text[6000:]}")
    store.send_numbered(2, LINES[0])
    file = store.database.file
    assert file is not None
    with store.database.reading() as connection:
        data: bytes = connection.execute(select(schema.chunks.c.Data).where(schema.chunks.c.ChunkID == 1)).scalar_one()
    traces = [data[place : place + 40] for place in range(1000, len(data) - 40, 1000)]
    assert all(trace in _bytes_of(file.path) for trace in traces)
    erase(eraser)
    erase(eraser, lines=[1, 3])
    assert store.database.drop_remnants(5.0)
    assert not any(trace in _bytes_of(file.path) for trace in traces)


def _bytes_of(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
