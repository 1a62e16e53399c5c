# SPDX-License-Identifier: GPL-3.0-only
"""Redaction in pieces and in bounded time: what is found is what one look finds, and a line stands for the rest."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from PilotLoggingDIRAC.lines.tally import Counts, count
from PilotLoggingDIRAC.redaction import NOTHING, Carry, Redactor
from PilotLoggingDIRAC.store.look_through import PIECE, LookThrough, look_through_short

REDACTOR = Redactor()
LINE = b"2026-06-10T11:02:02,%06dZ ERROR [A] text %d\n"
KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"MIIEpAIBAAKCAQEAfakefakefakefakefakefakefakefakefakefakefakefake\n" * 20
SECRETS = (
    b"MY_PASSWORD=hunter2hunter2\n",
    KEY + b"-----END RSA PRIVATE KEY-----\n",
    b"machine example.org\nlogin me\npassword onlyletters\n",
    b'{"access_token": "abcdefgh12345"} ' + b"x" * PIECE + b" MY_TOKEN=fakefake1\n",
)


def ticks(second: float) -> Iterator[float]:
    """A clock of which each look takes so long."""
    return itertools.count(0.0, second)


@pytest.mark.parametrize("secret", SECRETS)
def test_pieces_find_what_one_look_finds(secret: bytes) -> None:
    """Wherever the border of two pieces is in it, and the figures are the same."""
    lines = b"".join(LINE % (number, number) for number in range(3 * PIECE // len(LINE)))
    for place in range(0, len(secret), max(7, len(secret) // 40)):
        begin = lines.rfind(b"\n", 0, PIECE - place) + 1
        text = lines[:begin] + b"x" * (PIECE - place - begin - 1) + b"\n" + secret + lines[begin:]
        stored = LookThrough(REDACTOR, text, "", longest=3600).finish()
        expected, carry = REDACTOR.redacted(text)
        assert stored.text == expected
        assert (stored.counts, stored.carry, stored.left_out) == (count(expected), carry.dump(), 0)


def test_the_rest_of_a_long_line_is_no_line() -> None:
    text = LINE.rstrip() % (1, 1) + b"x" * (PIECE - len(LINE) + 3) + LINE % (2, 2) + LINE % (3, 3)
    padded = text[:PIECE].ljust(PIECE, b"x") + LINE % (4, 4) + LINE % (5, 5)
    assert LookThrough(None, padded, "").finish().counts == Counts(2, 0, 2)


@pytest.mark.parametrize("ending", [b"MY_PASSWORD=hunt", KEY, KEY + b"MIIE", b"harmless\n"])
def test_what_cannot_be_searched_in_time_is_one_line(ending: bytes) -> None:
    """And nothing of a secret that began in it gets into the next message, whose other lines stay."""
    lines = LINE * (PIECE // len(LINE) * 3)
    stored = LookThrough(REDACTOR, lines + ending, "", longest=1.0, clocks=(ticks(2.0).__next__,)).finish()
    kept, rest = stored.text.split(b"[... ")
    assert lines.startswith(kept)
    assert 0 < len(kept) <= PIECE
    assert stored.left_out == len(lines + ending) - len(kept)
    assert rest == b"%d bytes left out here: they could not be searched for secrets in time ...]\n" % stored.left_out
    assert stored.counts == count(stored.text)
    begun = b"MIIEpAIBAAKCAQEAfakefakefakefakefake\n" if b"KEY" in ending else b"er2hunter2\n"
    begun = b"" if ending.endswith(b"\n") and b"KEY" not in ending else begun
    following = look_through_short(REDACTOR, begun + b"An ordinary line.\n", stored.carry)
    assert re.fullmatch(rb"(\[redacted\])?\n?An ordinary line\.\n", following.text)


def test_the_first_piece_is_always_searched_and_text_without_redaction_is_never_left_out() -> None:
    text = LINE * (PIECE // len(LINE) * 3)
    assert LookThrough(REDACTOR, text[:PIECE], "", longest=0, clocks=(ticks(1.0).__next__,)).finish().left_out == 0
    assert LookThrough(None, text, "", longest=0, clocks=(ticks(1.0).__next__,)).finish().text == text


def test_a_busy_machine_costs_nobody_text() -> None:
    """By the wall clock the time is long over."""
    text = LINE * (PIECE // len(LINE) * 5)
    clocks = (ticks(100.0).__next__, ticks(0.1).__next__)
    assert LookThrough(REDACTOR, text, "", longest=1.0, clocks=clocks).finish().text == text
    clocks = (ticks(100.0).__next__, ticks(0.6).__next__)
    assert 2 * PIECE < len(LookThrough(REDACTOR, text, "", longest=1.0, clocks=clocks).finish().text) < len(text)


def test_the_line_is_a_line_of_its_own() -> None:
    """Also where the message before ended within one."""
    stored = LookThrough(REDACTOR, b"x" * 3 * PIECE, "", longest=0, clocks=(ticks(1.0).__next__,)).finish()
    assert stored.text.startswith(b"x" * PIECE + b"\n[... ")
    assert stored.counts == count(stored.text)

    class Broken(Redactor):
        def redacted(self, data: bytes, carry: Carry = NOTHING) -> tuple[bytes, Carry]:
            raise MemoryError

    stored = LookThrough(Broken(), b"more\n", Carry(context=b"begun ").dump()).finish()
    assert stored.text == b"\n[... 5 bytes left out here: they could not be searched for secrets in time ...]\n"
