# SPDX-License-Identifier: GPL-3.0-only
"""What a plugin is. See ``docs/add-a-plugin.md``.

There are two kinds. An *archive* takes a whole closed log and gives it back; a *stream* takes the chunks of all logs of
a VO as they come, while the pilots write.

A plugin named ``X`` is the class ``XPlugin`` in the module
``<extension>.WorkloadManagementSystem.Client.PilotLoggingPlugins.XPlugin``. It raises our exceptions and returns plain
values; S_OK and S_ERROR have no place in it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, ClassVar, Generic, Protocol, TypeVar, final

from pydantic import Field

from ..errors import NotKept
from ..model import LogKey
from ..settings import Places, Settings

S = TypeVar("S", bound=Settings)


def _keep_nothing(_: str) -> None:
    """For who stores a log outside an agent."""


@dataclass(frozen=True, slots=True)
class ClosedLog:
    """A log on its way to an archive.

    Attributes:
        key: VO and stamp.
        size: Bytes of the content; never 0.
        lines: Lines of the log.
        finalised: Whether the pilot said goodbye.
        exit_code: What it said then, if anything.
        previous: The reference that the plugin gave for an earlier, shorter copy of this log; None for the first.
        previous_is_needed: True when a part of the content stands nowhere but in that earlier copy, so that it must
            not be touched before the new one is safe.
        keep_progress: Only for plugins that give nothing back: keeps a reference at once, so that it is ``previous`` of
            the next attempt should this one fail or be killed. It raises Unavailable when the log is no longer this
            process's to deliver.
        begun: When the first text of it came; it never changes. None where a log is stored outside an agent.
        erased: Bytes from which text was erased, as pairs of the first and the one behind the last: there an earlier
            copy may differ from the content, and is still an earlier copy of this log. Nothing of it may stay. Where
            :attr:`Plugin.gives_back`, what the plugin returns for the new copy must not be ``previous`` unless
            that was replaced; else the agent removes ``previous``, and tries until that has worked.
    """

    key: LogKey
    size: int
    lines: int
    finalised: bool
    exit_code: int | None
    previous: str | None = None
    previous_is_needed: bool = False
    keep_progress: Callable[[str], None] = field(default=_keep_nothing, compare=False, repr=False)
    erased: tuple[tuple[int, int], ...] = ()
    begun: datetime | None = field(default=None, compare=False)


class Plugin(ABC, Generic[S]):
    """What both kinds have in common.

    An object serves one VO. Its methods may block; each is called in a process or thread that may wait for it.
    """

    Settings: ClassVar[type[Settings]]
    """The plugin's own options, read from ``/Operations/<VO or Defaults>/Pilot/<Name>``."""

    needs_proxy: ClassVar[bool] = False
    """True when the methods need the proxy of the VO's shifter (``Shifter/DataManager``) in the environment. They are
    then called in a process of the VO's own, because ``X509_USER_PROXY`` is one for a whole process."""

    gives_back: ClassVar[bool] = True
    """False when nothing that was stored can be had back. The content is then only what has come since the plugin
    confirmed the log last, ``locate`` gives None, ``fetch`` raises NotKept, and ``remove`` does nothing. As the only
    plugin of a VO it leaves readers without a log's text once that has left the database."""

    def __init__(self, vo: str, settings: S) -> None:
        self.vo = vo
        self.settings = settings

    def examine(self) -> None:
        """Look whether what the options name is there, as far as DIRAC's configuration tells. Nothing is tried.

        ``dirac-pilot-logs-config`` calls it, and nobody else: what is missing now may come back.

        Raises:
            ConfigurationError: It is not there; the message says what is.
        """
        return

    @abstractmethod
    def fetch(self, reference: str) -> AbstractContextManager[BinaryIO]:
        """Open a stored log for reading.

        Raises:
            NotFound: There is nothing under this reference.
            Unavailable: It cannot be had now.
        """

    @abstractmethod
    def locate(self, stamp: str) -> str | None:
        """The reference of a log that the database no longer knows, by the plugin's way of naming; None if none.

        Raises:
            Unavailable: It cannot be said now.
        """

    @abstractmethod
    def remove(self, reference: str) -> None:
        """Remove a stored copy. It is no error when there is none.

        Raises:
            Unavailable: It cannot be done now.
        """


class ArchiveSettings(Settings):
    """The options of an archive that may take several logs at once. Each is then carried by a process of its own, with
    an object of its own of the plugin: none is called by two threads. No log is carried by two at once."""

    transfers: Places = Field(1, alias="Transfers")
    """Logs that are on the way to the archive at one time; from 1 to 64."""


