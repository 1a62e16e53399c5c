# SPDX-License-Identifier: GPL-3.0-only
"""One log through its whole life, in any order of events, against a model of a few lines."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import LogState
from PilotLoggingDIRAC.read.cursor import Cursor

_OPEN_ONES = (LogState.OPEN, LogState.SILENT)


class LifeOfALog(RuleBasedStateMachine):
    """Sends, resends, finalises, archives and expires one log. What the model knows of it:

    text: all that was sent, once.
    state, finalised: as the documentation has them.
    in_archive: what the archive has.
    """

    def __init__(self, store: Store, archives: Archives) -> None:
        super().__init__()
        self.store, self.archives = store, archives
        self.folder = archives.plugins["Folder"]
        self.folder.problem = None
        self.key = store.new_key()
        self.text, self.in_archive = "", ""
        self.state, self.finalised = LogState.OPEN, False
        self.sent_numbers: list[tuple[int, str]] = []
        self.sent_buffers: list[str] = []
        self.lines = 0
        store.send("", key=self.key)

    def new_line(self) -> str:
        self.lines += 1
        return f"2026-06-10T11:02:02.{self.lines:06d}Z INFO [A] é\n"

    def arrived(self, new: str) -> None:
        self.text += new
        if new or self.state in _OPEN_ONES:
            self.state = LogState.COMPLETE if self.finalised else LogState.OPEN

    @rule(skip=st.integers(0, 2))
    def send_a_number(self, skip: int) -> None:
        seq, line = (self.sent_numbers[-1][0] if self.sent_numbers else 0) + 1 + skip, self.new_line()
        assert not self.store.send_numbered(seq, line, key=self.key).repeated
        self.sent_numbers.append((seq, line))
        self.arrived(line)

    @precondition(lambda self: self.sent_numbers)
    @rule(data=st.data())
    def send_a_number_again(self, data: st.DataObject) -> None:
        seq, line = data.draw(st.sampled_from(self.sent_numbers))
        assert self.store.send_numbered(seq, line, key=self.key).repeated
        self.arrived("")

    @rule(more=st.integers(1, 3))
    def send_a_buffer(self, more: int) -> None:
        buffer = "".join(self.new_line() for _ in range(more))
        assert not self.store.send(buffer, key=self.key).repeated
        self.sent_buffers.append(buffer)
        self.arrived(buffer)

    @precondition(lambda self: self.sent_buffers)
    @rule(more=st.integers(0, 2))
    def send_a_buffer_again(self, more: int) -> None:
        behind = "".join(self.new_line() for _ in range(more))
        buffer = self.sent_buffers[-1] + behind
        assert self.store.send(buffer, key=self.key).repeated == (not behind)
        self.sent_buffers.append(buffer)
        self.arrived(behind)

    @rule()
    def finalise(self) -> None:
        self.store.finalise(self.key)
        self.finalised = True
        self.arrived("")

    @rule()
    def be_silent(self) -> None:
        self.store.close_silent()
        if self.state is LogState.OPEN:
            self.state = LogState.SILENT

    @rule(down=st.booleans())
    def deliver(self, down: bool) -> None:
        if self.state not in (LogState.COMPLETE, LogState.SILENT):
            return
        self.folder.problem = Unavailable("It is down.") if down else None
        self.store.end_pauses()
        works = not down or not self.text  # an empty log needs no archive
        assert self.archives.deliver(self.store.record(self.key).log_id) == [works]
        self.folder.problem = None
        if works:
            self.state, self.in_archive = LogState.ARCHIVED, self.text

    @rule()
    def expire(self) -> None:
        assert self.store.expire(self.key) == (self.state is LogState.ARCHIVED)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        record = self.store.record(self.key)
        assert record.state is self.state
        assert (record.finalised is not None) == self.finalised
        assert record.lines == self.text.count("\n")
        assert record.bytes == len(self.text.encode())
        assert self.read() == self.text
        if self.in_archive:
            assert self.folder.content(self.key) == self.in_archive

    def read(self) -> str:
        """The log by pages, as a client gets it."""
        text, cursor, more = "", Cursor(), True
        while more:
            page = self.archives.reader.page(self.key, cursor, 100)
            text, cursor, more = text + page.text, page.cursor, page.more
        return text


def test_the_life_of_a_log(store: Store, archives: Archives) -> None:
    archives.add()
    run_state_machine_as_test(
        lambda: LifeOfALog(store, archives), settings=settings(max_examples=6, stateful_step_count=15)
    )
