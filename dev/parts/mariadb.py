# SPDX-License-Identifier: GPL-3.0-only
"""A private MariaDB: own data, own port on loopback, own users."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from . import environment, processes
from .failure import Failure
from .state import Stack

_COMPONENT = "mariadb"
_RIGHTS_OF_DIRAC = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, LOCK TABLES, "
    "CREATE TEMPORARY TABLES, CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EXECUTE"
)
"""What DIRAC's installer gives its database user, and EXECUTE for the file catalogue's procedures."""


def start(stack: Stack) -> None:
    """Start MariaDB and make the empty PilotLogDB, with a user that has rights there and nowhere else."""
    layout = stack.layout
    home = layout.home(_COMPONENT)
    # Temporary tables are files named after the process's number, which containers share.
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    own = environment.of_component(layout, _COMPONENT, TMPDIR=str(temporary))
    user = _owner()
    data = home / "data"
    if not data.exists():
        _install(home / "data.new", user, own)
        (home / "data.new").rename(data)
    stack.sockets = stack.sockets or tempfile.mkdtemp(prefix="pilotlogging-")
    stack.save()
    command = [
        "mariadbd",
        "--no-defaults",
        f"--user={user}",
        f"--datadir={data}",
        f"--socket={_socket(stack)}",
        f"--pid-file={home / 'mariadbd.pid'}",
        "--bind-address=127.0.0.1",
        f"--port={stack.ports[_COMPONENT]}",
        "--skip-name-resolve",
        "--character-set-server=utf8mb4",
        "--innodb-flush-log-at-trx-commit=1",  # a committed message is on disk: the collector insists
        "--innodb-buffer-pool-size=64M",
        "--log-bin-trust-function-creators=1",
        "--max-connections=200",
    ]
    process = processes.start(_COMPONENT, command, own, log=layout.log(_COMPONENT), directory=home)
    stack.add(process)
    processes.wait_until(process, lambda: _answers(stack))
    make_databases(stack, ["PilotLogDB"], user="PilotLogDB")


def _install(data: Path, user: str, own: dict[str, str]) -> None:
    shutil.rmtree(data, ignore_errors=True)  # of an earlier try, interrupted
    command = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}", "--skip-test-db"]
    processes.run([*command, f"--auth-root-socket-user={user}", "--skip-name-resolve"], own)


def make_databases(stack: Stack, databases: Iterable[str], user: str) -> None:
    """Make databases that do not exist yet, and a user with rights on just these."""
    account = f"'{user}'@'%'"
    statements = [f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{stack.passwords[user]}'"]
    for database in databases:
        statements.append(f"CREATE DATABASE IF NOT EXISTS {database}")
        statements.append(f"GRANT {_RIGHTS_OF_DIRAC} ON {database}.* TO {account}")
    run_sql(stack, ";\n".join(statements))


def run_sql(stack: Stack, sql: str, database: str = "") -> str:
    """Run SQL as the owner of everything; the output is tab-separated and has no head."""
    command = ["mariadb", "--no-defaults", "--batch", "--skip-column-names", f"--user={_owner()}"]
    command += [f"--socket={_socket(stack)}", *([database] if database else [])]
    return processes.run(command, environment.of_component(stack.layout, _COMPONENT), sql)


def _answers(stack: Stack) -> bool:
    try:
        return run_sql(stack, "SELECT 1").strip() == "1"
    except Failure:
        return False


def _socket(stack: Stack) -> Path:
    return Path(stack.sockets or "", "mariadb.sock")


def _owner() -> str:
    """Whoever runs this: MariaDB knows him by the Unix socket, without a password."""
    return pwd.getpwuid(os.geteuid()).pw_name
