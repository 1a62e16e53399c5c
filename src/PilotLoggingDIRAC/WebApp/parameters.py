# SPDX-License-Identifier: GPL-3.0-only
"""The parameters of a request, as a browser or a stranger sends them: each is read with its type, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import Rejected
from ..lines.pattern import pattern_of
from ..model import FACTS
from ..read.limits import MOST_LINES

_LONGEST = 1024
_MOST_VALUES = 200
_LARGEST = 2**53
"""Beyond it JavaScript cannot count."""


class Parameters:
    """What stands behind the ``?`` of an address.

    Args:
        given: Names to the values that were sent, as bytes, in order.
    """

    def __init__(self, given: Mapping[str, Sequence[bytes]]) -> None:
        self._given = given

    def texts(self, name: str, longest: int = _LONGEST) -> list[str]:
        """All values of a parameter that are not empty.

        Args:
            longest: In bytes.

        Raises:
            Rejected: There are too many, or one is too long or no text.
        """
        values = [value for value in self._given.get(name, ()) if value]
        if len(values) > _MOST_VALUES:
            raise Rejected(f"There are {len(values)} values of {name}; the most is {_MOST_VALUES}.")
        return [_decoded(name, value, longest) for value in values]

    def text(self, name: str, longest: int = _LONGEST) -> str:
        """The value of a parameter; empty if it was not sent.

        Raises:
            Rejected: It was sent twice, or is too long or no text.
        """
        values = self.texts(name, longest)
        if len(values) > 1:
            raise Rejected(f"{name} was given twice.")
        return values[0] if values else ""

    def number(self, name: str, otherwise: int, least: int = 0, most: int = _LARGEST) -> int:
        """A whole number.

        Raises:
            Rejected: It is none, or not within its bounds.
        """
        return _number(name, self.text(name), least, most) if self.text(name) else otherwise

    def numbers(self, name: str) -> list[int]:
        """Whole numbers, separated by commas.

        Raises:
            Rejected: One is none, or there are too many.
        """
        raw = [value for value in self._given.get(name, ()) if value]
        if len(raw) > 1:
            raise Rejected(f"{name} was given twice.")
        words = raw[0].split(b",") if raw else []
        if len(words) > MOST_LINES:
            raise Rejected(f"There are {len(words)} numbers in {name}; the most is {MOST_LINES}.")
        return [_number(name, _decoded(name, word), 0, _LARGEST) for word in words]

    def flag(self, name: str) -> bool | None:
        """``1`` or ``0``; None if it was not sent.

        Raises:
            Rejected: It is something else.
        """
        value = self.text(name)
        if value not in ("", "0", "1"):
            raise Rejected(f"{name} is neither 0 nor 1.")
        return value == "1" if value else None


def _decoded(name: str, value: bytes, longest: int = _LONGEST) -> str:
    if len(value) > longest:
        raise Rejected(f"{name} has {len(value)} bytes; the most is {longest}.")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Rejected(f"{name} is not UTF-8.") from None


def _number(name: str, text: str, least: int, most: int) -> int:
    # isdecimal() alone would take digits of every script, and int() takes blanks and underscores.
    if not (text.isascii() and text.removeprefix("-").isdecimal()) or not least <= int(text[:20]) <= most:
        raise Rejected(f"{name} is not a whole number from {least} to {most}.")
    return int(text)


_SEARCHED = {fact.word: fact.column for fact in FACTS if fact.searched}
_TEXTS = {"vo": "VO", "stamp": "Stamp", "state": "State", **_SEARCHED}
_PARTS = {f"{word}Part": name for word, name in {"vo": "VO", "pilot": "Pilot", "stamp": "Stamp", **_SEARCHED}.items()}
"""What stands somewhere in a name, in any case; of several values one does."""
_FLAGS = {"errors": "HasErrors", "silent": "Silent", "failed": "Failed", "quiet": "Quiet"}
_TIMES = {"since": "Since", "until": "Until"}


def selection(parameters: Parameters) -> dict[str, Any]:
    """The conditions of a list of logs, as ``listLogs`` takes them.

    Raises:
        Rejected: One has a wrong form; whether its value makes sense is the collector's to say.
    """
    conditions = (
        _sent(_TEXTS, lambda name: _one_or_more(parameters.texts(name)))
        | _sent(_FLAGS, parameters.flag)
        | _sent(_TIMES, parameters.text)
    )
    parts = _sent(_PARTS, lambda name: _one_or_more(parameters.texts(name)))
    codes = [_number("exit", text, -(2**31), 2**31 - 1) for text in parameters.texts("exit")]
    return conditions | ({"Contains": parts} if parts else {}) | ({"ExitCode": codes} if codes else {})


def _one_or_more(values: list[str]) -> Any:
    """Who may read one VO only names no list of them; and collectors before 0.2 know no list of parts."""
    return values[0] if len(values) == 1 else values


def search_query(parameters: Parameters) -> tuple[dict[str, Any], str]:
    """The conditions for lines of many logs, as ``searchLogs`` takes them: ``text``, in any case, or ``like``, a line
    whose message is wanted without what varies in it.

    Returns:
        The conditions, and for a person what is looked for in place of ``like``.

    Raises:
        Rejected: One has a wrong form.
    """
    text, like = parameters.text("text"), parameters.text("like")
    if not like:
        return {"text": text, "ignoreCase": True}, ""
    pattern = pattern_of(like)
    return {"regex": pattern.regex} | ({"text": text} if text else {}), pattern.text


def line_conditions(parameters: Parameters) -> dict[str, Any]:
    """The conditions for lines of one log, as ``findLines`` takes them.

    Raises:
        Rejected: One has a wrong form.
    """
    texts = _sent({name: name for name in ("text", "regex", "since", "until")}, parameters.text)
    lists = _sent({"level": "levels", "command": "commands"}, parameters.texts)
    return texts | lists | _sent({"ignoreCase": "ignoreCase", "own": "own"}, parameters.flag)


def _sent(names: Mapping[str, str], read: Callable[[str], Any]) -> dict[str, Any]:
    """The parameters that were sent, under the collector's names."""
    values = {column: read(name) for name, column in names.items()}
    return {column: value for column, value in values.items() if value not in ("", [], None)}
