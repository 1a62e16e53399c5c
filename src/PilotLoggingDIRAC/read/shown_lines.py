"""Lines for people: coloured by their level on a terminal, as they are in a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..lines.header import Level
from ..lines.parser import Line, LineParser
from .tail import harmless

LEVELS = tuple(Level.__members__)
_COLOURS = {"DEBUG": "\x1b[2m", "WARN": "\x1b[33m", "ERROR": "\x1b[31m"}
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def from_level(name: str) -> list[str]:
    """A level and all above it."""
    return [level.name for level in Level if level >= Level[name]]


def of_line(line: Mapping[str, Any], terminal: bool) -> str:
    """A line of ``readLines``, with its end."""
    text = f"{line['text']}{_cut(line)}"
    return f"{coloured(text, line['level'])}\n" if terminal else f"{text}\n"


def _cut(line: Mapping[str, Any]) -> str:
    return f" [... of {line['size']} bytes]" if "size" in line else ""


def of_hit(hit: Mapping[str, Any], terminal: bool) -> str:
    """The lines of one log that a search has found."""
    row = hit["row"]
    stamp = row["Stamp"]
    if not terminal:
        lines = [f"{stamp}:{line['n']}:{line['text']}{_cut(line)}\n" for line in hit["lines"]]
        return "".join(lines)
    place = harmless(f"{stamp}  {row['Site'] or row['CE']}  {str(row['LastArrival'])[:16].replace('T', ' ')}")
    lines = [f"{_BOLD}{place.replace(chr(10), ' ')}{_PLAIN}\n"]
    lines += [f"{_DIM}{line['n']:>7}{_PLAIN} {of_line(line, True)}" for line in hit["lines"]]
    lines += [f"{_DIM}        and more in this log{_PLAIN}\n"] if hit["more"] else []
    return "".join(lines)


def coloured(text: str, level: str | None) -> str:
    """A line for a terminal, which cannot be steered by what stands in it."""
    colour = _COLOURS.get(level or "", "")
    return f"{colour}{harmless(text)}{_PLAIN}" if colour else harmless(text)


class Colouring:
    """Colours a text that comes in pieces. What of a line has been shown is not shown again."""

    def __init__(self) -> None:
        self._parser = LineParser()

    def __call__(self, text: str) -> str:
        """The next piece for a terminal."""
        lines = self._parser.feed(text.encode("utf-8", "surrogatepass"))
        return "".join(self._line(line) for line in lines)

    def rest(self) -> str:
        """What has no line's end."""
        return "".join(self._line(line) for line in self._parser.finish())

    @staticmethod
    def _line(line: Line) -> str:
        end = "\n" if line.data.endswith(b"\n") else ""
        return coloured(line.text, None if line.level is None else line.level.name) + end
