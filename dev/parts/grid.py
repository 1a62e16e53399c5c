# SPDX-License-Identifier: GPL-3.0-only
"""A small grid around the collectors: CS, file catalogue, ProxyManager, resource status, xrootd and S3."""

import importlib.util
import secrets
from collections.abc import Callable
from pathlib import Path

from . import environment, mariadb, processes, s3, xrootd
from .failure import Failure
from .grid_configuration import CS_SERVICE, DATABASE_USER, DATABASES, GRID_SERVICES, S3_USER, write_all
from .layout import PROJECT
from .ping import wait_for_service
from .state import Stack

COMPONENTS_WITH_A_PORT = ("cs", "services", "xrootd", "s3")


def start(stack: Stack, progress: Callable[[str], None]) -> None:
    """Start everything that collectors need, and what they do not need yet as well; fill() waits for that."""
    for user in (DATABASE_USER, S3_USER):
        stack.passwords[user] = secrets.token_hex(12)
    stack.save()
    write_all(stack)
    _make_databases(stack)
    progress("databases")
    xrootd.start(stack)
    s3.start(stack)
    start_dirac(stack, "cs")
    wait_for_dirac(stack, "cs")
    progress(f"CS {stack.url('cs', CS_SERVICE)}")
    start_dirac(stack, "services")


def fill(stack: Stack) -> None:
    """Wait for the services, and give them what an administrator and the shifters would."""
    xrootd.wait_for(stack)
    s3.wait_for(stack)
    wait_for_dirac(stack, "services")
    layout = stack.layout
    own = environment.of_component(layout, "setup", DIRACSYSCONFIG=str(layout.configuration))
    own["PYTHONPATH"] = str(PROJECT / "dev")
    processes.run([environment.BIN / "python", "-P", "-m", "parts.grid_contents", layout.root], own)


def start_dirac(stack: Stack, component: str) -> None:
    """Start the CS or the process of the other services; wait_for_dirac() tells when it serves."""
    layout = stack.layout
    own = environment.of_component(layout, component, DIRAC_USE_TORNADO_IOLOOP="yes")
    program = environment.BIN / ("tornado-start-CS" if component == "cs" else "tornado-start-all")
    process = processes.start(component, [program], own, log=layout.log(component), directory=layout.home(component))
    stack.add(process)


def wait_for_dirac(stack: Stack, component: str) -> None:
    """Wait until each service of a process answers requests."""
    for service in [CS_SERVICE] if component == "cs" else GRID_SERVICES:
        wait_for_service(stack, stack.processes[component], stack.url(component, service))


def _make_databases(stack: Stack) -> None:
    mariadb.make_databases(stack, DATABASES, DATABASE_USER)
    if mariadb.run_sql(stack, "SHOW TABLES", database="FileCatalogDB"):
        return
    dirac = importlib.util.find_spec("DIRAC")
    if dirac is None or not dirac.submodule_search_locations:
        raise Failure("DIRAC is not installed; run dev/install test")
    schema = Path(dirac.submodule_search_locations[0], "DataManagementSystem", "DB", "FileCatalogWithFkAndPsDB.sql")
    mariadb.run_sql(stack, schema.read_text())
