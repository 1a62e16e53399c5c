# SPDX-License-Identifier: GPL-3.0-only
"""What all tests share: PilotLogDB on every kind of database that it runs on."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import URL

from PilotLoggingDIRAC.store.engine import Database
from PilotLoggingDIRAC.store.schema import metadata, schema_version
from PilotLoggingDIRAC.store.upgrade import prepare

_TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(_TESTS), str(_TESTS.parent / "dev")]

pytest.register_assert_rewrite("support")

# The folders above make these importable.
from parts.ports import SHARE, FreePorts  # noqa: E402
from support.mariadb import MARIADB, MariaDB  # noqa: E402

# A test that uses a database takes as long as the disk does, and each example makes logs of its own in it. How fast a
# machine makes examples is no property of the code. The examples are the same in each run, so that a run says something
# of the change that it is for; ``--hypothesis-profile=search`` looks for new ones, and ``brief`` is for another Python.
_PATIENT: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.data_too_large,
        hypothesis.HealthCheck.large_base_example,
    ],
}
hypothesis.settings.register_profile("search", **_PATIENT)
hypothesis.settings.register_profile("pilotlogging", derandomize=True, database=None, **_PATIENT)
hypothesis.settings.register_profile("brief", derandomize=True, database=None, max_examples=10, **_PATIENT)
hypothesis.settings.load_profile("pilotlogging")


def pytest_configure() -> None:
    """Let SIGTERM end the tests as Ctrl-C does: then fixtures end what they started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


_LONGEST = (
    "portal/test_portal", "package/test_pythons", "plugins/test_config_command", "scale/test_many_pilots",
    "dirac/test_commands_side_by_side", "plugins/test_to_the_grid_and_back", "dirac/test_agent",
    "pilot/test_install_guide",
)  # fmt: skip
"""Files that begin first, so that in the end no process runs alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which pytest-xdist hands out the files, with ``--no-loadscope-reorder``."""
    files = {_TESTS / f"{name}.py": place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: files.get(item.path, len(files)))


@pytest.fixture(scope="session", autouse=True)
def no_detours() -> Iterator[None]:
    """What a machine sets for its way to the Internet must not lead calls to loopback astray."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "localhost,127.0.0.1,::1")
        for name in [name for name in os.environ if name.startswith(("DIRAC", "X509_", "PILOTLOGGING_"))]:
            patch.delenv(name)
        if "PYTEST_XDIST_WORKER" in os.environ:
            number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
            patch.setenv(SHARE, f"{number}/{os.environ['PYTEST_XDIST_WORKER_COUNT']}")
        yield


@pytest.fixture(scope="session")
def database_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where all databases are: in memory where that has room, since no test pulls the plug of its machine."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 2**30:
        with tempfile.TemporaryDirectory(dir=memory, prefix="pilotlogging-") as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("databases")


@pytest.fixture(scope="session")
def mariadb_server(database_folder: Path) -> Iterator[MariaDB]:
    """One MariaDB for all tests of the session."""
    places = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    if not (shutil.which("mariadbd", path=places) and shutil.which("mariadb-install-db", path=places)):
        pytest.skip("there is no mariadbd: install the Debian package mariadb-server")
    pytest.importorskip("MySQLdb", reason="there is no MySQLdb: install mysqlclient")
    with FreePorts() as ports:
        server = MariaDB(database_folder / MARIADB, ports.take())
        try:
            server.start()
            yield server
        finally:
            server.remove()


@pytest.fixture(scope="session")
def mariadb_database(mariadb_server: MariaDB) -> Iterator[Database]:
    """One prepared database for all tests: emptying its tables is much faster than making them."""
    database = Database(mariadb_server.new_database())
    prepare(database)
    yield database
    database.close()


@pytest.fixture(scope="session")
def sqlite_template(database_folder: Path) -> Path:
    """A file with empty tables: copying it is much faster than making them."""
    file = database_folder / "template.sqlite"
    database = Database(URL.create("sqlite", database=str(file)))
    prepare(database)
    database.close()
    return file


@pytest.fixture(params=["sqlite", MARIADB])
def backend(request: pytest.FixtureRequest) -> str:
    """The kinds of database that everything must work on."""
    return str(request.param)


@pytest.fixture
def new_url(request: pytest.FixtureRequest, backend: str, database_folder: Path) -> Callable[[], URL]:
    """Makes empty databases, without tables."""
    if backend == MARIADB:
        server: MariaDB = request.getfixturevalue("mariadb_server")
        return server.new_database
    return lambda: URL.create("sqlite", database=str(database_folder / f"{secrets.token_hex(8)}.sqlite"))


@pytest.fixture
def database(request: pytest.FixtureRequest, backend: str) -> Iterator[Database]:
    """A PilotLogDB that is ready for use and empty."""
    if backend == MARIADB:
        database = request.getfixturevalue("mariadb_database")
        with database.writing() as connection:
            for table in metadata.sorted_tables:
                if table is not schema_version:
                    connection.execute(table.delete())
        yield database
        return
    template: Path = request.getfixturevalue("sqlite_template")
    file = shutil.copy(template, template.with_name(f"{secrets.token_hex(8)}.sqlite"))
    database = Database(URL.create("sqlite", database=str(file)))
    yield database
    database.close()
    file.unlink()
