# SPDX-License-Identifier: GPL-3.0-only
"""What a message says without what varies: by it the same message of other pilots is found.

Numbers, times, identifiers, addresses, host names and paths differ from pilot to pilot. What is left between them is
the message's own text. A pattern is that text, readable, with a regular expression (RE2's) that fits every such line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 250
"""Characters of a message that are looked at: what tells messages apart stands in their beginning."""
_LONGEST_REGEX = 480
_FEWEST_LETTERS = 3
"""A text with fewer says nothing of its own."""

_END = r"[^\s'\"<>()\[\]{},;]"
_WORD = r"(?![A-Za-z0-9])"
_NUMBER = r"[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|CES?T|[-+][0-9]{2}:?[0-9]{2})(?![A-Za-z0-9]))?"
_YEAR = r"(?:19|20)[0-9]{2}"

_KINDS: tuple[tuple[str, str, str], ...] = (
    # The name, what is taken for it in a message, what may stand there in another one.
    ("URL", rf"\b[A-Za-z][A-Za-z0-9+.-]{{1,15}}://{_END}+", r"\S+"),
    ("UUID", rf"(?<![0-9A-Za-z])[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}{_WORD}", r"\S+"),
    (
        "time",
        rf"{_YEAR}[-/][0-9]{{2}}[-/][0-9]{{2}}(?:[T ]{_CLOCK}{_ZONE})?{_WORD}"
        rf"|(?:{_DAY},? )?(?:{_MONTH} +[0-9]{{1,2}}|[0-9]{{1,2}}[ -]{_MONTH}),?"
        rf"(?:[ -]{_YEAR}(?![0-9:]))?(?: {_CLOCK}{_ZONE}(?: {_YEAR})?)?{_WORD}"
        rf"|(?<![0-9A-Za-z:]){_CLOCK}{_ZONE}(?![0-9A-Za-z:])",
        r"[0-9A-Za-z][0-9A-Za-z:.,/+ -]*",
    ),
    ("address", rf"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+{_WORD}", r"\S+"),
    (
        "address",
        rf"(?<![0-9A-Za-z.])[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}(?::[0-9]{{1,5}})?(?![0-9A-Za-z])"
        rf"|\[?(?<![0-9A-Za-z:])(?:[0-9a-fA-F]{{1,4}}:){{2,7}}(?::|[0-9a-fA-F]{{1,4}})[0-9a-fA-F:]*{_WORD}\]?(?::[0-9]{{1,5}})?",
        r"\S+",
    ),
    # A certificate's subject; names of people have blanks.
    (
        "DN",
        r"(?<![\w/])(?:/[A-Za-z]{1,12}=[^/'\"]{1,80})+?/[A-Za-z]{1,12}=[^\s,;'\")\]]+(?: [A-Z0-9][\w.-]*)*"
        r"(?:/[A-Za-z]{1,12}=[^\s,;'\")\]]+(?: [A-Z0-9][\w.-]*)*)*",
        r"/.*",
    ),
    # At least three labels, the last in small letters: "DIRAC.Core.Base" is none.
    (
        "host",
        rf"(?<![\w.@/-])(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\.){{2,}}[a-z]{{2,12}}(?![\w.-]*\()(?![A-Z])(?::[0-9]{{1,5}})?"
        rf"(?:/{_END}*)?"
        rf"|(?<![\w.@/-])[A-Za-z0-9][A-Za-z0-9-]*\.(?:org|com|net|edu|gov|local){_WORD}(?::[0-9]{{1,5}})?(?:/{_END}*)?",
        r"\S+",
    ),
    (
        "path",
        rf"(?<![\w.~/<])(?:~[\w-]*|\.{{1,2}}|[A-Za-z0-9_.-]+(?=/{_END}*/)|\$\{{?\w+\}}?)?/(?:{_END}*[\w/~-])?",
        r"\S+",
    ),
    ("hex", rf"(?<![0-9A-Za-z_])0[xX][0-9a-fA-F]+{_WORD}", r"\S+"),
    ("hex", r"(?<![0-9A-Za-z_])(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{7,}(?!\w)", r"[0-9A-Za-z-]+"),
    # It may be hexadecimal in another line.
    ("number", r"(?<![\w.+-])[0-9]{8,}(?![\w.])", r"[0-9A-Za-z-]+"),
    # An identifier of no kind that we know: long, of letters and digits.
    ("id", r"(?<![\w-])(?=[A-Za-z_-]*[0-9][A-Za-z_-]*[0-9])(?=[0-9_-]*[A-Za-z])[\w-]{16,}(?![\w-])", r"\S+"),
    ("size", rf"(?<![\w.]){_NUMBER} ?(?:[kKMGTP]i?)?(?:B|[Bb]ytes?){_WORD}", r"[0-9][0-9.,]* ?[A-Za-z]+"),
    ("numbers", rf"(?<![\w.])[-+]?{_NUMBER}(?:[,;]? ?[-+]?{_NUMBER}(?![0-9A-Za-z])){{2,}}", r"[-+0-9][-+0-9.,;eE ]*"),
    ("number", rf"(?:(?<![\w.])[-+])?{_NUMBER}%?", r"[-+0-9][-+0-9.,eE%]*"),
)
_VARIES = re.compile("|".join(f"(?P<k{place}>{taken})" for place, (_, taken, _) in enumerate(_KINDS)))
_BEGIN = r"(^|[\]:]|Z [A-Z]+)\s*"
"""A message begins its line, or follows a header."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A message without what varies.

    Attributes:
        text: For a person: ``Cannot reach <host> after <number> s``.
        regex: It fits all lines that say so; at most 500 characters.
    """

    text: str
    regex: str


def pattern_of(message: str) -> Pattern:
    """The pattern of a message: a line without its header, or its first :data:`LONGEST` characters.

    A message that has next to no text of its own stays as it is.
    """
    text = message.strip(" \t\r")
    is_whole = len(message) < LONGEST
    parts = _parts(text[:LONGEST])
    if not is_whole and len(parts) > 1:
        del parts[-1]  # it was cut, and may be of another kind than it seems
    if sum(map(str.isalpha, "".join(text for kind, text in parts if kind is None))) < _FEWEST_LETTERS:
        parts = [(None, text[:LONGEST])]
    regex = _BEGIN
    for kind, literal in parts:
        more = _literally(literal) if kind is None else _KINDS[kind][2]
        if len(regex) + len(more) > _LONGEST_REGEX:
            is_whole = False
            break
        regex += more
    shown = "".join(" ".join(literal.split(" ")) if kind is None else f"<{_KINDS[kind][0]}>" for kind, literal in parts)
    return Pattern(shown if is_whole else f"{shown} …", regex + (r"\s*$" if is_whole else ""))


def _parts(text: str) -> list[tuple[int | None, str]]:
    """Literal text (None) and what varies (its place among the kinds), in turn."""
    parts: list[tuple[int | None, str]] = []
    end = 0
    for found in _VARIES.finditer(text):
        if found.start() > end:
            parts.append((None, text[end : found.start()]))
        assert found.lastgroup is not None
        parts.append((int(found.lastgroup[1:]), found[0]))
        end = found.end()
    if end < len(text):
        parts.append((None, text[end:]))
    return parts


def _literally(text: str) -> str:
    pieces = []
    for piece in re.findall(r"[ \t]+|[^ \t]", text):
        if piece[0] in " \t":
            pieces.append(r"\s+")
        elif piece == "\ufffd" or "\ud800" <= piece <= "\udfff":
            pieces.append(r"\C+")  # bytes that are no character
        elif piece.isascii() and not piece.isalnum() and piece != "_":
            pieces.append(f"\\{piece}" if piece.isprintable() else f"\\x{ord(piece):02x}")
        else:
            pieces.append(piece)
    return "".join(pieces)
