# SPDX-License-Identifier: GPL-3.0-only
"""The whole store against a model: logs of two VOs with the same stamps, stock and numbered senders whose messages are
repeated, delayed and overtaken, transactions that fail, readers that follow, archives that are down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from support.archives import Archives
from support.store import Store

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import Append, Appended, Final, LogKey, LogState
from PilotLoggingDIRAC.read.cursor import Cursor
from PilotLoggingDIRAC.store import logs
from PilotLoggingDIRAC.store.append import append_all

LOGS = st.integers(0, 3)


@dataclass
class Model:
    """What must be known of one log.

    Attributes:
        stock: What its stock pilot has logged and the store has taken, in order.
        numbered: Texts by their number.
        buffer: What the stock pilot has logged and not seen acknowledged.
        delayed: Copies of that buffer in the hands of collectors that are stopped.
        seen: What a reader that follows has got so far.
    """

    key: LogKey
    stock: list[str] = field(default_factory=list)
    numbered: dict[int, str] = field(default_factory=dict)
    buffer: list[str] = field(default_factory=list)
    delayed: list[list[str]] = field(default_factory=list)
    cursor: Cursor = field(default_factory=Cursor)
    seen: str = ""
    exit_code: int | None = None
    exists: bool = False

    @property
    def lines(self) -> list[str]:
        return [*self.stock, *self.numbered.values()]


class WholeStore(RuleBasedStateMachine):
    """Every line has its log in it, so that one in a wrong place is seen."""

    def __init__(self, store: Store, archives: Archives) -> None:
        super().__init__()
        self.store, self.archives = store, archives
        self.folder = archives.plugins["Folder"]
        stamps = [store.new_key().stamp for _ in range(2)]
        self.models = [Model(LogKey(vo, stamp)) for vo in ("alpha", "beta") for stamp in stamps]
        self.pending: list[tuple[Append, Model, Any]] = []
        self.count = 0

    def line(self, model: Model, kind: str) -> str:
        self.count += 1
        return f"2026-06-10T11:02:02.{self.count:06d}Z INFO [{kind}] {model.key.vo} {model.key.stamp} é\n"

    # Messages gather, as in a collector, until one transaction stores them all, or none.

    @rule(number=LOGS, more=st.integers(1, 3))
    def log_to_a_buffer(self, number: int, more: int) -> None:
        model = self.models[number]
        model.buffer += [self.line(model, "stock") for _ in range(more)]

    @rule(number=LOGS, reply=st.sampled_from(["comes", "is lost", "is delayed with the message"]))
    def send_the_buffer(self, number: int, reply: str) -> None:
        model = self.models[number]
        if not model.buffer:
            return
        if reply == "is delayed with the message":
            model.delayed.append(list(model.buffer))
            return
        sent = list(model.buffer)

        def stored(_answer: Appended) -> None:
            model.stock += [line for line in sent if line not in model.stock]
            if reply == "comes":
                model.buffer = model.buffer[len(sent) :] if model.buffer[: len(sent)] == sent else model.buffer

        self.pending.append((Append(model.key, "".join(sent).encode()), model, stored))
        self.commit()

    @precondition(lambda self: any(model.delayed for model in self.models))
    @rule(number=LOGS)
    def a_stopped_collector_goes_on(self, number: int) -> None:
        model = self.models[number]
        for sent in model.delayed:

            def stored(_answer: Appended, sent: list[str] = sent) -> None:
                model.stock += [line for line in sent if line not in model.stock]

            self.pending.append((Append(model.key, "".join(sent).encode()), model, stored))
        model.delayed.clear()
        self.commit()

    @rule(number=LOGS, seq=st.integers(1, 8), final=st.booleans())
    def send_a_number(self, number: int, seq: int, final: bool) -> None:
        model = self.models[number]
        text = model.numbered.get(seq) or self.line(model, f"seq {seq}")
        goodbye = Final(seq) if final else None

        def stored(answer: Appended) -> None:
            assert answer.repeated == (seq in model.numbered)
            model.numbered.setdefault(seq, text)
            assert answer.next_seq == max(model.numbered) + 1
            if final:
                model.exit_code = seq

        self.pending.append((Append(model.key, text.encode(), session="s", seq=seq, final=goodbye), model, stored))

    @rule()
    def commit(self) -> None:
        answers = self.store.append(*(append for append, _, _ in self.pending))
        for answer, (_, model, stored) in zip(answers, self.pending, strict=True):
            assert isinstance(answer, Appended)
            model.exists = True
            stored(answer)
        self.pending.clear()

    @rule()
    def a_transaction_fails(self) -> None:
        """After its last statement: nothing of it may stay."""

        class Cut(Exception):
            pass

        try:
            with self.store.database.writing() as connection:
                append_all(connection, [append for append, _, _ in self.pending], self.store.database.now(connection))
                raise Cut
        except Cut:
            pass

    # The agent.

    @rule(vo=st.sampled_from(["alpha", "beta"]))
    def be_silent(self, vo: str) -> None:
        self.store.close_silent(vo)

    @rule(number=LOGS, down=st.booleans())
    def deliver(self, number: int, down: bool) -> None:
        model = self.models[number]
        if not model.exists or model.key.vo != "alpha":
            return
        self.folder.problem = Unavailable("It is down.") if down else None
        self.store.end_pauses()
        self.archives.deliver(self.store.record(model.key).log_id)
        self.folder.problem = None

    @rule(number=LOGS)
    def expire(self, number: int) -> None:
        if self.models[number].exists:
            self.store.expire(self.models[number].key)

    # Readers.

    @rule(number=LOGS, size=st.integers(50, 400))
    def read_on(self, number: int, size: int) -> None:
        model = self.models[number]
        if model.exists:
            page = self.archives.reader.page(model.key, model.cursor, size)
            model.seen, model.cursor = model.seen + page.text, page.cursor

    @invariant()
    def every_line_is_there_once_and_in_order(self) -> None:
        for model in self.models:
            with self.store.database.reading() as connection:
                record = logs.find(connection, model.key)
            assert (record is not None) == model.exists
            if record is None:
                continue
            text = self.archives.reader.whole(model.key, 10**6)
            found = [line for line in text.splitlines(keepends=True) if not line.startswith("[... ")]
            assert sorted(found) == sorted(model.lines)
            assert [line for line in found if "[stock]" in line] == model.stock
            assert record.exit_code == model.exit_code
            assert record.lines == len(model.lines)
            # A reader that follows sees each line once; those that come late, to an earlier place, it may miss.
            seen = model.seen.splitlines(keepends=True)
            whole = [line for line in seen if line.endswith("\n")]
            assert len(set(whole)) == len(whole)
            assert set(whole) <= set(model.lines)
            if record.state is LogState.ARCHIVED and record.bytes:
                assert self.folder.content(model.key) == "".join(found)


def test_the_whole_store(store: Store, archives: Archives) -> None:
    archives.add()
    run_state_machine_as_test(
        lambda: WholeStore(store, archives), settings=settings(max_examples=12, stateful_step_count=30)
    )
