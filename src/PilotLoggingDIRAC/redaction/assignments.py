# SPDX-License-Identifier: GPL-3.0-only
"""Secrets by the name in front of them: ``NAME=value``, ``"name": "value"``, ``name: value``, ``--name value``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import secret_names, values
from .spans import ENDINGS, HEADER, MARK, Span, Text, span

MOST = 50_000
"""So many names are judged in one message. What stands on a line behind a further one is redacted without a look, for a
message made to be expensive must not hold up the others."""

_NEEDLES = (b"pass", b"pw", b"secret", b"token", b"credential", b"key", b"auth", b"cookie")
_NAME_BYTES = b"abcdefghijklmnopqrstuvwxyz0123456789_.-"
_NAME_LENGTH = 64
_REST = re.compile(rb"[\w.\-]{0,48}+")
_SIGN = re.compile(rb"[\"'\\]{0,16}+(?:\][\"']{0,1})?[ \t]{0,400}+(?:(=>|:=|==?|:|>)[ \t]{0,400}+|(%3d))")
_NEXT_ARGUMENT = re.compile(rb"[\"'][ \t]{0,2},[ \t]{0,2}(?=b?[\"'])|[ \t]{1,400}+(?!-)")
_VALUE_OF_PAIR = re.compile(rb"[\"']value[\"'][ \t]{0,2}:[ \t]{0,2}(?=[\"'])")
_NEXT_LINE = re.compile(rb"\r?\n(?:" + HEADER + rb")?[ \t]{0,400}+(?=[bBrRuU]?\\*+[\"'])")
_IN_BRACKET = re.compile(rb"\[(?!redacted\])[^\[\]\"'\s]")  # as Go prints a header's values
_SETENV = re.compile(rb"(?:setenv[ \t]{1,16}|setenv\([ \t]{0,4}[\"']|\bset[ \t]{1,4}-\w{1,4}[ \t]{1,16})\Z")
_QUOTE = re.compile(rb"[bBrRuUfF]{0,2}(\\*+)([\"'])")
_LIST = re.compile(rb"\[[ \t]{0,4}(?=[bBrRuU]?\\*+[\"'])")
_MAYBE_QUOTE = re.compile(rb"\[?[ \t]{0,4}[bBrRuUfF]{0,2}\\*+\Z")
_SCHEME = re.compile(rb"(?:bearer|basic|negotiate|digest|macaroon|token|aws4-hmac-sha256)(?:[ \t]{1,4}|%20|\+)")
_TRAILING = b",;.)}]"
_BEFORE = 200
_LINE_BEGIN = re.compile(
    rb"(?:" + HEADER.lower() + rb")?[\s>*+|<\-]{0,32}+"
    rb"((?:export|setenv|declare|typeset|local|readonly|set)[ \t]{1,4}(?:-\w{1,4}[ \t]{1,4})?)?[\"']?"
)
_LOGIN = re.compile(rb"(?:login|user|account)[ \t]{1,8}[^\s]{1,64}\s{1,8}\Z")


def find(text: Text) -> Iterator[Span]:
    """Secrets that a name announces, in order; none overlap."""
    done = judged = 0
    for at in sorted(_places(text.lower)):
        # Going on behind the secret keeps the work in proportion to the length of the text.
        if at < done:
            continue
        judged += 1
        rest = _REST.match(text.lower, at)
        done = rest.end() if rest else at
        found = _behind_name(text, at, done) if judged <= MOST else span(text, at, "line")
        if found:
            yield found
            done = found.end


def _places(lower: bytes) -> Iterator[int]:
    for needle in _NEEDLES:
        at = lower.find(needle)
        while at >= 0:
            yield at
            at = lower.find(needle, at + len(needle))


def _behind_name(text: Text, at: int, end: int) -> Span | None:
    """The secret behind the name that has a word such as ``token`` at this place, and ends at that one."""
    sign = _SIGN.match(text.lower, end)
    argument = None if sign else _NEXT_ARGUMENT.match(text.lower, end)
    if not sign and not argument:
        return None
    before = text.lower[max(0, at - _NAME_LENGTH) : at]
    begin = at - (len(before) - len(before.rstrip(_NAME_BYTES)))
    name = text.raw[begin:end]
    if not secret_names.is_secret(name):
        return _bare(text, begin, sign, argument, name) if secret_names.is_bare(name) else None
    if argument:
        if name.startswith(b"-") or _SETENV.search(text.lower, max(0, begin - 40), begin):
            return _value(text, argument.end(), name, "argument")
        if argument[0][:1] in (b'"', b"'"):
            return _in_pair(text, argument.end(), name)
        return _netrc(text, begin, argument.end(), name)
    assert sign
    if sign[1] == b">":
        is_element = text.raw[max(0, begin - 1) : begin] in (b"<", b":")
        return _value(text, sign.end(), name, "element") if is_element else None
    if sign[1] == b":":
        quoted_name = b'"' in sign[0] or b"'" in sign[0]
        return _behind_colon(text, begin, sign.end(), name, quoted_name)
    if secret_names.is_variable(name):
        first, exported = _in_line(text, begin)
        return _value(text, sign.end(), name, "line" if first and not exported else "word")
    return _value(text, sign.end(), name, "argument" if name.startswith(b"-") else "word")


def _in_pair(text: Text, start: int, name: bytes) -> Span | None:
    """``("X-Auth-Token", "x")`` of a header, ``"name": "token", "value": "x"`` of anything."""
    if named := _VALUE_OF_PAIR.match(text.lower, start):
        return _value(text, named.end(), name, "word")
    if not secret_names.is_header(name) and b"-" not in name:
        return None
    quote = _QUOTE.match(text.raw, start)
    head = text.raw[quote.end() : quote.end() + values.SEEN] if quote else b""
    telling = quote and (
        _SCHEME.match(text.lower, quote.end()) or values.is_telling(head, text.is_open(quote.end() + len(head)))
    )
    return _value(text, start, name, "word") if telling else None


def _bare(
    text: Text, begin: int, sign: re.Match[bytes] | None, argument: re.Match[bytes] | None, name: bytes
) -> Span | None:
    """``"pass": "x"``, ``?pass=x``, ``--pass x``, ``PASS=x``; ``3 tests pass``, ``pass=12``, ``PWD=x`` are none.

    Behind the option ``--pwd`` containers have a directory, so there the value must look like more than a word.
    """
    if name.startswith(b"-") and name.lower().endswith(b"pwd"):
        found = sign or argument
        assert found
        value = text.raw[found.end() : found.end() + values.SEEN].partition(b"\n")[0]
        if not values.is_telling(value, text.is_open(found.end() + len(value))):
            return None
    if argument:
        is_option = len(name.lstrip(b"-")) < len(name)
        return _value(text, argument.end(), name, "argument") if is_option else None
    assert sign
    start = sign.end()
    if sign[1] == b">" or name == b"PWD":
        return None
    if (sign[1] == b":" and b'"' not in sign[0] and b"'" not in sign[0]) and not name.startswith(b"-"):
        return None
    if sign[1] == b":" or name.startswith(b"-") or text.raw[max(0, begin - 1) : begin] in (b"?", b"&"):
        return _value(text, start, name, "argument" if name.startswith(b"-") else "word")
    head = text.raw[start : start + values.SEEN].partition(b"\n")[0]
    if name in (b"PASS", b"PW") or _QUOTE.match(head) or values.is_telling(head, text.is_open(start + len(head))):
        return _value(text, start, name, "word")
    return None


def _in_line(text: Text, begin: int) -> tuple[bool, bool]:
    """Whether a name is the first of its line, and whether ``export`` or the like stands in front of it."""
    earliest = max(0, begin - _BEFORE)
    raw = text.raw
    line = (
        max(raw.rfind(b"\n", earliest, begin), raw.rfind(b"\r", earliest, begin), raw.rfind(b"\0", earliest, begin)) + 1
    )
    if not line and earliest:
        return False, False
    matched = _LINE_BEGIN.fullmatch(text.lower, line, begin)
    return matched is not None, matched is not None and matched[1] is not None


def _behind_colon(text: Text, begin: int, start: int, name: bytes, quoted_name: bool) -> Span | None:
    """``"name": "value"`` of JSON and Python, ``Name: value`` of YAML and HTTP; in a sentence, words are no secrets."""
    if quoted_name:
        next_line = _NEXT_LINE.match(text.raw, start)
        start = next_line.end() if next_line else start
        return _value(text, start, name, "header" if secret_names.is_header(name) else "word")
    head = text.raw[start : start + values.SEEN]
    if head.startswith(b"[") and _IN_BRACKET.match(head) and (secret_names.is_header(name) or b"-" in name):
        return _value(text, start + 1, name, "list")
    has_scheme = _SCHEME.match(text.lower, start) is not None
    if secret_names.is_header(name) and (has_scheme or b"cookie" in name.lower()):
        return _value(text, start, name, "header")
    if has_scheme or _QUOTE.match(head) or _LIST.match(head):
        return _value(text, start, name, "word")
    line = head.partition(b"\n")[0].rstrip()
    alone = b" " not in line and _in_line(text, begin)[0]
    if alone or values.is_telling(line, text.is_open(start + len(line))):
        return _value(text, start, name, "word")
    return None


def _netrc(text: Text, begin: int, start: int, name: bytes) -> Span | None:
    """``machine m login l password p``, on one line or on three."""
    if name.lower() != b"password":
        return None
    first, _ = _in_line(text, begin)
    head = text.raw[start : start + values.SEEN].partition(b"\n")[0]
    in_entry = _LOGIN.search(text.lower, max(0, begin - _BEFORE), begin)
    if in_entry or (first and values.is_telling(head, text.is_open(start + len(head)))):
        return _value(text, start, name, "word")
    return None


def _value(text: Text, start: int, name: bytes, ending: str) -> Span | None:
    """The value that begins here, if it is a secret; without its quotes and what stands behind it."""
    raw = text.raw
    if raw.startswith(b"[" + MARK + b"]", start):
        return None  # a list that the worker node redacted
    quote = _QUOTE.match(raw, start)
    if quote:
        start = quote.end()
        ending = ("inner " if quote[1] else "") + ("double" if quote[2] == b'"' else "single")
    elif (several := _LIST.match(raw, start)) and ending != "line":
        start, ending = several.end(), "list"
    elif text.unfinished and _MAYBE_QUOTE.match(raw, start):
        return None  # a quote may follow, so the next message decides
    if scheme := _SCHEME.match(text.lower, start):
        start = scheme.end()
    if ending == "list" and raw.startswith(MARK, start):
        return None
    # What decides is the beginning, so that a long harmless value is not read to its end again and again.
    beginning = ENDINGS[ending].match(raw, start, start + values.SEEN)
    assert beginning
    is_open = text.is_open(beginning.end())
    head = beginning[0] if quote else raw[start : start + values.SEEN]
    harmless = values.is_harmless(
        head.partition(b"\n")[0].partition(b"\r")[0],
        open_=is_open,
        # Of a test report are numbers behind the bare word.
        password=secret_names.is_password(name) and (quote is not None or not secret_names.is_bare(name)),
        quoted=quote is not None,
        variable=secret_names.is_variable(name),
    )
    if harmless or beginning.end() == start:
        return None
    found = span(text, start, ending)
    if quote and not quote[1] and raw[found.end + 1 : found.end + 3] in (b"\\'", b'\\"'):
        return span(text, start, "line")  # the shell's 'it'\''s'
    if ending == "word" and not found.ending:
        least = len(MARK) if raw.startswith(MARK, start) else 1  # a pilot may have redacted it already
        return Span(start, start + max(least, len(raw[start : found.end].rstrip(_TRAILING))))
    return found
