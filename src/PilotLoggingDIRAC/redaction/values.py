# SPDX-License-Identifier: GPL-3.0-only
"""Which values behind a secret's name are none: paths, URLs, flags, numbers, placeholders, program text."""

from __future__ import annotations

import re

# Words that say something of a secret, and are none. At the end of an unfinished text the beginning of one counts too,
# so a secret can lose no more than such a beginning.
_WORDS = frozenset(
    b"absent auth authentication authorization basic bearer denied disabled empty enabled error expired failed failure "
    b"false found fresh granted header hosts invalid is key length lookup macaroon missing negotiate nil no "
    b"none not null obtained off ok on optional "
    b"password passwd proxy refused rejected renewed required secret self.password self.token server set success token "
    b"tokens true undefined unknown unset used valid was with wrong yes".split()
)
_BEGINNINGS = (
    b"-----begin ", b"./", b"../", b"~/", b"${", b"$(", b"file:", b"http://", b"https://", b"root://", b"roots://",
    b"dav://", b"davs://", b"srm://", b"gsiftp://", b"s3://", b"unix:",
)  # fmt: skip
_PROGRAM_BEGINNINGS = (*_BEGINNINGS, b"self.", b"os.", b"none,", b"none)", b"null,", b"true,", b"false,")
_PLACEHOLDER = re.compile(
    rb"(?:\{(?:[\"'}\s\\]|\w{1,40}\})|%\(\w{1,40}\)s|<[A-Za-z][\w \-.]{0,60}(?:>|\sat\s))(?!\w)"
    rb"|(?:[{<%]|%\(\w{0,40}\)?)\Z"
)
_VARIABLE = re.compile(rb"\$[A-Z_][A-Z0-9_]*+(?![A-Za-z0-9])")
_NUMBER = re.compile(rb"[+-]?[0-9]{1,6}+(?:\.[0-9]{1,6}+)?(?:ms|s|m|h|d|B|kB|MB|%)?(?![^\s\"',;:)}\]&])")
_PROGRAM = re.compile(rb"[A-Za-z_]\w*+(?:\.\w++){0,64}[(\[]")
_DIRECTORIES = (
    b"afs", b"builddir", b"cephfs", b"cvmfs", b"data", b"dev", b"eos", b"etc", b"gpfs", b"grid", b"home", b"lustre",
    b"mnt", b"opt", b"pool", b"proc", b"root", b"run", b"scratch", b"shared", b"srv", b"storage", b"sys", b"tmp",
    b"user", b"users", b"usr", b"var", b"work",
)  # fmt: skip
_PATH = re.compile(rb"/(?:[a-z][a-z0-9_\-]{1,15}+(?:/|(?![A-Za-z0-9+=]))|(?:DC|C|O|OU|CN)=)")
_WORD = re.compile(rb"[^\s\"'`,;:)}\]&<>]*+")
_DIGIT = re.compile(rb"[0-9]")
_DATE = re.compile(rb"[0-9]{4}-[0-9]{2}|[0-9.]++\Z")
SEEN = 80
"""Bytes of a value that decide."""


def is_path(head: bytes, open_: bool) -> bool:
    """Whether a value that begins with ``/`` is a path. One secret of 64 in base64 begins so too."""
    first, slash, _ = head[1:].partition(b"/")
    if slash or not open_:
        return first in _DIRECTORIES or _PATH.match(head) is not None or head.rstrip() == b"/"
    return any(directory.startswith(first) for directory in _DIRECTORIES)


def is_harmless(head: bytes, open_: bool, password: bool, quoted: bool, variable: bool) -> bool:
    """Whether this is no secret although its name says so.

    Args:
        head: The beginning of the value, :data:`SEEN` bytes of its line or the rest of it.
        open_: More of the value may come in the next message.
        password: People choose it: digits and bare words are a secret too.
        quoted: It stands in quotes, so it is no program text.
        variable: Its name is one of the environment, so it is no program text.
    """
    if head.startswith(b"/"):
        return is_path(head, open_)
    lower = head.lower()
    program = not quoted and not variable
    beginnings = _PROGRAM_BEGINNINGS if program else _BEGINNINGS
    if lower.startswith(beginnings) or _VARIABLE.match(head) or _PLACEHOLDER.match(head):
        return True
    if open_ and any(beginning.startswith(lower) for beginning in beginnings):
        return True
    matched = _WORD.match(lower)
    word = matched[0] if matched else b""
    whole = word == lower.rstrip()
    if word in _WORDS and (whole or program):
        return True
    if not head.strip(b"\"'`,;)}]> \t"):
        return True  # nothing but the end of a quotation or a bracket
    if open_ and whole and any(known.startswith(word) for known in _WORDS):
        return True
    if not password and _NUMBER.match(head) and not (open_ and len(head) > 6):
        return True
    return program and _PROGRAM.match(head) is not None


def is_telling(head: bytes, open_: bool) -> bool:
    """Whether a bare word is more than a word of a sentence: it has a digit, or its end has not come yet."""
    matched = _WORD.match(head)
    word = matched[0] if matched else b""
    if len(word) < 6:
        return False
    if _DIGIT.search(word):
        return not _DATE.match(word)
    return open_ and word == head and not any(known.startswith(word.lower()) for known in _WORDS)
