# SPDX-License-Identifier: GPL-3.0-only
"""The file of a pilot's output is cut while it runs: by the batch system, or by those who rotate logs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from harness.waiting import until
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from pilot.bad_collectors import World
from pilot.bad_collectors.world import WAIT_FOR_GO, go
from pilot.worker_node_module import commands

_NOTICE = re.compile(r"\S+Z WARN \[PilotLogging\] The output's file was cut or written anew .*\n")
_ALL = 1 << 20


class Output:
    """A file, its writer and its reader."""

    def __init__(self, path: Path, appends: bool = True, before: str = "") -> None:
        path.write_text(before)
        self.path = path
        self.descriptor = os.open(path, os.O_WRONLY | (os.O_APPEND if appends else 0))
        os.lseek(self.descriptor, 0, os.SEEK_END)
        self.reader = commands().OutputFile(self.descriptor)
        self._number = 0

    def say(self, lines: int, form: str = "line %d\n") -> str:
        """So many lines more, each another one."""
        text = "".join(form % number for number in range(self._number, self._number + lines))
        self._number += lines
        os.write(self.descriptor, text.encode())
        return text

    def news(self) -> str:
        return str(self.reader.news(_ALL))

    def cut(self, size: int = 0) -> None:
        os.truncate(self.path, size)


@pytest.fixture(params=[True, False], ids=["O_APPEND", "at its own place"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Output]:
    output = Output(tmp_path / "output", request.param, "the batch system was here\n")
    yield output
    os.close(output.descriptor)


def parts(news: str) -> list[str]:
    """The text before and behind the lines on cuts."""
    return _NOTICE.split(news)


@pytest.mark.parametrize("lines", [1, 49, 50, 1000, 10_000])
@pytest.mark.parametrize("looks", [True, False], ids=["seen", "not seen"])
def test_what_comes_behind_a_cut_is_read(output: Output, lines: int, looks: bool) -> None:
    assert output.news() == ""
    assert output.say(50) == output.news()
    output.cut()
    if looks:
        assert parts(output.news()) == ["", ""]
    new = output.say(lines)
    assert parts(output.news()) == ([new] if looks else ["", new])
    new = output.say(1)
    assert output.news() == new, "it is said once"


def test_of_what_a_part_was_cut_off_nothing_is_sent_anew(output: Output) -> None:
    text = output.say(20)
    assert output.news() == text
    place = output.path.stat().st_size
    output.news()
    output.say(50)
    output.news()
    output.cut(place)
    assert parts(output.news()) == ["", ""]
    new = output.say(3)
    assert output.news() == new


def test_a_line_without_an_end_ends_before_the_line_on_the_cut(output: Output) -> None:
    output.say(1, "unfinished %d")
    assert output.news() == "unfinished 0"
    output.cut()
    new = output.say(1)
    assert parts(output.news()) == ["\n", new]


def test_the_same_text_again_and_again_is_no_proof_that_it_is_still_there(tmp_path: Path) -> None:
    output = Output(tmp_path / "output")
    for _ in range(3):
        text = output.say(100, "waiting%.0d\n")
        assert output.news() == text
    output.cut()
    new = output.say(150, "waiting%.0d\n")
    assert parts(output.news()) == ["", new]


def test_without_a_cut_nothing_is_said_however_often_one_looks(output: Output) -> None:
    for _ in range(500):
        assert output.say(7) == output.news()


class Cut(RuleBasedStateMachine):
    """Whatever is written and cut: each line that was not cut before a look comes, in order, and NULs never do."""

    @initialize(appends=st.booleans())
    def begin(self, appends: bool) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name, "output")
        self.output = Output(self.path, appends)
        self.due = ""

    @rule(lines=st.integers(1, 400))
    def say(self, lines: int) -> None:
        self.due += self.output.say(lines)

    @rule()
    def look(self) -> None:
        news = self.output.news()
        assert "\0" not in news
        if self.due:
            assert parts(news)[-1].endswith(self.due)
        self.due = ""

    @rule()
    def cut(self) -> None:
        self.output.cut()
        self.due = ""

    @rule()
    def cut_half(self) -> None:
        self.look()
        if (half := self.path.stat().st_size // 2) > 200:  # of less it cannot be told whether it is the same
            self.output.cut(half)

    def teardown(self) -> None:
        if hasattr(self, "output"):
            os.close(self.output.descriptor)
            self.folder.cleanup()


Cut.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestCut = Cut.TestCase


@pytest.mark.parametrize("how", ["file", "append"])
def test_a_pilot_whose_output_is_cut(world: World, how: str) -> None:
    collector = world.collector()
    pilot = world.pilot(
        [collector], ["Speak", "RunShell", "ManyLines"], exit=3, environment={"TEST_SHELL": WAIT_FOR_GO}
    )
    with pilot.start(output=how) as running:
        shelf = collector.shelf
        until(lambda: "waiting" in shelf.text_of(running.stamp), what="the first lines")
        os.truncate(running.output_file, 0)
        until(lambda: _NOTICE.search(shelf.text_of(running.stamp)), what="the cut is seen")
        go(pilot)
        result = running.wait()
    text = shelf.text_of(result.stamp)
    assert len(_NOTICE.findall(text)) == 1
    assert text.split("[ManyLines]", 1)[1].count("line ") >= 1000
    assert text.endswith(result.output.lstrip("\0"))
    assert shelf.finals(result.stamp) == ["3"]
    assert not shelf.complaints
