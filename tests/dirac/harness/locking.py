# SPDX-License-Identifier: GPL-3.0-only
"""A database in which nobody can write for a while."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from .stacks import RunningStack


@contextlib.contextmanager
def write_lock(stack: RunningStack) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of the stack's SQLite file while the block runs, or until the connection is rolled back."""
    connection = sqlite3.connect(stack.layout.sqlite, timeout=60, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()
