# SPDX-License-Identifier: GPL-3.0-only
"""PEM private keys, on lines of their own or on one line with ``\\n`` in it.

Every line stays, also those of the key: its header and ``-----BEGIN``, ``-----END`` as they are, the rest redacted.
"""

from __future__ import annotations

import re

from .spans import HEADER, MARK, Span, Text

LINES = 200
"""A key has no more: RSA with 16384 bits has 195. What follows a key without end is not redacted for ever."""

LOOSE = 1000
"""On top of the number of lines: a line that was none of the key came, so only a line that is plainly one goes on."""

_BEGIN = re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_END = b"-----END"
_UNFINISHED_END = re.compile(rb"-{1,5}(?:E(?:N(?:D)?)?)?\Z")
_FRONT = re.compile(rb"(?:" + HEADER + rb")?(?:[>|+*#][ \t]|[ \t]){0,64}(?:b?[\"'])?")
_UNFINISHED_FRONT = re.compile(rb"(?:[0-9]{1,4}\Z|[0-9]{4}-)")
# A line that began in an earlier message and was redacted there is one of the key, whatever follows.
_BODY = re.compile(rb"=?[A-Za-z0-9+/]*+={0,2}(?:\\r)?(?:\\n)?[\"']?[,;]?\s*|" + re.escape(MARK) + rb".*+", re.DOTALL)
_FIELD = re.compile(rb"(?:Proc-Type|DEK-Info|Version|Comment|Hash): ")
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# Behind an unknown front: 24 characters of base64 are no word.
_LEAST, _LEAST_UNFINISHED, _PLAINLY = 24, 7, 40
_MIXED = re.compile(rb"(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[^0-9]*[0-9]")


def find(text: Text, key_lines: int) -> tuple[list[Span], int]:
    """The keys in a text, and how many further lines may belong to the last one.

    Args:
        key_lines: So many lines from the beginning of the text may belong to a key that began in an earlier message.
    """
    spans: list[Span] = []
    raw, place = text.raw, 0
    while place < len(raw):
        if not key_lines:
            begin = _next_begin(raw, place)
            if not begin:
                break
            place, key_lines = _rest_of_begin(text, begin.end(), spans)
            continue
        end = raw.find(b"\n", place)
        last = end < 0
        end = len(raw) if last else end
        place, key_lines = _line(text, place, end, key_lines, spans)
        if last and place == end:
            break
    return spans, key_lines


def _next_begin(raw: bytes, place: int) -> re.Match[bytes] | None:
    while (place := raw.find(b"-----BEGIN ", place)) >= 0:
        if begin := _BEGIN.match(raw, place):
            return begin
        place += 1
    return None


def _rest_of_begin(text: Text, start: int, spans: list[Span]) -> tuple[int, int]:
    """What stands behind ``-----BEGIN`` on its line. Gives where to go on, and how many lines may belong to the key."""
    raw = text.raw
    line_end = raw.find(b"\n", start)
    is_last = line_end < 0
    line_end = len(raw) if is_last else line_end
    key_end = raw.find(_END, start, line_end)
    stop = key_end if key_end >= 0 else line_end
    body = raw[start:stop].rstrip()
    if is_last and (cut := _UNFINISHED_END.search(body[-8:])):
        body = body[: len(body) - len(cut[0])]
    if body.strip():
        spans.append(Span(start, start + len(body)))
    if key_end >= 0:
        return key_end + len(_END), 0
    # On an unfinished line the carried text has the BEGIN, and it is found again with the next message.
    return (line_end, 0) if is_last else (line_end + 1, LINES)


def _line(text: Text, start: int, end: int, key_lines: int, spans: list[Span]) -> tuple[int, int]:
    """One line that may belong to a key. Gives where to go on, and how many lines may still belong to the key."""
    line = text.raw[start:end].rstrip()
    unfinished = text.is_open(end)
    key_end = line.find(_END)
    if key_end >= 0:
        return start + key_end + len(_END), 0
    if key_lines > LOOSE:
        return _line_behind_a_foreign_one(text, start, end, key_lines, spans)
    front = _FRONT.match(line)
    assert front
    body = line[front.end() :]
    # A line that is not finished counts when it is.
    following = (end, key_lines) if unfinished else (end + 1, key_lines - 1)
    if unfinished and (_UNFINISHED_FRONT.match(line) and not body.startswith(MARK) and front.end() == 0):
        return following
    if _BODY.fullmatch(body):
        if body:
            spans.append(Span(start + front.end(), start + len(line)))
        return following
    if _FIELD.match(body) or (unfinished and _UNFINISHED_END.match(body)):
        return following
    length = length_of_key(line, _LEAST_UNFINISHED if unfinished else _LEAST)
    if length:
        spans.append(Span(start + len(line) - length, start + len(line)))
        return following
    if unfinished:
        return following
    return (start, 0) if b"-----BEGIN " in line else (end + 1, _loose(key_lines - 1))


def _loose(lines: int) -> int:
    return LOOSE + lines if lines else 0


def _line_behind_a_foreign_one(text: Text, start: int, end: int, key_lines: int, spans: list[Span]) -> tuple[int, int]:
    """As :func:`_line`; of a key are long lines, and the one in front of ``-----END``."""
    line = text.raw[start:end].rstrip()
    if b"-----BEGIN " in line:
        return start, 0
    left = key_lines - LOOSE - 1
    length = length_of_key(line, _LEAST_UNFINISHED if text.is_open(end) else 4)
    if text.is_open(end):
        if length:
            spans.append(Span(start + len(line) - length, start + len(line)))
        return end, key_lines
    word = line[len(line) - length :]
    if word.startswith(MARK) or is_plainly_of_key(word):
        spans.append(Span(start + len(line) - length, start + len(line)))
        return end + 1, left
    if (
        length
        and _END in text.raw[end : text.raw.find(b"\n", end + 1)]
        and _FRONT.fullmatch(line[: len(line) - length])
    ):
        spans.append(Span(start + len(line) - length, start + len(line)))
    return end + 1, _loose(left)


def is_plainly_of_key(word: bytes) -> bool:
    """Whether these letters of base64 are no word and no path: many, and of every kind."""
    return len(word) >= _PLAINLY and _MIXED.match(word) is not None and word.count(b"/") * 8 <= len(word)


def length_of_key(line: bytes, least: int) -> int:
    """How much of the end of a line may belong to a key; 0 for what is a word."""
    words = line.rsplit(None, 1)
    word = words[-1] if words else b""
    if MARK in word:
        return len(word) - word.find(MARK)
    letters = word.rstrip(b"=")
    length = len(letters) - len(letters.rstrip(_LETTERS))
    fill = len(word) - len(letters)
    return length + fill if length >= least and fill <= 2 else 0
