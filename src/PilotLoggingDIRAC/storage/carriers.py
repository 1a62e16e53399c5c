# SPDX-License-Identifier: GPL-3.0-only
"""Processes that carry logs of one VO to one archive, several at once.

Storage libraries are not made for threads (DIRAC's DataManager is not, and has one proxy a process): so each carrier is
a process. It is forked from the VO's own one, which says what is carried when, and it ends with that, however it ends.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..deliver.contract import ArchiveSettings
from ..deliver.courier import Courier, note_lost
from ..dirac_bridge import cs
from ..dirac_bridge.database import PilotLogDB
from ..errors import ConfigurationError, PilotLoggingError, Unavailable
from .plugin_loading import load_plugin, load_plugins, settings_class

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends to this process when the thread that forked it has ended."""
_FORK = multiprocessing.get_context("fork")
_log = logging.getLogger(__name__)


class CarrierProcess:
    """One of the processes, as :class:`~..deliver.archive_round.Carrier`; used by the VO's process."""

    def __init__(self, vo: str, plugin: str, owner: str) -> None:
        """Begin it: in the main thread, before there are others, and before a database or a storage library is used.

        Args:
            vo: The VO.
            plugin: The archive.
            owner: In whose name it takes deliveries on: that of the VO's process.
        """
        self._plugin = plugin
        self._owner = owner
        self._here, there = _FORK.Pipe()
        self._process = _FORK.Process(target=_serve, args=(there, os.getpid(), vo, plugin, owner), daemon=True)
        self._process.start()
        there.close()
        self._is_alive = True

    @property
    def alive(self) -> bool:
        return self._is_alive

    def deliver(self, log_id: int) -> bool | None:
        """See :class:`~..deliver.archive_round.Carrier`. If the process ends meanwhile, that counts as a failure of the
        log: else it would be the first one again, and no other would have its turn.

        Raises:
            Unavailable: The database is away.
        """
        try:
            self._here.send(log_id)
            answer = self._here.recv()
        except (EOFError, OSError):
            return self._note_crash(log_id)
        if isinstance(answer, str):
            raise Unavailable(answer)
        done: bool | None = answer
        return done

    def _note_crash(self, log_id: int) -> bool | None:
        self._is_alive = False
        self._process.join()
        error = f"The process that carried it ended with exit code {self._process.exitcode}."
        lost = note_lost(PilotLogDB(), self._owner, error, (log_id, self._plugin))
        _log.error("LogID %d, on its way to %s: %s", log_id, self._plugin, error)
        return False if lost else None

    def end(self) -> None:
        """It has nothing in hand any more."""
        self._here.close()
        self._process.kill()
        self._process.join()


@contextmanager
def several(vo: str, owner: str, plugins: Iterable[str]) -> Iterator[Mapping[str, list[CarrierProcess]]]:
    """The carriers of those archives that take several logs at once; they end with the block."""
    carriers: dict[str, list[CarrierProcess]] = {}
    try:
        for plugin in plugins:
            transfers = transfers_at_once(vo, plugin)
            if transfers > 1:
                own = carriers.setdefault(plugin, [])
                for _ in range(transfers):
                    own.append(CarrierProcess(vo, plugin, owner))
        yield carriers
    finally:
        for each in (carrier for own in carriers.values() for carrier in own):
            each.end()


def transfers_at_once(vo: str, plugin: str) -> int:
    """How many logs a plugin of a VO takes at once; 1 where its options do not say, or are wrong."""
    try:
        kind = settings_class(vo, plugin)
        if not issubclass(kind, ArchiveSettings):
            return 1
        return cs.plugin_settings(vo, plugin, kind).transfers
    except ConfigurationError:
        return 1  # the plugin itself says it to each log


def _serve(there: Connection[Any, Any], parent: int, vo: str, plugin: str, owner: str) -> None:
    """The process: logs come by their numbers, what became of each goes back; text for that the database is away."""
    # Whoever tells the VO's process to stop may tell all: what is on the way is the parent's to wait for.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # So that nothing goes on in the name of a process that was killed, not even a library that hangs.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    courier: Courier | None = None
    while True:
        try:
            log_id = there.recv()
        except EOFError:
            return
        try:
            # Not before there is something to do: most rounds are short.
            courier = courier or _courier(vo, owner)
            answer: bool | str | None = courier.deliver(log_id, plugin)
        except PilotLoggingError as error:
            answer = str(error)
        except Exception as error:
            _log.exception("Carrying LogID %d to %s ended unexpectedly", log_id, plugin)
            answer = f"{plugin} ended unexpectedly: {type(error).__name__}: {error}."
        there.send(answer)


def _courier(vo: str, owner: str) -> Courier:
    return Courier(PilotLogDB(), load_plugins(vo), owner, Path(tempfile.gettempdir()), partial(load_plugin, vo))
