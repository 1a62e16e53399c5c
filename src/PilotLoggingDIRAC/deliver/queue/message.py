"""What stands in the queue: one JSON document for each piece of a log, see ``message.schema.json``.

A reader gets every byte back, see ``examples/queue/rebuild_logs.py``: the bytes of an entry are its ``raw`` where it
has one, else its ``header`` and its ``text``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any, NamedTuple

from ...ingest.text import cut_at_character
from ...lines.header import HEADER, Level, header_in, level_of
from ..contract import Piece

VERSION = 1
SMALLEST_BODY = 20_000
"""Bytes; a smaller limit would leave no room beside what is said of the pilot."""

_HEADER = re.compile(rb"^" + HEADER, re.MULTILINE)
_NUMBERS_OF_PARTS = 40


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent.

    Attributes:
        headers: For readers to select by, and the name by which they drop repeats: ``key``.
        body: UTF-8.
    """

    headers: dict[str, str]
    body: bytes


class _Part(NamedTuple):
    text: bytes
    entries: str
    level: str


def messages_of(piece: Piece, largest_body: int) -> list[Message]:
    """The messages of a piece; several where one body would be too large. For the same piece always the same.

    Args:
        piece: The piece.
        largest_body: Bytes, at least :data:`SMALLEST_BODY`.
    """
    about = _about(piece)
    if piece.end:
        # Part 0, so that chunk and part are a name of their own.
        return [_message(piece, about, 0, 0, piece.first_line, _Part(b"", "[]", ""))]
    # Numbers are not known yet; nothing else is added.
    room = largest_body - len(_dumped(about).encode()) - _NUMBERS_OF_PARTS - 3 * len(str(piece.first_line)) - 40
    parts = list(_parts(piece.text, room)) or [_Part(b"", "[]", "")]
    line, messages = piece.first_line, []
    for number, part in enumerate(parts, 1):
        messages.append(_message(piece, about, number, len(parts), line, part))
        line += part.text.count(b"\n")
    return messages


def _message(piece: Piece, about: dict[str, Any], number: int, of: int, line: int, part: _Part) -> Message:
    last = line + part.text.count(b"\n") - (part.text.endswith(b"\n") or not part.text)
    document = about | {"part": number, "parts": of, "firstLine": line, "lastLine": last}
    body = f'{_dumped(document)[:-1]},"entries":{part.entries}}}'
    return Message(_headers(piece, number, part.level), body.encode())


def _headers(piece: Piece, part: int, level: str) -> dict[str, str]:
    """Names without hyphens, so that ActiveMQ's selectors can have them."""
    vo, stamp = piece.key
    return {
        "persistent": "true",
        "content-type": "application/json",
        "amq-msg-type": "text",
        "key": f"{vo}/{stamp}/{piece.chunk}/{part}",
        "vo": vo,
        "stamp": stamp,
        "site": piece.context.get("site", ""),
        "ce": piece.context.get("ce", ""),
        "level": level,
        "final": "true" if piece.end else "false",
    }


def _about(piece: Piece) -> dict[str, Any]:
    arrival = piece.arrival.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    document: dict[str, Any] = {
        "version": VERSION,
        "vo": piece.key.vo,
        "stamp": piece.key.stamp,
        "chunk": piece.chunk,
        "arrival": f"{arrival}Z",
        "session": piece.session,
        "seq": piece.seq,
        "context": dict(piece.context),
    }
    if piece.left_out:
        document["leftOut"] = piece.left_out
    if piece.end:
        document["end"] = {"finalised": piece.end.finalised, "exitCode": piece.end.exit_code}
    return document


def _parts(text: bytes, room: int) -> Iterator[_Part]:
    """Text in parts whose entries fit into ``room`` bytes, cut at lines' ends where there are any."""
    size, place = room, 0
    while place < len(text):
        part = _beginning(text[place : place + size + 1], size)
        entries, level = _entries(part)
        dumped = _dumped(entries)
        needed = len(dumped.encode())
        if needed > room and len(part) > 1:
            # Escapes and headers take more room than the text: by how much, this part tells.
            size = max(1, min(len(part) - 1, len(part) * room * 9 // (needed * 10)))
            continue
        place += len(part)
        yield _Part(part, dumped, level)


def _beginning(text: bytes, size: int) -> bytes:
    if len(text) <= size:
        return text
    end = text.rfind(b"\n", 0, size) + 1
    return text[:end] if end > size // 2 else cut_at_character(text, size) or text[:size]


def _entries(text: bytes) -> tuple[list[dict[str, str]], str]:
    """The messages in a text, raw output with the one before it, and the highest of their levels."""
    entries: list[dict[str, str]] = []
    highest: Level | None = None
    begin: int = 0
    found: re.Match[bytes] | None = None
    for following in _HEADER.finditer(text):
        if following.start() > begin:
            entries.append(_entry(text, begin, following.start(), found))
        begin, found = following.start(), following
        level = level_of(following[2] or following[5])
        highest = level if highest is None else max(highest, level)
    if len(text) > begin:
        entries.append(_entry(text, begin, len(text), found))
    return entries, "" if highest is None else highest.name


def _entry(text: bytes, begin: int, end: int, found: re.Match[bytes] | None) -> dict[str, str]:
    entry = {}
    said = begin
    header = header_in(found) if found else None
    if header is not None:
        said = begin + header.size
        if header.time is not None:
            entry["time"] = f"{header.stamp.decode().replace(',', '.')}Z"
        entry["level"] = header.level.name
        if header.command:
            entry["command"] = header.command
        entry["header"] = text[begin:said].decode("utf-8", "replace")
    try:
        entry["text"] = text[said:end].decode()
        text[begin:said].decode()
    except UnicodeDecodeError:
        entry["text"] = text[said:end].decode("utf-8", "replace")
        entry["raw"] = base64.b64encode(text[begin:end]).decode()
    return entry


def _dumped(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
