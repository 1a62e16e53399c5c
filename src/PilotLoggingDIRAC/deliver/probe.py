# SPDX-License-Identifier: GPL-3.0-only
"""Whether a plugin works: a small log goes there, comes back, and is removed again."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

from ..errors import NotFound, PilotLoggingError, Unavailable
from ..model import LogKey
from .contract import ArchivePlugin, ClosedLog, Plugin, StreamPlugin

_TEXT = b"This is a probe of dirac-pilot-logs-config, and may be removed.\n"


def probe(plugin: Plugin[Any], folder: Path) -> str:
    """Try a plugin as the agent and readers use it.

    Args:
        plugin: Of one VO.
        folder: For a temporary file.

    Returns:
        What was done and seen, as a sentence; empty where nothing can be tried without leaving something behind.

    Raises:
        PilotLoggingError: It does not work; the message says why, and what was left behind.
    """
    if isinstance(plugin, StreamPlugin):
        try:
            return plugin.probe()
        finally:
            plugin.close()
    if isinstance(plugin, ArchivePlugin) and plugin.gives_back:
        return _there_and_back(plugin, folder)
    return ""


def _there_and_back(plugin: ArchivePlugin[Any], folder: Path) -> str:
    log = ClosedLog(LogKey(plugin.vo, uuid.uuid4().hex), len(_TEXT), 1, finalised=True, exit_code=0)
    with tempfile.NamedTemporaryFile(dir=folder) as content:
        content.write(_TEXT)
        content.flush()
        content.seek(0)
        reference = plugin.store(log, content)  # type: ignore[arg-type]  # it has all of BinaryIO
    try:
        _read(plugin, log, reference)
    except PilotLoggingError:
        _remove(plugin, reference)
        raise
    _remove(plugin, reference)
    if plugin.locate(log.key.stamp) is not None:
        raise Unavailable(f"The probe {reference} was removed, and is still there.")
    return f"It wrote, read and removed {reference}."


def _read(plugin: ArchivePlugin[Any], log: ClosedLog, reference: str) -> None:
    if plugin.locate(log.key.stamp) != reference:
        raise Unavailable(f"It stored the probe {reference}, and does not find it by its stamp.")
    try:
        with plugin.fetch(reference) as file:
            same = file.read(2 * len(_TEXT)) == _TEXT
    except NotFound as error:
        raise Unavailable(f"It stored the probe {reference}, and does not have it: {error}") from error
    if not same:
        raise Unavailable(f"It stored the probe {reference}, and gives another text back.")


def _remove(plugin: ArchivePlugin[Any], reference: str) -> None:
    try:
        plugin.remove(reference)
    except PilotLoggingError as error:
        raise Unavailable(f"It stored the probe {reference}, and could not remove it: {error}") from error
