# SPDX-License-Identifier: GPL-3.0-only
"""Lines for people: coloured by their level on a terminal, as they are in a pipe. See :mod:`.appearance`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lines.header import Level
from ..lines.last_state import last_state
from ..lines.parser import Line, LineParser
from ..text import decode, escape_controls, one_line
from .appearance import Look, show_minute

LEVELS = tuple(Level.__members__)
_COLOURS = {"DEBUG": "\x1b[2m", "WARN": "\x1b[33m", "ERROR": "\x1b[31m"}
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_OF_LOGS = ("\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[96m", "\x1b[92m", "\x1b[95m", "\x1b[94m")
"""For the stamps of logs side by side; yellow and red say how loud a message is."""
_SHORT = 8


def levels_from(name: str) -> list[str]:
    """A level and all above it."""
    return [level.name for level in Level if level >= Level[name]]


def render_line(line: Mapping[str, Any], look: Look) -> str:
    """A line of ``readLines``, with its end. A pipe gets all states of one that was written over."""
    return f"{_shown(str(line['text']), _at(line), line['level'], look, _cut(line))}\n"


def render_unfinished(line: Mapping[str, Any]) -> str:
    """What a line says by now whose end has not come: its message in its last state, for a terminal."""
    return _shown(str(line["text"])[_at(line) :], 0, None, Look.HARMLESS)


def abbreviate(stamps: Sequence[str]) -> dict[str, str]:
    """The beginning of each stamp that names it among these; all are as long."""
    length = _SHORT
    while len({stamp[:length] for stamp in stamps}) < len(set(stamps)):
        length += 1
    return {stamp: stamp[:length] for stamp in stamps}


def render_prefix(place: int, short: str, look: Look) -> str:
    """What stands before each line of the log at that place among several."""
    short = one_line(short, len(short))
    return f"{_OF_LOGS[place % len(_OF_LOGS)]}{short}{_PLAIN} " if look.coloured else f"{short} "


def render_heading(stamp: str, first: bool, look: Look) -> str:
    """What stands before one of several logs, as ``tail`` has it."""
    text = f"==> {one_line(stamp, len(stamp))} <=="
    return f"{'' if first else chr(10)}{f'{_BOLD}{text}{_PLAIN}' if look.coloured else text}\n"


def _at(line: Mapping[str, Any]) -> int:
    """The character with which its message begins; a gap has none."""
    at = line.get("at")
    return at if isinstance(at, int) else 0


def _cut(line: Mapping[str, Any]) -> str:
    if "size" not in line:
        return ""
    return f" [the last state of {line['size']} bytes]" if "lastState" in line else f" [... of {line['size']} bytes]"


def render_hit(hit: Mapping[str, Any], terminal: bool, look: Look) -> str:
    """The lines of one log that a search has found: one under the other on a terminal, each for itself in a pipe."""
    row = hit["row"]
    stamp = _plain(row["Stamp"])
    bold, dim, plain = (_BOLD, _DIM, _PLAIN) if look.coloured else ("", "", "")
    if not terminal:
        return "".join(f"{bold}{stamp}:{_plain(line['n'])}:{plain}{render_line(line, look)}" for line in hit["lines"])
    place = _plain(f"{stamp}  {row['Site'] or row['CE']}  {show_minute(row['LastArrival'])}")
    lines = [f"{bold}{place}{plain}\n"]
    lines += [f"{dim}{_plain(line['n']):>7}{plain} {render_line(line, look)}" for line in hit["lines"]]
    lines += [f"{dim}        and more in this log{plain}\n"] if hit["more"] else []
    return "".join(lines)


def _plain(value: Any) -> str:
    """What a collector says, beside a line: on one line, and harmless in a pipe too."""
    text = str(value)
    return one_line(text, len(text))


def _shown(text: str, message: int, level: str | None, look: Look, more: str = "") -> str:
    """A line; on a terminal its last state, and one that cannot be steered by what stands in it.

    Args:
        message: The character with which its message begins.
        more: Our own words behind it.
    """
    if not look.harmless:
        return text + more
    if "\r" in text:
        data, head = (part.encode("utf-8", "surrogatepass") for part in (text, text[:message]))
        text = decode(last_state(data, len(head)))
    colour = _COLOURS.get(level or "", "") if look.coloured else ""
    text = escape_controls(text + more)
    return f"{colour}{text}{_PLAIN}" if colour else text


class LineColourer:
    """Colours a text that comes in pieces. What of a line has been shown is not shown again."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._parser = LineParser()

    def __call__(self, text: str) -> str:
        """The next piece."""
        if not self._look.harmless:
            return text
        lines = self._parser.feed(text.encode("utf-8", "surrogatepass"))
        return "".join(self._line(line) for line in lines)

    def unfinished(self) -> str:
        """What the line says by now whose end has not come."""
        return "".join(
            render_unfinished({"text": line.text, "at": line.at}) for line in LineParser(self._parser.state).finish()
        )

    def rest(self) -> str:
        """What has no line's end."""
        return "".join(self._line(line) for line in self._parser.finish())

    def _line(self, line: Line) -> str:
        end = "\n" if line.data.endswith(b"\n") else ""
        return _shown(line.text, line.at, None if line.level is None else line.level.name, self._look) + end
