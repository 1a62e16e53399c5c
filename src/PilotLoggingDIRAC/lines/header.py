# SPDX-License-Identifier: GPL-3.0-only
"""The header of a message: its time, level and command.

Three programs write into a pilot's log::

    2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] text            the pilot
    2026-06-10T11:02:02,823512Z DEBUG    [pilotLogger] text            its wrapper
    2026-06-10T11:02:02,823512Z WorkloadManagement/JobAgent INFO: text     DIRAC's own commands, which the pilot runs

Everything else is raw output, of a command or a continued message, and belongs to the message before it.
"""

from __future__ import annotations

import enum
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

_WORDS = rb"DEBUG|VERBOSE|TRACE|INFO|NOTICE|ALWAYS|WARN(?:ING)?|ERROR|FATAL|CRITICAL|EXCEPT(?:ION)?"
HEADER = (
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)Z "
    rb"(?:(" + _WORDS + rb")(?![A-Za-z_]) *(?:\[([^\]\n]{1,100})\])?"
    rb"|([^\s\[\]]{1,200}) (?:\[[0-9]{1,20}\] )?(" + _WORDS + rb")(?=:)):? ?()"
)
"""A message's beginning, at the beginning of a line. Groups: time, level and command of the pilot's form; command and
level of DIRAC's; the end. It has bounds, so that a hostile line takes no longer than another one."""
LONGEST = 512
"""Bytes; no header is longer."""


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
        stamp: Its time as it stands there, without the Z.
        size: Bytes that the header takes, with the blank behind it.
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
    return Header(
        stamp, level_of(word or its_word), command_of(command or component or b""), found.start(6) - found.start()
    )


def level_of(word: bytes) -> Level:
    """The level that a header's word means."""
    return _LEVELS.get(word, Level.INFO)


@lru_cache(maxsize=4096)
def command_of(word: bytes) -> str:
    """The name of a command as text."""
    return word.decode("utf-8", "replace").strip()
