# SPDX-License-Identifier: GPL-3.0-only
"""The text that waits on the worker node: bounded, in order, counted where it is dropped, and it survives its pilot."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pilot.worker_node_module import sender

_LEFT_OUT = re.compile(r"\S+Z WARN \[PilotLogging\] (\d+) lines \((\d+) bytes\) were left out here: .*\n")
_DAMAGE = (OSError, ValueError, zlib.error)
DEAD, LIVING = "d" * 32, "e" * 32
"""Sessions."""
_SMALLEST_BLOCK = 4096
_LONGEST_LINE = 3000


def make(folder: Path, memory: int = 1 << 20, spill: int = 1 << 20, session: str = LIVING) -> Any:
    return sender().Backlog(sender().Log("0" * 32, "alpha", session), str(folder), memory, spill)


def taken(backlog: Any) -> Iterator[Any]:
    """All blocks, each forgotten behind its use."""
    while (block := backlog.take(whole_lines=False)) is not None:
        yield block
        backlog.forget(block)


def drained(backlog: Any) -> str:
    return "".join(block.left_out + block.text() for block in taken(backlog))


def size_on_disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.block*"))


def fill(backlog: Any, begin: int, end: int) -> str:
    """Numbered lines of 4096 bytes, of which zlib takes half; the smallest block has one of them."""
    lines = [f"{number:06} {random.Random(number).randbytes(2044).hex()}\n" for number in range(begin, end)]
    for line in lines:
        backlog.append(line)
    return "".join(lines)


class Waiting(RuleBasedStateMachine):
    """Any order of what can happen to a backlog, against a list of the lines that went in."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory(prefix="pilotlogging-")
        self.folder = Path(self.directory.name)
        self.lines: list[str] = []
        self.next_line: int | None = 0
        self.chance = random.Random(7)

    @initialize(memory=st.sampled_from([1, 8192, 65536]), spill=st.sampled_from([0, 5000, 20_000, 1 << 20]))
    def begin(self, memory: int, spill: int) -> None:
        self.memory, self.spill = memory, spill
        self.block_size = max(_SMALLEST_BLOCK, memory // 8)
        self.backlog = make(self.folder, memory, spill)

    @rule(count=st.integers(1, 40), longest=st.sampled_from([0, 80, _LONGEST_LINE]), together=st.booleans())
    def append(self, count: int, longest: int, together: bool) -> None:
        new = []
        for number in range(len(self.lines), len(self.lines) + count):
            rest = self.chance.randbytes(self.chance.randint(0, longest)).hex()[:longest]
            new.append(f"{number} {rest}\n")
        self.lines += new
        for text in ["".join(new)] if together else new:
            self.backlog.append(text)

    @rule(stored=st.booleans())
    def take(self, stored: bool) -> None:
        block = self.backlog.take(whole_lines=True)
        if block:
            assert self.backlog.take(whole_lines=False) is block, "there is one in flight"
            self.backlog.number(block)
            if stored:
                self.receive(block)

    @rule()
    def persist(self) -> None:
        self.backlog.persist()

    @rule(place=st.integers(0, 100), content=st.sampled_from([b"", b"{}\n", b"\xff\n", b'{"stamp": "0", "vo": ""}\nx']))
    def damage(self, place: int, content: bytes) -> None:
        files = sorted(self.folder.rglob("*.block"))
        if files:
            file = files[place % len(files)]
            if len(content) <= file.stat().st_size:
                file.write_bytes(content)

    @precondition(lambda self: self.lines)
    @rule()
    def drain(self) -> None:
        self.backlog.closing = True
        while block := self.backlog.take(whole_lines=False):
            self.receive(block)
        self.backlog.closing = False
        assert self.next_line in (len(self.lines), None)
        assert self.backlog.is_empty()
        assert self.backlog.waiting() == (0, 0)
        assert not list(self.folder.iterdir())

    def receive(self, block: Any) -> None:
        """Compare what comes with what is to come, and forget it."""
        self.compare(block.left_out)
        try:
            text = block.text()
        except _DAMAGE:
            self.next_line = None  # nobody knows how many lines a damaged file had
        else:
            self.compare(text)
        self.backlog.forget(block)

    def compare(self, text: str) -> None:
        for line in text.splitlines(keepends=True):
            if matched := _LEFT_OUT.fullmatch(line):
                if self.next_line is not None:
                    lost = self.lines[self.next_line :][: int(matched[1])]
                    assert (len(lost), len("".join(lost))) == (int(matched[1]), int(matched[2]))
                    self.next_line += len(lost)
            else:
                number = int(line.split(" ")[0])
                assert line == self.lines[number]
                assert self.next_line in (number, None)
                self.next_line = number + 1

    @invariant()
    def is_within_bounds(self) -> None:
        memory, disk = self.backlog.waiting()
        assert 0 <= memory <= self.memory + self.block_size + _LONGEST_LINE + 10
        assert 0 <= disk <= self.spill
        assert size_on_disk(self.folder) <= self.spill

    def teardown(self) -> None:
        if self.lines:
            self.drain()
        self.directory.cleanup()


Waiting.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestWaiting = Waiting.TestCase


class TestBounds:
    def test_memory_is_what_it_says(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=1 << 20, spill=1 << 20)
        text = random.Random(1).randbytes(1 << 18).hex() + "\n"
        backlog.append(text)
        tracemalloc.start()
        try:
            for _ in range(30):
                backlog.append(text)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 3 << 20
        assert size_on_disk(tmp_path) <= 1 << 20

    def test_text_that_compresses_well_takes_little(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=1 << 20, spill=0)
        text = "2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] all is well\n" * 1000
        for _ in range(200):
            backlog.append(text)
        assert drained(backlog) == text * 200

    def test_disk_comes_behind_memory(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=64 << 10, spill=1 << 20)
        text = fill(backlog, 0, 20)
        assert size_on_disk(tmp_path) == 0
        text += fill(backlog, 20, 100)
        memory, disk = backlog.waiting()
        assert 32 << 10 < memory <= 70 << 10 and disk == size_on_disk(tmp_path) > 100_000
        assert drained(backlog) == text

    def test_the_oldest_goes_and_a_line_says_so_once(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=32 << 10, spill=32 << 10)
        text = fill(backlog, 0, 200)
        first, *rest = drained(backlog).splitlines(keepends=True)
        matched = _LEFT_OUT.fullmatch(first)
        assert matched and not any(map(_LEFT_OUT.fullmatch, rest))
        assert 100 < int(matched[1]) < 190
        assert text[int(matched[2]) :] == "".join(rest)

    def test_what_is_in_flight_stays(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=32 << 10, spill=32 << 10)
        fill(backlog, 0, 50)
        block = backlog.take(whole_lines=True)
        text = block.text()
        fill(backlog, 50, 200)
        assert backlog.take(whole_lines=True) is block and block.text() == text
        backlog.forget(block)
        assert _LEFT_OUT.match(backlog.take(whole_lines=True).left_out)

    def test_at_the_end_the_word_on_what_was_lost_goes_alone_if_it_must(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=1, spill=0)
        fill(backlog, 0, 3)
        assert backlog.take(whole_lines=False) is None
        backlog.closing = True
        assert re.search(r" 3 lines \(12288 bytes\) were left out", drained(backlog))

    def test_what_is_too_large_for_the_disk_does_not_overtake_what_is_there(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=64 << 10, spill=3000)
        text = "the oldest\n"
        backlog.append(text)
        backlog.persist()
        text += fill(backlog, 0, 50)
        first, rest = drained(backlog).split("\n", 1)
        matched = _LEFT_OUT.match(first + "\n")
        assert matched and text[int(matched[2]) :] == rest


class TestText:
    def test_a_very_long_line_is_cut_between_characters(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=64 << 10, spill=16 << 20)
        text = "é€\U0001d11e" * 100_000
        for begin in range(0, len(text), 777):
            backlog.append(text[begin : begin + 777])
        assert drained(backlog) == text

    def test_an_unfinished_line_waits_until_it_is_asked_for(self, tmp_path: Path) -> None:
        backlog = make(tmp_path)
        backlog.append("finished\nunfini")
        blocks = [backlog.take(whole_lines=True)]
        backlog.forget(blocks[0])
        assert backlog.take(whole_lines=True) is None
        backlog.append("shed")
        blocks.append(backlog.take(whole_lines=False))
        assert [block.text() for block in blocks] == ["finished\n", "unfinished"]

    def test_what_is_no_unicode_is_sent_as_it_is_written_in_python(self, tmp_path: Path) -> None:
        backlog = make(tmp_path)
        backlog.append("a\ud800b\n")
        assert drained(backlog) == "a\\ud800b\n"

    def test_a_block_that_was_too_large_comes_in_two(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=32 << 10)
        fill(backlog, 0, 5)
        block = backlog.take(whole_lines=True)
        text = block.text()
        backlog.split(block, text[1000:])
        backlog.forget(block)
        second = backlog.take(whole_lines=True)
        assert second.text() == text[1000:] and second is not block
        backlog.forget(second)
        assert drained(backlog).startswith("000001 ")

    def test_threads_do_not_disturb_each_other(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=16 << 10, spill=16 << 20)
        threads = [
            threading.Thread(target=lambda name=name: [backlog.append(f"{name} {i}\n") for i in range(5000)])
            for name in "abcd"
        ]
        for thread in threads:
            thread.start()
        text = ""
        while any(thread.is_alive() for thread in threads):
            if block := backlog.take(whole_lines=True):
                text += block.text()
                backlog.forget(block)
        text += drained(backlog)
        for name in "abcd":
            assert re.findall(f"{name} (.*)\n", text) == [str(i) for i in range(5000)]


@contextmanager
def full_disk() -> Iterator[None]:
    """Every file that this process writes is cut short with an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestFullDisk:
    def test_memory_still_serves(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=64 << 10, spill=1 << 20)
        with full_disk():
            text = fill(backlog, 0, 60)
            lost, rest = drained(backlog).split("\n", 1)
        assert re.search(r"\d\d lines \(\d+ bytes\) were left out", lost)
        assert rest and text.endswith(rest)
        assert not list(tmp_path.rglob("*.part"))

    def test_is_used_as_soon_as_there_is_room(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=64 << 10, spill=1 << 20)
        with full_disk():
            text = fill(backlog, 0, 20)
        text += fill(backlog, 20, 60)
        assert size_on_disk(tmp_path)
        assert drained(backlog) == text

    def test_nothing_is_thrown_away_for_text_that_has_its_place_in_memory(self, tmp_path: Path) -> None:
        backlog = make(tmp_path, memory=64 << 10, spill=1 << 20)
        text = fill(backlog, 0, 60)
        assert size_on_disk(tmp_path)
        with full_disk():
            backlog.persist()
            backlog.append("one line more\n")
            backlog.persist()
        assert drained(backlog) == text + "one line more\n"

    def test_a_folder_that_is_taken_away(self, tmp_path: Path) -> None:
        backlog = make(tmp_path / "scratch", memory=32 << 10, spill=1 << 20)
        text = fill(backlog, 0, 40)  # there is no such folder: no disk
        (tmp_path / "scratch").mkdir()
        text += fill(backlog, 40, 60)
        assert size_on_disk(tmp_path)
        rest = drained(backlog).split("\n", 1)[1]
        assert text.endswith(rest)


def in_a_child(what: Callable[[], None]) -> int:
    """Run it in a process that is then killed; its exit status otherwise."""
    child = os.fork()
    if not child:
        try:
            what()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it failed before it was killed"
    return child


class TestSuccessor:
    def test_what_a_killed_pilot_left_comes_first(self, tmp_path: Path) -> None:
        def dies() -> None:
            backlog = make(tmp_path, memory=32 << 10, session=DEAD)
            fill(backlog, 0, 60)
            backlog.persist()

        in_a_child(dies)
        successor = make(tmp_path, session=LIVING)
        text = fill(successor, 60, 61)
        successor.adopt()
        blocks = [(block.log, block.text()) for block in taken(successor)]
        numbers = re.findall(r"^(\d{6}) ", "".join(text for _, text in blocks), re.MULTILINE)
        assert numbers == [f"{number:06}" for number in range(61)]
        assert blocks[-1] == (successor.log, text)
        logs = {id(log): log for log, _ in blocks[:-1]}.values()
        assert [(log.stamp, log.vo) for log in logs] == [("0" * 32, "alpha")]
        assert {log.session for log in logs}.isdisjoint({DEAD, LIVING})
        assert not list(tmp_path.iterdir())

    def test_what_may_have_been_sent_keeps_its_session_and_number(self, tmp_path: Path) -> None:
        def dies() -> None:
            backlog = make(tmp_path, session=DEAD)
            fill(backlog, 0, 1)
            backlog.log.next_seq = 7
            backlog.number(backlog.take(whole_lines=True))
            fill(backlog, 1, 2)
            backlog.persist()

        in_a_child(dies)
        successor = make(tmp_path, session=LIVING)
        successor.adopt()
        found = [(block.text()[:6], block.seq, block.log.session) for block in taken(successor)]
        assert found[0] == ("000000", 7, DEAD)
        assert found[1][:2] == ("000001", None) and found[1][2] not in (DEAD, LIVING)

    @pytest.mark.parametrize("content", [b"", b"\0", b"{", b"[]\n", b'{"stamp": 1, "vo": ""}\n', os.urandom(5000)])
    def test_a_damaged_file_is_passed_over(self, content: bytes, tmp_path: Path) -> None:
        def dies() -> None:
            backlog = make(tmp_path, memory=1, session=DEAD)
            fill(backlog, 0, 5)

        in_a_child(dies)
        files = sorted(tmp_path.rglob("*.block"))
        assert len(files) == 5
        files[1].write_bytes(content)
        files[2].write_bytes(files[2].read_bytes()[:-9])
        files[3].with_suffix(".block.part").write_bytes(b"half of")
        files[4].unlink()
        files[4].mkdir()
        successor = make(tmp_path, session=LIVING)
        successor.adopt()
        found = []
        while block := successor.take(whole_lines=False):
            try:
                found.append(block.text()[:6])
            except _DAMAGE as error:
                found.append(type(error).__name__)
            successor.forget(block)
        assert [found[0], found[3]] == ["000000", "000003"]
        assert found[2] == "error" and found[4] == "NotOurs" and len(found) == 5
        assert not list(tmp_path.rglob("*.part"))

    def test_several_of_them(self, tmp_path: Path) -> None:
        for number in range(3):

            def dies(number: int = number) -> None:
                backlog = make(tmp_path, session=f"{number:032x}")
                fill(backlog, number, number + 1)
                backlog.persist()

            in_a_child(dies)
        successor = make(tmp_path, session=LIVING)
        successor.adopt()
        assert sorted(text[:6] for text in drained(successor).splitlines()) == ["000000", "000001", "000002"]
        assert not list(tmp_path.iterdir())

    def test_it_counts_what_it_drops_of_them(self, tmp_path: Path) -> None:
        def dies() -> None:
            backlog = make(tmp_path, memory=1, session=DEAD)
            fill(backlog, 0, 20)

        in_a_child(dies)
        successor = make(tmp_path, memory=1, spill=40_000, session=LIVING)
        successor.adopt()
        fill(successor, 20, 40)
        assert size_on_disk(tmp_path) <= 40_000
        text = drained(successor)
        lost = [int(matched[1]) for matched in _LEFT_OUT.finditer(text)]
        assert sum(lost) + len(re.findall(r"^\d{6} ", text, re.MULTILINE)) == 40

    def test_a_living_one_keeps_what_it_has(self, tmp_path: Path) -> None:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                backlog = make(tmp_path, session=LIVING)
                fill(backlog, 0, 1)
                backlog.persist()
                os.write(writing, b"x")
                signal.pause()
            finally:
                os._exit(1)
        try:
            assert os.read(reading, 1) == b"x"
            other = make(tmp_path, session="other")
            other.adopt()
            assert other.is_empty()
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        other.adopt()
        assert drained(other).startswith("000000 ")

    def test_it_does_not_take_its_own_text_for_a_predecessors(self, tmp_path: Path) -> None:
        backlog = make(tmp_path)
        text = fill(backlog, 0, 3)
        backlog.persist()
        backlog.adopt()
        assert drained(backlog) == text

    def test_a_link_to_somewhere_else_is_not_followed(self, tmp_path: Path) -> None:
        elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
        elsewhere.mkdir()
        here.mkdir()
        file = elsewhere / "00000001.block"
        file.write_bytes(b"somebody else's")
        (elsewhere / "lock").touch()
        (here / ".pilotlogging-link").symlink_to(elsewhere)
        backlog = make(here)
        backlog.adopt()
        assert backlog.is_empty() and file.exists()
