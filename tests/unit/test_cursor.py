# SPDX-License-Identifier: GPL-3.0-only
"""Where a reader is in a log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.read.cursor import Cursor

numbers = st.integers(0, 10**18 - 1)


@given(st.builds(Cursor, numbers, numbers, numbers))
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("value", [None, ""])
def test_no_cursor_is_the_beginning(value: Any) -> None:
    assert Cursor.parse(value) == Cursor(0, 0, 0)


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "1.2",
        "1.2.3.4",
        "-1.0.0",
        "1.2.3\n",
        " 1.2.3",
        "a.b.c",
        "1..2",
        "٣.0.0",
        f"{10**18}.0.0",
        0,
        1.5,
        b"1.2.3",
        [],
    ],
    ids=ascii,
)
def test_what_is_no_cursor_is_rejected(value: Any) -> None:
    with pytest.raises(Rejected, match=r"^The cursor is not one that readLog gave; "):
        Cursor.parse(value)
