# SPDX-License-Identifier: GPL-3.0-only
"""The nouns: what a pilot sends, and what the database knows of its log."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .errors import Unavailable
    from .redaction import Redactor


@dataclass(frozen=True, slots=True)
class Fact:
    """What a sender says of its pilot, and where it shows. ``docs/howto/add-a-fact.md`` adds one.

    Attributes:
        column: In ``PilotLogs``, and so in lists of logs, selections and sorts.
        name: On the wire: in ``appendLog``'s context, and in the context of what streams get.
        word: For people: the command's switch, and the portal's parameter.
        meaning: Whose name or what it is, for the help: "site's name".
        counted: Whether logs are counted by it, and menus have its values.
        searched: Whether logs are found by a part of it.
        least_width: Of its column in the terminal's list of logs, in characters; 0: it is not shown there.
        on_page: Whether the portal's page has it: a column, a filter and a place at a log's head (``page/facts.js``).
        size: Characters that are kept.
        since: The version of the tables that brought its column.
    """

    column: str
    name: str
    word: str
    meaning: str
    counted: bool = True
    searched: bool = True
    least_width: int = 0
    on_page: bool = False
    size: int = 255
    since: int = 1

    @property
    def head(self) -> str:
        """Its name over a column."""
        return self.column.removeprefix("Pilot")


FACTS = (
    Fact("Site", "site", "site", "site's name", least_width=12, on_page=True),
    Fact("CE", "ce", "ce", "computing element's name", least_width=12, on_page=True),
    Fact("Queue", "queue", "queue", "queue's name"),
    Fact("Host", "host", "host", "worker node's name", least_width=12, on_page=True),
    Fact("PilotReference", "pilotReference", "reference", "pilot's reference", counted=False, least_width=16),
    Fact("PilotVersion", "pilotVersion", "version", "pilot's version", searched=False),
)
"""In the order of their columns. Tables, protocol, records, selections, streams and parameters are made of it."""
LISTED_COLUMNS = (
    *("VO", "Stamp", "State", "FirstArrival", "LastArrival", "Finalised", "Archived", "ExitCode"),
    *("Lines", "Bytes", "Warnings", "Errors", *(fact.column for fact in FACTS), "Truncated"),
)
"""What a list of logs shows, and by which it can be sorted."""
COUNTED_COLUMNS = ("VO", "State", *(fact.column for fact in FACTS if fact.counted), "ExitCode")
"""What logs are counted by."""


class LogKey(NamedTuple):
    """Names one log. Two VOs may use the same stamp."""

    vo: str
    stamp: str


class LogState(enum.StrEnum):
    """Where a log is in its life. The values stand in the database and in the replies of the service."""

    OPEN = "Open"  # the pilot may still send
    COMPLETE = "Complete"  # the pilot said goodbye
    SILENT = "Silent"  # the pilot said nothing for a long time: probably killed
    ARCHIVED = "Archived"  # every plugin of the VO has confirmed all of it


class DeliveryState(enum.StrEnum):
    """Where one log is on its way to one plugin."""

    PENDING = "Pending"
    DELIVERED = "Delivered"


@dataclass(frozen=True, slots=True)
class Final:
    """A pilot's goodbye. ``exit_code`` is None where the pilot gave something that is not a number."""

    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a VO's settings say of the text of its pilots.

    Attributes:
        max_log_size: Bytes; the middle of a longer log is left out. 0: no limit.
        may_open: Whether a log that is not there yet may be begun.
        redactor: Takes secrets out; None to leave them in.
        no_room: Why only the goodbye of a log that is there, and has none yet, may be taken; None where all may.
    """

    max_log_size: int = 0
    may_open: bool = True
    redactor: Redactor | None = None
    no_room: Unavailable | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Text that a pilot wants stored, already checked, on its way to the database.

    Attributes:
        data: The text in UTF-8 (lone surrogates pass through), not compressed.
        session: Names the sender's own numbering; None for stock pilots, which number nothing.
        seq: The message's number in its session, counted from 1 (0 is accepted as a first number too).
        context: What the sender says of itself; column names of ``PilotLogs`` to values.
        final: Set when the pilot says that this is the end.
        rules: Those of its VO.
    """

    key: LogKey
    data: bytes = b""
    session: str | None = None
    seq: int | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    final: Final | None = None
    rules: Rules = Rules()

    @property
    def size(self) -> int:
        """Bytes of text, and of what the sender says of itself."""
        return len(self.data) + sum(len(value.encode("utf-8", "surrogatepass")) for value in self.context.values())

    @property
    def is_goodbye(self) -> bool:
        """Whether it only says that the pilot has ended."""
        return self.final is not None and not self.data


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of an :class:`Append` that is now on disk.

    Attributes:
        next_seq: One more than the highest number stored in this session; None without a session.
        repeated: True when all of it had been stored before and nothing was written.
        left_out: Bytes that could not be searched for secrets in time; a line says so in their place.
    """

    next_seq: int | None
    repeated: bool
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages ``first`` to ``last`` of a session never arrived; they belong at byte ``offset`` of the log's text.

    Or text was erased there, of ``first`` lines: then ``erased`` says by whom and when.
    """

    offset: int
    session: str
    first: int
    last: int
    erased: str = ""


@dataclass(frozen=True, slots=True)
class ExpiredPart:
    """What is remembered of the text that stands in the archive only.

    Attributes:
        gaps: The gaps in it, with offsets from the beginning of the log.
        due: For each session the number that was to come next when the text expired.
    """

    gaps: tuple[Gap, ...] = ()
    due: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, document: str) -> ExpiredPart:
        if not document:
            return cls()
        stored = json.loads(document)
        return cls(tuple(Gap(*gap) for gap in stored["gaps"]), stored["due"])

    def dump(self) -> str:
        return json.dumps({"gaps": [astuple(gap) for gap in self.gaps], "due": dict(self.due)})


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One row of ``PilotLogs``: all that is known of a log but its text. Times are aware, in UTC; sizes in bytes.

    Attributes:
        bytes: Of the text that there is; ``truncated`` more were left out of its middle.
        lines, warnings, errors: Of all that the pilot sent.
        missing: For each session the numbers that never came: pairs of first and last, ascending.
        facts: What its sender said of the pilot, by :attr:`Fact.name`; empty where it said nothing.
    """

    log_id: int
    key: LogKey
    state: LogState
    first_arrival: datetime
    last_arrival: datetime
    finalised: datetime | None
    archived: datetime | None
    exit_code: int | None
    lines: int
    bytes: int
    warnings: int
    errors: int
    truncated: int
    last_chunk_id: int
    expired_chunk_id: int
    expired_bytes: int
    expired_part: ExpiredPart
    missing: Mapping[str, Sequence[Sequence[int]]]
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of ``PilotLogDeliveries``: one log on its way to one plugin.

    Attributes:
        cursor: The last ``ChunkID`` that the plugin has confirmed.
        reference: What the plugin called the stored log (an LFN, a path); empty for an empty log.
    """

    log_id: int
    plugin: str
    state: DeliveryState
    cursor: int
    attempts: int
    next_attempt: datetime
    last_error: str
    reference: str
