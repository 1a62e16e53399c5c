# SPDX-License-Identifier: GPL-3.0-only
"""The MariaDB of the tests: the one of ``dev/stack``, a private server on loopback."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from parts import mariadb, processes
from parts.layout import Layout
from parts.state import Plan, Stack
from sqlalchemy import URL

MARIADB = "mariadb"
_USER = "PilotLogDB"
_TESTER = "tester"


class MariaDB:
    """A private MariaDB server that can be stopped and started."""

    def __init__(self, root: Path, port: int) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._stack = Stack(
            Layout(root), Plan(database=MARIADB), ports={MARIADB: port}, passwords={_USER: secrets.token_hex(8)}
        )
        self._made = 0

    def start(self) -> None:
        """Start it and wait until it serves."""
        mariadb.start(self._stack)
        self.run_sql(
            f"CREATE USER IF NOT EXISTS '{_TESTER}'@'%' IDENTIFIED BY '{self._stack.passwords[_USER]}';"
            rf"GRANT ALL ON `{_USER}\_%`.* TO '{_TESTER}'@'%'"
        )

    def stop(self) -> None:
        """End it in good order."""
        processes.end(list(self._stack.processes.values()), self._stack.mark)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        processes.end(list(self._stack.processes.values()), self._stack.mark, patience=0)

    def remove(self) -> None:
        """End it, and leave nothing behind."""
        self.stop()
        if self._stack.sockets:
            shutil.rmtree(self._stack.sockets)

    def run_sql(self, statement: str) -> str:
        """Run a statement as the server's administrator."""
        return mariadb.run_sql(self._stack, statement)

    def new_database(self) -> URL:
        """Make an empty database and say how to reach it."""
        self._made += 1
        name = f"{_USER}_{self._made}"
        self.run_sql(f"CREATE DATABASE {name}")
        return URL.create(
            "mysql+mysqldb",
            username=_TESTER,
            password=self._stack.passwords[_USER],
            host="127.0.0.1",
            port=self._stack.ports[MARIADB],
            database=name,
        )
