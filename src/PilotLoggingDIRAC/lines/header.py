# SPDX-License-Identifier: GPL-3.0-only
"""The header of a message: its time, level and command.

These write into a pilot's log::

    2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] text            the pilot
    2026-06-10T11:02:02,823512Z DEBUG    [pilotLogger] text            its wrapper
    2026-06-10T11:02:02,823512Z WorkloadManagement/JobAgent INFO: text     DIRAC's own commands, which the pilot runs
    2026-06-10 11:02:02 UTC WorkloadManagement/JobAgent INFO: text         DIRAC's of release 8 and before

Colours may stand in it and before it, and so may a byte order mark, carriage returns and what they wipe out, such as a
progress bar. Everything else is raw output, of a command or a continued message, and belongs to the message before it.

The worker node has the same grammar, as text: ``LevelFilter`` in pilot/PilotLoggingSender.py. A test compares them.
"""

from __future__ import annotations

import enum
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

_COLOUR = rb"(?:\x1b(?:\[[0-9;:?]{0,10}[A-Za-z]|\([A-Z0-9]))"
_COLOURS = _COLOUR + rb"{0,2}"
_WORDS = rb"DEBUG|VERBOSE|TRACE|INFO|NOTICE|ALWAYS|WARN(?:ING)?|ERROR|FATAL|CRITICAL|EXCEPT(?:ION)?"
HEADER = (
    rb"(?:(?![0-9]{4}-)(?:[^\n]{0,60}\r)?(?:\xef\xbb\xbf|\r|" + _COLOUR + rb"){0,3})?"
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)(?:Z| UTC) " + _COLOURS + rb"(?:"
    rb"(" + _WORDS + rb")(?![A-Za-z_])" + _COLOURS + rb" {0,20}" + _COLOURS + rb"(?:\[([^\]\n]{1,100})\])?"
    rb"|([^\s\[\]\x1b][^\s\x1b]{0,199})" + _COLOURS + rb" " + _COLOURS + rb"(?:\[[0-9]{1,20}\] )?"
    rb"(" + _WORDS + rb")(?=" + _COLOURS + rb":)"
    rb")" + _COLOURS + rb":?" + _COLOURS + rb" ?()"
)
"""A message's beginning, at the beginning of a line. Groups: time, level and command of the pilot's form; command and
level of DIRAC's; the end. It has bounds, so that a hostile line takes no longer than another one."""
LONGEST = 512
"""Bytes; no header is longer."""
_COLOUR_IN_A_NAME = re.compile(_COLOUR)


class Level(enum.IntEnum):
    """How loud a message is. DIRAC's other levels are between these."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


_LEVELS = {
    b"DEBUG": Level.DEBUG,
    b"VERBOSE": Level.DEBUG,
    b"TRACE": Level.DEBUG,
    b"WARN": Level.WARN,
    b"WARNING": Level.WARN,
    b"ERROR": Level.ERROR,
    b"FATAL": Level.ERROR,
    b"CRITICAL": Level.ERROR,
    b"EXCEPT": Level.ERROR,
    b"EXCEPTION": Level.ERROR,
}


class Header(NamedTuple):
    """The beginning of a message.

    Attributes:
        stamp: Its time as it stands there, with a T before the hour and without the zone.
        size: Bytes that the header takes, with what stands before it in its line and the blank behind it.
    """

    stamp: bytes
    level: Level
    command: str
    size: int

    @property
    def time(self) -> datetime | None:
        """When it was said, by the worker node's clock, aware; None for a time that no calendar has."""
        return time_of(self.stamp)


@lru_cache(maxsize=1024)
def time_of(stamp: bytes) -> datetime | None:
    """The time that stands in a header, aware; None for one that no calendar has."""
    try:
        # To microseconds: fromisoformat passes over further digits.
        return datetime.fromisoformat(stamp.decode("ascii").replace(",", ".")).replace(tzinfo=UTC)
    except ValueError:
        return None


def header_in(found: re.Match[bytes]) -> Header | None:
    """That of a match whose first groups are those of :data:`HEADER`; None where they took no part in it."""
    stamp, word, command, component, its_word, _ = found.groups()
    if stamp is None:
        return None
    size = found.start(6) - found.start()
    return Header(stamp.replace(b" ", b"T"), level_of(word or its_word), command_of(command or component or b""), size)


def level_of(word: bytes) -> Level:
    """The level that a header's word means."""
    return _LEVELS.get(word, Level.INFO)


@lru_cache(maxsize=4096)
def command_of(word: bytes) -> str:
    """The name of a command as text, without colours."""
    return _COLOUR_IN_A_NAME.sub(b"", word).decode("utf-8", "replace").strip()