class ArchivePlugin(Plugin[S]):
    """Takes a whole closed log as a stream of bytes, returns a reference, and gives it back by that reference.

    Logs come one at a time, unless its ``Settings`` are :class:`ArchiveSettings`.
    """

    @abstractmethod
    def store(self, log: ClosedLog, content: BinaryIO) -> str:
        """Store a log. When this returns, the far side has confirmed all of the content, and keeps it.

        It may be called again for the same content, when the confirmation was lost; then it must not leave two
        copies. It must never destroy what it finds under the name that it wants, unless that is an earlier copy of
        this very log.

        Args:
            log: What is to be stored.
            content: Its bytes, ``log.size`` of them, at their beginning; seekable. It is a file on local disk, and
                ``content.name`` is its path, for tools that want one.

        Returns:
            A reference of at most 1024 characters that :meth:`fetch` understands.

        Raises:
            Unavailable: It did not work; it will be tried again after a pause. The message is shown to operators.
        """


@dataclass(frozen=True, slots=True)
class End:
    """What is known of a log that has been closed. A late line opens it again, and then it has another end.

    Attributes:
        finalised: Whether the pilot said goodbye; False for one that has fallen silent.
        exit_code: What it said then, if anything.
    """

    finalised: bool
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Erased:
    """Text of chunks that were sent before was erased by somebody who may do so: the far side should erase it too.

    Attributes:
        by: Who did it.
        time: When.
        lines: How many lines had something of it.
        bytes: For each ``chunk_id`` the bytes of its text, as pairs of the first and the one behind the last. With the
            number 0 they are bytes of the whole log, the text of its chunks in reading order.
    """

    by: str
    time: datetime
    lines: int
    bytes: Mapping[int, tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of one message of a pilot, on its way to a stream; or the news that a log has ended, or that text of it
    was erased.

    Attributes:
        key: VO and stamp.
        chunk_id: Counts up within the log, in the order of arrival, and leaves numbers out. With the key and whether it
            is an end it names the chunk for ever: what is sent again has the same name and the same text.
        text: Its bytes, cut by the sender anywhere; empty for an end and for an erasure.
        first_line: Number of the line that its first byte is in, from 1, counting what is sent.
        arrival: When the collector got it; for an end, the arrival of the last text.
        session: Names the sender's own numbering; None for a stock pilot, which numbers nothing.
        seq: The number in it. A message that came late belongs before those with higher numbers.
        left_out: Not 0 for the line that stands for so many bytes of a log that had grown past its limit.
        context: What is known of the pilot, where the sender said it: ``site``, ``ce`` and the other names of
            :data:`..model.FACTS`.
        end: Set where the log is closed, and all chunks before it have been sent.
        erased: Set where text was erased. A stream that indexes text must erase it there; what comes again of the
            chunks named is already without it.
    """

    key: LogKey
    chunk_id: int
    text: bytes
    first_line: int
    arrival: datetime
    session: str | None = None
    seq: int | None = None
    left_out: int = 0
    context: Mapping[str, str] = field(default_factory=dict)
    end: End | None = None
    erased: Erased | None = None


class Acknowledgements(Protocol):
    """Where a stream plugin says what has become of chunks; from any thread."""

    def confirmed(self, chunk: Chunk) -> None:
        """The far side has it and keeps it, and all earlier chunks of its log."""

    def refused(self, chunk: Chunk, reason: str) -> None:
        """The far side will not have this chunk, though it takes others. Its log waits, in its order, and comes again
        after a growing pause; the reason is a sentence that is shown to operators."""


class StreamPlugin(Plugin[S]):
    """Takes the text of all logs of a VO in chunks, while pilots write. Nothing is had back from it."""

    gives_back = False

    @abstractmethod
    def send(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        """Send chunks until there are no more, and wait for their confirmations.

        The chunks of each log come in their order, and must arrive and be confirmed in it; those of different logs come
        as they like. They are made when they are asked for: ask for no more than are to be on the way at once. A
        chunk that was neither confirmed nor refused comes again, with the same name, in a later call: an attempt
        whose confirmation was lost makes a repeat on the far side, by whose name it must be possible to drop it.

        After a chunk was refused, nothing of its log that was asked for already is to be sent or confirmed.

        Args:
            chunks: What is to be sent.
            acknowledgements: Is told of each.

        Raises:
            Unavailable: The far side is away, and short attempts to reach it again were in vain. The message is shown
                to operators; after a pause it is tried again.
        """

    @abstractmethod
    def close(self) -> None:
        """Hang up: no more calls follow. It raises nothing."""

    def probe(self) -> str:
        """Try whether it could send, for ``dirac-pilot-logs-config check``; nothing may stay on the far side that a
        reader takes for a log.

        Returns:
            What was done and seen, as a sentence. Empty, as here: nothing can be tried.

        Raises:
            Unavailable: It could not send.
        """
        return ""

    @final
    def fetch(self, reference: str) -> AbstractContextManager[BinaryIO]:
        raise NotKept(f"The text of the log was sent on by {type(self).__name__}, which cannot give it back.")

    @final
    def locate(self, stamp: str) -> str | None:
        return None

    @final
    def remove(self, reference: str) -> None:
        """Nothing: what was sent is not ours any more."""
