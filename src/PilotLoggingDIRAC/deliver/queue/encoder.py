"""What stands in the queue: one JSON document for each chunk of a log, see ``message.schema.json``.

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
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from ...lines.header import HEADER, Level, header_in, level_of, time_of
from ...text import cut_at_character
from ..contract import Chunk

VERSION = 1
SMALLEST_BODY = 20_000
"""Bytes; a smaller limit would leave no room beside what is said of the pilot."""

_HEADER = re.compile(rb"^" + HEADER, re.MULTILINE)
_MARK = "\x7f"
_MARKED_HEADER = re.compile(
    f"{_MARK}({HEADER.decode()})".replace(r"[^\]\n]", rf"[^\]{_MARK}]").replace(r"[^\s", rf"[^{_MARK}\s"), re.ASCII
)
_GROUPS = 8
_ENTRY_END = '"}'
_TO_THE_SECOND = len("2026-06-10T11:02:02")
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
    """Some of the text of a chunk.

    Attributes:
        entries: As JSON.
        level: The highest.
        ended: How many lines end in it.
        open_end: Whether its last line does not.
    """

    entries: str
    level: str
    ended: int
    open_end: bool


_NOTHING = _Part("[]", "", 0, False)


def encode(chunk: Chunk, largest_body: int) -> list[Message]:
    """The messages of a chunk; several where one body would be too large. For the same chunk always the same.

    Args:
        chunk: The chunk.
        largest_body: Bytes, at least :data:`SMALLEST_BODY`.
    """
    about = _dumped(_about(chunk)).removesuffix("}")
    if chunk.end:
        # Part 0, so that chunk and part are a name of their own.
        return [_message(chunk, about, 0, 0, chunk.first_line, _NOTHING)]
    # Numbers are not known yet; nothing else is added.
    room = largest_body - len(about.encode()) - _NUMBERS_OF_PARTS - 3 * len(str(chunk.first_line)) - 40
    parts = list(_parts(chunk.text, room)) or [_NOTHING]
    line, messages = chunk.first_line, []
    for number, part in enumerate(parts, 1):
        messages.append(_message(chunk, about, number, len(parts), line, part))
        line += part.ended
    return messages


def _message(chunk: Chunk, about: str, number: int, of: int, line: int, part: _Part) -> Message:
    last = line + part.ended - (not part.open_end)
    numbers = f'"part":{number},"parts":{of},"firstLine":{line},"lastLine":{last}'
    body = f'{about},{numbers},"entries":{part.entries}}}'
    return Message(_headers(chunk, number, part.level), body.encode())


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


def _about(chunk: Chunk) -> dict[str, Any]:
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
    if chunk.end:
        document["end"] = {"finalised": chunk.end.finalised, "exitCode": chunk.end.exit_code}
    return document


def _parts(text: bytes, room: int) -> Iterator[_Part]:
    """Text in parts whose entries fit into ``room`` bytes, cut at lines' ends where there are any."""
    size, place = room, 0
    while place < len(text):
        part = _beginning(text[place : place + size + 1], size)
        dumped, level = _entries(part)
        needed = len(dumped.encode())
        if needed > room and len(part) > 1:
            # Escapes and headers take more room than the text: by how much, this part tells.
            size = max(1, min(len(part) - 1, len(part) * room * 9 // (needed * 10)))
            continue
        place += len(part)
        yield _Part(dumped, level, part.count(b"\n"), not part.endswith(b"\n"))


def _beginning(text: bytes, size: int) -> bytes:
    if len(text) <= size:
        return text
    end = text.rfind(b"\n", 0, size) + 1
    return text[:end] if end > size // 2 else cut_at_character(text, size) or text[:size]


def _entries(text: bytes) -> tuple[str, str]:
    """The messages in a text, each with the raw output behind it, as JSON; and the highest of their levels."""
    if text.isascii() and (done := _ascii_entries(text.decode("ascii"))):
        return done
    entries: list[str] = []
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
    return f"[{','.join(entries)}]", "" if highest is None else highest.name


def _entry(text: bytes, begin: int, end: int, found: re.Match[bytes] | None) -> str:
    said = found.end() if found else begin
    try:
        header, rest, raw = text[begin:said].decode(), text[said:end].decode(), None
    except UnicodeDecodeError:
        header, rest = text[begin:said].decode("utf-8", "replace"), text[said:end].decode("utf-8", "replace")
        raw = base64.b64encode(text[begin:end]).decode()
    if found and (parsed := header_in(found)):
        dumped = _said(parsed.stamp.decode(), parsed.level.name, parsed.command, header, rest)
    else:
        dumped = f'{{"text":{encode_basestring(rest)}}}'
    return dumped if raw is None else f'{dumped[:-1]},"raw":"{raw}"}}'


def _ascii_entries(text: str) -> tuple[str, str] | None:
    """The same in a third of the time, for what most pilots write; None where it cannot be done this way.

    All of the text is made JSON at once, with another mark for lines' ends that JSON leaves alone, and cut at headers.
    """
    if _MARK in text:
        return None
    escaped = encode_basestring(f"\n{text}".replace("\n", _MARK))[1:-1]
    before, *cut = _MARKED_HEADER.split(escaped)
    # Empty only where the text begins with a header; a lone mark there is an empty line before one.
    entries = [f'{{"text":"{before[1:]}'] if before else []
    levels: set[str] = set()
    columns = (cut[column::_GROUPS] for column in (0, 1, 2, 3, 4, 5, 7))
    for header, stamp, word, command, component, its_word, said in zip(*columns, strict=True):
        name = (command or component or "").strip()
        if "\\" in name:
            return None  # it is longer here than it was
        level = _level_name(word or its_word)
        levels.add(level)
        time = f'"time":"{stamp.replace(",", ".")}Z",' if _is_time(stamp[:_TO_THE_SECOND]) else ""
        named = f'"command":"{name}",' if name else ""
        entries.append(f'{{{time}"level":"{level}",{named}"header":"{header}","text":"{said}')
    # The end of a line before a header was cut away with it.
    return (
        f"[{f'{_MARK}{_ENTRY_END},'.join(entries)}{_ENTRY_END if entries else ''}]".replace(_MARK, "\\n"),
        max(levels, key=Level.__getitem__, default=""),
    )


def _said(stamp: str, level: str, command: str, header: str, text: str) -> str:
    """An entry with a header."""
    time = f'"time":"{stamp.replace(",", ".")}Z",' if _is_time(stamp[:_TO_THE_SECOND]) else ""
    named = f'"command":{encode_basestring(command)},' if command else ""
    return f'{{{time}"level":"{level}",{named}"header":{encode_basestring(header)},"text":{encode_basestring(text)}}}'


@lru_cache(maxsize=256)
def _level_name(word: str) -> str:
    return level_of(word.encode()).name


@lru_cache(maxsize=256)
def _is_time(stamp: str) -> bool:
    return time_of(stamp.encode()) is not None


def _dumped(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
