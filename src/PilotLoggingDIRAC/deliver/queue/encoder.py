# SPDX-License-Identifier: GPL-3.0-only
"""What stands in the queue: one JSON document for each chunk of a log, see ``message.schema.json``.

A reader gets every byte back, see ``examples/queue/rebuild_logs.py``: the bytes of an entry are its ``raw`` where it
has one, else its ``header`` and its ``text``.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ...lines.header import HEADER, Header, Level, header_in, time_of
from ...text import cut_at_character
from ..contract import Chunk, Erased

VERSION = 1
SMALLEST_BODY = 20_000
"""Bytes; a smaller limit would leave no room beside what is said of the pilot."""

_HEADER = re.compile(rb"^" + HEADER, re.MULTILINE)
_TO_THE_SECOND = len("2026-06-10T11:02:02")
_ROOM_FOR_NUMBERS = 120
"""Bytes that ``part``, ``parts``, ``firstLine`` and ``lastLine`` take at most, with their names."""

_ROOM_FOR_PLACES = 10_000
"""Bytes that the places of an erasure take at most."""


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
    """Some of the text of a chunk.

    Attributes:
        entries: As JSON.
        level: The highest.
        ended: How many lines end in it.
        open_end: Whether its last line does not.
    """

    entries: bytes
    level: str
    ended: int
    open_end: bool


_NOTHING = _Part(b"[]", "", 0, False)


def encode(chunk: Chunk, largest_body: int) -> list[Message]:
    """The messages of a chunk; several where one body would be too large. For the same chunk always the same.

    Args:
        chunk: The chunk.
        largest_body: Bytes, at least :data:`SMALLEST_BODY`.
    """
    about = _describe(chunk)
    if chunk.end:
        # Part 0, so that chunk and part are a name of their own.
        return [_message(chunk, about, 0, 0, chunk.first_line, _NOTHING)]
    room = largest_body - len(orjson.dumps(about)) - _ROOM_FOR_NUMBERS
    parts = list(_cut(chunk.text, room)) or [_NOTHING]
    line, messages = chunk.first_line, []
    for number, part in enumerate(parts, 1):
        messages.append(_message(chunk, about, number, len(parts), line, part))
        line += part.ended
    return messages


def _message(chunk: Chunk, about: dict[str, Any], number: int, of: int, line: int, part: _Part) -> Message:
    document = about | {
        "part": number,
        "parts": of,
        "firstLine": line,
        "lastLine": line + part.ended - (not part.open_end),
        "entries": orjson.Fragment(part.entries),
    }
    return Message(_headers(chunk, number, part.level), orjson.dumps(document))


def _headers(chunk: Chunk, part: int, level: str) -> dict[str, str]:
    """Names without hyphens, so that ActiveMQ's selectors can have them."""
    vo, stamp = chunk.key
    return {
        "persistent": "true",
        "content-type": "application/json",
        "amq-msg-type": "text",
        "key": f"{vo}/{stamp}/{chunk.chunk_id}/{part}",
        "vo": vo,
        "stamp": stamp,
        "site": chunk.context.get("site", ""),
        "ce": chunk.context.get("ce", ""),
        "level": level,
        "final": "true" if chunk.end else "false",
    }


def _describe(chunk: Chunk) -> dict[str, Any]:
    arrival = chunk.arrival.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    document: dict[str, Any] = {
        "version": VERSION,
        "vo": chunk.key.vo,
        "stamp": chunk.key.stamp,
        "chunk": chunk.chunk_id,
        "arrival": f"{arrival}Z",
        "session": chunk.session,
        "seq": chunk.seq,
        "context": dict(chunk.context),
    }
    if chunk.left_out:
        document["leftOut"] = chunk.left_out
    if chunk.erased:
        document["erased"] = _describe_erased(chunk.erased)
    if chunk.end:
        document["end"] = {"finalised": chunk.end.finalised, "exitCode": chunk.end.exit_code}
    return document


def _describe_erased(erased: Erased) -> dict[str, Any]:
    """With the bytes, unless these would not fit into a message: then it is the chunks, of which all is to go."""
    document = {"by": erased.by, "time": erased.time.astimezone(UTC).isoformat(), "lines": erased.lines}
    places = [{"chunk": chunk, "bytes": ranges} for chunk, ranges in erased.bytes.items()]
    if len(orjson.dumps(places)) > _ROOM_FOR_PLACES:
        places = [{"chunk": chunk, "bytes": []} for chunk in erased.bytes]
    return document | {"places": places if len(orjson.dumps(places)) <= _ROOM_FOR_PLACES else []}


def _cut(text: bytes, room: int) -> Iterator[_Part]:
    """Text in parts whose entries fit into ``room`` bytes, cut at lines' ends where there are any."""
    size, place = room, 0
    while place < len(text):
        part = _beginning(text[place : place + size + 1], size)
        entries, level = _split(part)
        dumped = orjson.dumps(entries)
        if len(dumped) > room and len(part) > 1:
            # Escapes and headers take more room than the text: by how much, this part tells.
            size = max(1, min(len(part) - 1, len(part) * room * 9 // (len(dumped) * 10)))
            continue
        place += len(part)
        yield _Part(dumped, level, part.count(b"\n"), not part.endswith(b"\n"))


def _beginning(text: bytes, size: int) -> bytes:
    if len(text) <= size:
        return text
    end = text.rfind(b"\n", 0, size) + 1
    return text[:end] if end > size // 2 else cut_at_character(text, size) or text[:size]


def _split(text: bytes) -> tuple[list[dict[str, str]], str]:
    """The messages in a text, each with the raw output behind it, and the highest of their levels."""
    entries: list[dict[str, str]] = []
    highest: Level | None = None
    begin = 0
    header: Header | None = None
    for found in _HEADER.finditer(text):
        if found.start() > begin:
            entries.append(_entry(text[begin : found.start()], header))
        begin, header = found.start(), header_in(found)
        if header and (highest is None or header.level > highest):
            highest = header.level
    if len(text) > begin:
        entries.append(_entry(text[begin:], header))
    return entries, "" if highest is None else highest.name


def _entry(text: bytes, header: Header | None) -> dict[str, str]:
    entry: dict[str, str] = {}
    begin = header.size if header else 0
    try:
        front, said, raw = text[:begin].decode(), text[begin:].decode(), ""
    except UnicodeDecodeError:
        front, said = text[:begin].decode("utf-8", "replace"), text[begin:].decode("utf-8", "replace")
        raw = base64.b64encode(text).decode()
    if header:
        if _is_time(header.stamp[:_TO_THE_SECOND]):
            entry["time"] = f"{header.stamp.decode().replace(',', '.')}Z"
        entry["level"] = header.level.name
        if header.command:
            entry["command"] = header.command
        entry["header"] = front
    entry["text"] = said
    if raw:
        entry["raw"] = raw
    return entry


@lru_cache(maxsize=256)
def _is_time(stamp: bytes) -> bool:
    return time_of(stamp) is not None
