# SPDX-License-Identifier: GPL-3.0-only
"""Names from outside: what is taken for a stamp, a VO, a session."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC import names
from PilotLoggingDIRAC.errors import Rejected

NOT_STRINGS: list[Any] = [None, 0, 1.5, True, b"0" * 32, ["0" * 32], {"stamp": "0" * 32}]
HOSTILE = [
    "",
    " ",
    "../",
    "..",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "\x1b[31m",
    "\ud800",
    "<b>",
    "x" * 10_000,
]

STAMPS = ["0" * 32, "0123456789abcdefghijklmnopqrstuv", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"]
NO_STAMPS = [
    *HOSTILE,
    "0" * 31,
    "0" * 33,
    "A" * 32,
    "0" * 31 + "\n",
    "0" * 32 + "\n",
    "\n" + "0" * 32,
    "٣" * 32,  # a digit, and none of ours
    "6F9619FF-8B86-D011-B42D-00CF4FC964FF",
    "6f9619ff-8b86-d011-b42d-00cf4fc964f",
    "6f9619ff-8b86-d011-b42d-00cf4fc964fg",
    "6f9619ff8b86-d011-b42d-00cf4fc964ff-",
    "0" * 28 + ".log",
]


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_stamp_is_accepted(stamp: str) -> None:
    assert names.check_stamp(stamp) == stamp


@pytest.mark.parametrize("stamp", [*NO_STAMPS, *NOT_STRINGS], ids=lambda value: ascii(value)[:30])
def test_what_is_no_stamp_is_rejected(stamp: Any) -> None:
    with pytest.raises(Rejected, match=r"^Pilot UUID is invalid: "):
        names.check_stamp(stamp)


@pytest.mark.parametrize("vo", ["alpha", "vo.example.org", "my-vo_2", "Alpha", "a", "x" * 64])
def test_a_vo_is_accepted(vo: str) -> None:
    assert names.check_vo(vo) == vo
    assert names.is_vo_name(vo)


NO_VOS = [*HOSTILE, "x" * 65, ".", ".alpha", "alpha.", "al..pha", "alpha\n", "al pha", "älpha", "alpha;", *NOT_STRINGS]


@pytest.mark.parametrize("vo", NO_VOS, ids=lambda value: ascii(value)[:30])
def test_what_is_no_vo_is_rejected(vo: Any) -> None:
    assert not names.is_vo_name(vo)
    with pytest.raises(Rejected, match=r"^VO name is invalid: "):
        names.check_vo(vo)


@pytest.mark.parametrize("session", ["1", "host.example.org:4711-2026", "A_b", "x" * 64])
def test_a_session_is_accepted(session: str) -> None:
    assert names.check_session(session) == session


@pytest.mark.parametrize(
    "session", [*HOSTILE, "x" * 65, "a b", "1\n", *NOT_STRINGS], ids=lambda value: ascii(value)[:30]
)
def test_what_is_no_session_is_rejected(session: Any) -> None:
    if session in ("..", "."):
        return  # a session is no path: dots are harmless in it
    with pytest.raises(Rejected, match=r"^session is invalid: "):
        names.check_session(session)


@given(st.one_of(st.text(), st.binary(), st.integers(), st.lists(st.text())))
def test_a_refusal_can_be_shown(value: Any) -> None:
    """One printable line of bearable length, whatever came."""
    for check in (names.check_stamp, names.check_vo, names.check_session):
        try:
            check(value)
        except Rejected as refusal:
            assert re.fullmatch(r"[ -~]{1,250}", str(refusal))


@given(st.from_regex(r"[A-Za-z0-9._/\\\n-]{1,70}", fullmatch=True))
def test_a_vo_never_leads_out_of_its_folder(value: str) -> None:
    if names.is_vo_name(value):
        assert not set(value) & set("/\\\n")
        assert not {"", ".", ".."} & set(value.split("."))
