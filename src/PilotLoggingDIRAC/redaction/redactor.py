# SPDX-License-Identifier: GPL-3.0-only
"""Takes the secrets out of a log, message by message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from . import assignments, broken_keys, colours, commands, private_keys, services, tokens, wrapped
from .carry import NOTHING, Carry, announces, context_of
from .custom_patterns import OwnPatterns
from .prefilter import QuickLook
from .spans import ENDINGS, MARK, Span, Text


class Redactor:
    """Replaces secrets by ``[redacted]``. Never changes and may be used from several threads."""

    def __init__(self, patterns: Mapping[str, str] | None = None, builtin: bool = True) -> None:
        """Args:
            patterns: A VO's own: name of the option to regular expression (RE2), on top of the built-in ones.
            builtin: Whether the built-in ones count.

        Raises:
            ValueError: A pattern is refused; one plain sentence that names it.
        """
        self._own = OwnPatterns(patterns) if patterns else None
        self._quick_look = QuickLook() if builtin else None

    def redacted(self, data: bytes, carry: Carry = NOTHING) -> tuple[bytes, Carry]:
        """The text to be stored.

        Line ends stay as they are, and their number. Text without secrets stays as it is, byte for byte.

        Args:
            data: The text of one message, in any bytes.
            carry: What the message before it in the same stream left.

        Returns:
            The text without secrets, and what the next message of the stream needs.
        """
        if not data:
            return data, carry
        if carry.inside:
            taken = _end_of_secret(carry.inside, data)
            if taken == len(data):
                return b"", _goes_on(carry, data)
            data = data[taken:]
        raw = carry.context + data
        spans, key_lines = self._found(raw, carry.key_lines)
        stored = _without(raw, len(carry.context), spans)
        if raw.endswith(b"\n"):
            if key_lines:
                return stored, Carry(key_lines=key_lines)
            if raw[-2:-1] in _BEFORE_LINE_END and announces(raw):
                return stored, Carry(context_of(raw))
            return stored, NOTHING
        inside = max((found for found in spans if found.ending), key=_reach, default=None)
        left = Carry(context_of(carry.context + stored), inside.ending if inside else "", key_lines)
        return stored, left or NOTHING

    def _found(self, raw: bytes, key_lines: int) -> tuple[list[Span], int]:
        """The secrets, and how many further lines may belong to a private key."""
        suspect = (
            self._quick_look if self._quick_look and (key_lines or self._quick_look.may_have_secret(raw)) else None
        )
        if not suspect and not self._own:
            return [], key_lines
        if colours.ESCAPE in raw:
            text = colours.Colourless(raw)
            spans, key_lines = self._found_in(text.plain, key_lines, suspect)
            return text.spans(spans), key_lines
        return self._found_in(raw, key_lines, suspect)

    def _found_in(self, raw: bytes, key_lines: int, suspect: QuickLook | None) -> tuple[list[Span], int]:
        text, spans = Text.of(raw), list[Span]()
        if suspect:
            if key_lines or b"-----BEGIN " in raw:
                spans, key_lines = private_keys.find(text, key_lines)
            if b"-----END " in raw:
                spans.extend(broken_keys.find(text))
            spans.extend(assignments.find(text))
            if suspect.may_have_token(raw):
                spans.extend(tokens.find(text))
                spans.extend(wrapped.find(text))
            if suspect.may_have_service(raw):
                spans.extend(services.find(text))
            if suspect.may_have_command(raw):
                spans.extend(commands.find(text))
        if self._own:
            spans.extend(self._own.find(text))
        return spans, key_lines


_BEFORE_LINE_END = b":\r \t"
"""Of a line that may announce a value; to ask for it costs next to nothing."""

_WIDTH = {name: -rank for rank, name in enumerate(ENDINGS)}


def _reach(found: Span) -> tuple[int, int]:
    """Of two secrets that go on behind the text: the one that began first, then the one whose ending takes more."""
    return -found.start, _WIDTH[found.ending]


def _end_of_secret(inside: str, data: bytes) -> int:
    """How much of a message belongs to the secret that the one before ended in."""
    if colours.ESCAPE not in data:
        ended = ENDINGS[inside].match(data)
        return ended.end() if ended else 0
    text = colours.Colourless(data)
    ended = ENDINGS[inside].match(text.plain)
    end = ended.end() if ended else 0
    return len(data) if end == len(text.plain) else text.end(end)


def _goes_on(carry: Carry, data: bytes) -> Carry:
    """The state behind a message that lies in the middle of a secret as a whole."""
    ending, escaped, _ = carry.inside.partition(" escaped")
    if ending not in ("double", "single"):
        return carry
    text = data[1:] if escaped else data
    backslashes = len(text) - len(text.rstrip(b"\\"))
    return replace(carry, inside=f"{ending} escaped" if backslashes % 2 else ending)


def _without(raw: bytes, known: int, spans: Iterable[Span]) -> bytes:
    """``raw[known:]`` with a mark in the place of each secret. What is before ``known`` has been stored already."""
    pieces: list[bytes] = []
    done, marked = known, raw[:known].endswith(MARK)
    for found in sorted(spans, key=lambda found: found.start):
        if found.end <= done:
            continue
        if found.start > done:
            pieces.append(raw[done : found.start])
            marked = False
        # Secrets that touch or overlap are one, also over the border of two messages.
        if not marked:
            pieces.append(MARK)
        done, marked = found.end, True
    return b"".join(pieces) + raw[done:] if pieces or done > known else raw[known:]
