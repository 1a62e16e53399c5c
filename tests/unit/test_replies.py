# SPDX-License-Identifier: GPL-3.0-only
"""Large replies: encoded in pieces, and within a budget."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.https.reply import encode_in_pieces, gather, weigh
from PilotLoggingDIRAC.https.reply_memory import ReplyMemory
from PilotLoggingDIRAC.https.shares import Owner

ALPHA, ALSO_ALPHA, BETA = Owner("alpha", "a"), Owner("alpha", "b"), Owner("beta", "a")
TEXT = st.text(st.characters(codec=None), max_size=20).map(lambda text: text * 5000) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_it_is_the_same_json(value: Any) -> None:
    pieces = list(encode_in_pieces(value))
    assert b"".join(pieces) == json.dumps(value).encode()
    stream = iter(pieces)
    gathered = []
    while piece := gather(stream, 1000):
        gathered.append(piece)
    assert b"".join(gathered) == b"".join(pieces)


def test_pieces_are_small_and_weight_is_that_of_the_text() -> None:
    reply = {"OK": True, "Value": {"StdOut": "\x01" * 10**6}}
    assert max(map(len, encode_in_pieces(reply))) <= 6 * 2**15
    assert 10**6 < weigh(reply) < 10**6 + 2000


def test_shares_of_the_budget() -> None:
    async def run() -> None:
        memory = ReplyMemory(100, patience=0.01)
        first = await memory.take(ALPHA, 20)
        with pytest.raises(Unavailable, match="MaxReplyMemory"):
            await memory.take(ALPHA, 6)  # a quarter for a caller
        second = await memory.take(ALSO_ALPHA, 25)
        with pytest.raises(Unavailable):
            await memory.take(Owner("alpha", "c"), 6)  # half for a VO
        third = await memory.take(BETA, 55)  # all of the rest for the only one of its VO
        with pytest.raises(Unavailable):
            await memory.take(Owner("", "host"), 1)
        waiting = asyncio.create_task(ReplyMemory.take(memory, Owner("", "host"), 1))
        await asyncio.sleep(0)
        third.resize(0)
        room = await waiting
        for each in (first, second, room):
            each.resize(0)
        assert memory.metrics() == {"replyMemory": 0, "refusedReplies": 3}
        huge = await memory.take(ALPHA, 1000)  # larger than all: alone
        huge.resize(0)

    asyncio.run(run())
