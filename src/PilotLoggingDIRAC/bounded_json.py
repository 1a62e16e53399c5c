# SPDX-License-Identifier: GPL-3.0-only
"""JSON from outside, read only after its structure has been counted: ten million empty lists take few bytes, some
seconds, and a gigabyte."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

MOST_PARTS = 100_000
"""Strings, brackets and commas of a document: room for a list of 50,000 names."""
_DEEPEST = 32
_HARMLESS = 2**17
"""Characters in which no structure is too large: it takes some MB."""
_PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
"""A string without its end goes to the end of the document: so each character is looked at once."""


def loads(text: str, most_parts: int = MOST_PARTS) -> Any:
    """As :func:`json.loads`, and quicker where the text is strictly JSON. Its time and memory are those of the text,
    and of ``most_parts``. A whole number of more than 64 bits may come as a float.

    Raises:
        ValueError: It is no JSON, or has more parts, or is nested deeper than 32.
    """
    if len(text) > _HARMLESS:
        _check_structure(text, most_parts)
        return json.loads(text)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = _loads_python(text)
    _check_depth(document)
    return document


def _loads_python(text: str) -> Any:
    """Of halves of characters, and NaN, which Python's own module writes and reads."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
        if not level:
            return
    raise ValueError("it is nested too deep")


def _check_structure(text: str, most_parts: int) -> None:
    depth = 0
    for number, part in enumerate(_PART.finditer(text)):
        if number >= most_parts:
            raise ValueError(f"it has more than {most_parts} strings, brackets and commas")
        match text[part.start()]:
            case "[" | "{":
                depth += 1
                if depth > _DEEPEST:
                    raise ValueError("it is nested too deep")
            case "]" | "}":
                depth -= 1
