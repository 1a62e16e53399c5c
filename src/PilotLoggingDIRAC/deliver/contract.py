"""What a plugin is. See ``docs/add-a-plugin.md``.

A plugin named ``X`` is the class ``XPlugin`` in the module
``<extension>.WorkloadManagementSystem.Client.PilotLoggingPlugins.XPlugin``. It raises our exceptions and returns plain
values; S_OK and S_ERROR have no place in it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar, Generic, TypeVar

from ..model import LogKey
from ..settings import Settings

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
    """

    key: LogKey
    size: int
    lines: int
    finalised: bool
    exit_code: int | None
    previous: str | None = None
    previous_is_needed: bool = False
    keep_progress: Callable[[str], None] = field(default=_keep_nothing, compare=False, repr=False)


class ArchivePlugin(ABC, Generic[S]):
    """Takes a whole closed log as a stream of bytes, returns a reference, and gives it back by that reference.

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
