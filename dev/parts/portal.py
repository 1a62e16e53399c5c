# SPDX-License-Identifier: GPL-3.0-only
"""DIRAC's web portal, and the DISET services behind its PilotMonitor with the table of pilots that they read."""

import importlib.util
import secrets
from pathlib import Path

from . import environment, mariadb, processes
from .browser_certificates import write_browser_certificates
from .failure import Failure
from .layout import PROJECT
from .portal_configuration import DATABASE_USER, DATABASES, SERVICES
from .state import Stack
from .xrootd import takes_connections

COMPONENTS = ("portal", *SERVICES)


def address(stack: Stack) -> str:
    """Where a browser goes; the group comes from the Registry."""
    return stack.url("portal", "DIRAC/")


def prepare(stack: Stack) -> None:
    """Make what must be there before the configuration is written: database, password, certificates for browsers."""
    stack.passwords[DATABASE_USER] = secrets.token_hex(12)
    stack.save()
    mariadb.make_databases(stack, list(DATABASES), DATABASE_USER)
    for name, system in DATABASES.items():
        if not mariadb.run_sql(stack, "SHOW TABLES", database=name):
            schema = _package("DIRAC") / f"{system}System" / "DB" / f"{name}.sql"
            mariadb.run_sql(stack, schema.read_text())
    write_browser_certificates(stack.layout)


def start(stack: Stack) -> None:
    """Start the portal and its services; wait_for() tells when they serve."""
    for component in COMPONENTS:
        start_component(stack, component)


def start_component(stack: Stack, component: str) -> None:
    """Start one of them."""
    layout = stack.layout
    if component == "portal":
        _package("WebAppDIRAC")
        # The portal gives static files from below its root only, and those of .venv and src are to be among them.
        own = environment.of_component(layout, component, DIRAC_USE_TORNADO_IOLOOP="yes", DIRAC_ROOT_PATH=str(PROJECT))
        command = [environment.BIN / "dirac-webapp-run", "--cfg", layout.configuration]
    else:
        own = environment.of_component(layout, component)
        command = [environment.BIN / "dirac-service", SERVICES[component], "--cfg", layout.configuration]
    process = processes.start(component, command, own, log=layout.log(component), directory=layout.home(component))
    stack.add(process)


def wait_for(stack: Stack) -> None:
    """Wait until all of them take connections."""
    for component in COMPONENTS:
        wait_for_component(stack, component)


def wait_for_component(stack: Stack, component: str) -> None:
    """Wait until one of them takes connections."""
    processes.wait_until(stack.processes[component], lambda: takes_connections(stack.ports[component]))


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise Failure(f"{name} is not installed; run dev/install test")
    return Path(found.submodule_search_locations[0])
