# SPDX-License-Identifier: GPL-3.0-only
"""The transport beside DIRAC's own services: all of the grid in one process with ours, and a CS that changes."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from grid_support.grid import Grid
from harness.client import Client
from harness.stacks import dumped
from harness.waiting import until
from parts.environment import BIN
from parts.grid_configuration import CS_SERVICE, DATABASE_USER, GRID_SERVICES
from parts.ports import FreePorts
from parts.state import SERVICE

CHANGE = """
import json, sys
import DIRAC
DIRAC.initialize()
from DIRAC.ConfigurationSystem.Client.CSAPI import CSAPI
api = CSAPI()
done = [api.modifyValue(path, value) for path, value in json.load(sys.stdin).items()]
failed = [result for result in (*done, api.commit()) if not result["OK"]]
sys.exit(f"the CS refuses that: {failed}" if failed else 0)
"""
GROUPS = "/Registry/Groups"


def _change_cs(grid: Grid, values: dict[str, str]) -> None:
    """As an administrator does it with DIRAC's own means."""
    layout = grid.stack.layout
    own = grid.stack.environment("test-cs", DIRACSYSCONFIG=str(layout.configuration))
    own["X509_USER_PROXY"] = str(layout.credentials / "admin.pem")
    done = subprocess.run(
        [sys.executable, "-c", CHANGE], env=own, input=json.dumps(values), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def _changed(grid: Grid, now: dict[str, str], before: dict[str, str]) -> Iterator[None]:
    _change_cs(grid, now)
    try:
        yield
    finally:
        _change_cs(grid, before)


def _write(client: Client) -> int:
    return client("sendMessage", dumped("a line\n"), uuid.uuid4().hex, "").status


def _read(client: Client) -> int:
    return client("countLogs", {}, ["Site"]).status


def test_what_changes_in_the_registry_holds_on_connections_that_are_kept(grid: Grid) -> None:
    """A group loses a property, and two users their group; then they have it again."""
    who = {"beta_pilot": _write, "beta_user": _read, "alpha_pilot": _write}
    clients = {name: grid.stack.client(name) for name in who}
    assert {name: ask(clients[name]) for name, ask in who.items()} == dict.fromkeys(who, 200)
    now = {
        f"{GROUPS}/beta_pilot/Properties": "NormalUser",
        f"{GROUPS}/beta_user/Users": "operator",
        f"{GROUPS}/alpha_pilot/Users": "operator",
    }
    before = {
        f"{GROUPS}/beta_pilot/Properties": "Pilot",
        f"{GROUPS}/beta_user/Users": "beta_user",
        f"{GROUPS}/alpha_pilot/Users": "alpha_pilot",
    }
    sockets = {name: client.connection.sock for name, client in clients.items()}
    with _changed(grid, now, before):
        for name, ask in who.items():
            until(lambda ask=ask, name=name: ask(clients[name]) == 401, 30, f"{name} is refused")
    for name, ask in who.items():
        until(lambda ask=ask, name=name: ask(clients[name]) == 200, 30, f"{name} may again")
    assert {name: client.connection.sock for name, client in clients.items()} == sockets


@pytest.fixture(scope="module")
def together(grid: Grid) -> Iterator[str]:
    """The address of a process that serves ours and all services of the grid, the CS among them, on one port."""
    stack = grid.stack
    with FreePorts() as ports:
        port = ports.take()
    options = {
        "/Systems/Tornado/Port": port,
        "/Systems/Configuration/Services/Server/Protocol": "https",
        "/Systems/Configuration/Services/Server/Port": "",  # that of all others
        "/Systems/Databases/User": DATABASE_USER,
        "/Systems/Databases/Password": stack.plan.passwords[DATABASE_USER],
        "/Systems/Databases/Host": "127.0.0.1",
        "/Systems/Databases/Port": stack.plan.ports["mariadb"],
    }
    command: list[Any] = [BIN / "tornado-start-all", "--cfg", stack.layout.configuration]
    for path, value in options.items():
        command += ["-o", f"{path}={value}"]
    own = stack.environment("together", DIRAC_USE_TORNADO_IOLOOP="yes")
    program = stack.start("together", command, own, stack.layout.home("together"))
    address = f"https://localhost:{port}"

    def serves() -> bool:
        assert program.process.poll() is None, program.said
        try:
            return bool(_client(grid, f"{address}/{SERVICE}", "operator")("ping")["OK"])
        except OSError:
            return False

    try:
        until(serves, 60, "it serves")
        yield address
    finally:
        program.end()


def _client(grid: Grid, url: str, who: str) -> Client:
    layout = grid.stack.layout
    return Client(url, layout.certificates, layout.credentials / f"{who}.pem")


@pytest.mark.parametrize("service", [CS_SERVICE, *GRID_SERVICES])
def test_each_service_answers_beside_ours(grid: Grid, together: str, service: str) -> None:
    """With who calls, and with what it keeps in its database, over one connection that is kept."""
    client = _client(grid, f"{together}/{service}", "alpha_user")
    who = client("whoami").value
    assert (who["username"], who["group"]) == ("alpha_user", "alpha_user")
    asked = {
        CS_SERVICE: ("getVersion",),
        "DataManagement/TornadoFileCatalog": ("isDirectory", {"/": True}),
        "Framework/TornadoComponentMonitoring": ("getComponents", {}, False, False),
        "Framework/TornadoProxyManager": ("getUserProxiesInfo",),
        "ResourceStatus/TornadoResourceStatus": ("select", "SiteStatus", {}),
    }[service]
    sock = client.connection.sock
    assert client(*asked)["OK"]
    assert client.connection.sock is sock


def test_ours_is_what_it_is_alone(grid: Grid, together: str) -> None:
    stamp = uuid.uuid4().hex
    assert _client(grid, f"{together}/{SERVICE}", "alpha_pilot")("sendMessage", dumped("one\n"), stamp, "alpha")["OK"]
    assert _client(grid, f"{together}/{SERVICE}", "alpha_user").text_of(stamp) == "one\n"
    assert grid.read("alpha", stamp) == "one\n"
