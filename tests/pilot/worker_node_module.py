# SPDX-License-Identifier: GPL-3.0-only
"""The worker-node module as a library. Outside of a pilot its import does nothing: ``test_python_versions.py``."""

from __future__ import annotations

import functools
import importlib
import sys
from types import ModuleType

from pilot.harness import MODULE


@functools.cache
def sender() -> ModuleType:
    """Backlog, LevelFilter and what else brings a log to a collector."""
    return _imported("PilotLoggingSender")


@functools.cache
def commands() -> ModuleType:
    """What watches a pilot's output and its end."""
    return _imported("PilotLoggingCommands")


@functools.cache
def redaction() -> ModuleType:
    """What takes secrets out."""
    return _imported("PilotLoggingRedaction")


def _imported(name: str) -> ModuleType:
    """By its name, from the folder that a pilot would have it in."""
    sys.path.append(str(MODULE.parent))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(MODULE.parent))
