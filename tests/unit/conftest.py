# SPDX-License-Identifier: GPL-3.0-only
"""PilotLogDB and archives for the tests of the core."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.archives import Archives
from support.store import KEY, Store

from PilotLoggingDIRAC.errors import Unavailable
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.store.engine import Database


@pytest.fixture
def key() -> LogKey:
    """The log that :class:`Store` means when none is named."""
    return KEY


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture
def archives(database: Database, tmp_path: Path) -> Archives:
    folder = tmp_path / "archives"
    folder.mkdir()
    return Archives(database, folder)


@pytest.fixture
def storage_problem() -> Unavailable:
    return Unavailable("The storage element does not answer.")
