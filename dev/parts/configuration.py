# SPDX-License-Identifier: GPL-3.0-only
"""The DIRAC configuration of a stack: one dirac.cfg, or in a grid stack a small one and the content of the CS."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from diraccfg import CFG

from . import brokers, portal_configuration
from .failure import Failure
from .identities import HOST, HOST_PROPERTIES, USERS, VOS, subject
from .state import SERVICE, Stack

Tree = dict[str, Any]
"""Sections are dicts, options are anything that has a text; a list becomes a comma-separated one."""

SITE = "DIRAC.Loopback.org"

_SENDERS = ("Operator", "GenericPilot", "Pilot")
_OPERATORS = ("Operator", "TrustedHost")


def write_single(stack: Stack) -> None:
    """Write the one dirac.cfg of a stack without a CS: it serves collectors, agents and clients.

    ``UseServerCertificate`` is not in it: services and agents take yes for it, scripts no.
    """
    tree = {"DIRAC": {"Security": security(stack)}, **registry(), **operations(stack), **systems(stack)}
    tree["Resources"] = brokers.services(stack)
    if stack.plan.portal:
        add(tree, portal_configuration.content(stack))
    for path, value in overrides(stack):
        put(tree, path, value)
    add(tree["Resources"], brokers.passwords(stack))
    write(tree, stack.layout.configuration)


def security(stack: Stack) -> Tree:
    """Where the CA directory and the host's certificate are."""
    layout = stack.layout
    return {"CALocation": layout.certificates, "CertFile": layout.host_certificate, "KeyFile": layout.host_key}


def registry() -> Tree:
    """Everybody that identities.py knows."""
    groups = {}
    for user in USERS:
        groups[user.group] = {"Users": user.name, "Properties": user.properties}
        if user.vo:
            groups[user.group]["VO"] = user.vo
    return {
        "Registry": {
            "Users": {user.name: {"DN": user.dn, "Email": f"{user.name}@{HOST}"} for user in USERS},
            "Groups": groups,
            "Hosts": {HOST: {"DN": subject(HOST), "Properties": HOST_PROPERTIES}},
            "VO": {vo: {"VOMSName": vo} for vo in VOS},
        }
    }


def operations(stack: Stack) -> Tree:
    """The pilots' options, per community; archived in a local directory."""
    pilots = {"RemoteLogging": True, "RemoteLoggerURL": stack.pilots_url}
    return {
        "Operations": {
            "Defaults": {"Pilot": {"LocalDirectory": {"Path": stack.layout.archive}}},
            **{vo: {"Pilot": dict(pilots)} for vo in VOS},
        }
    }


def systems(stack: Stack) -> Tree:
    """The collector's service, its database and its agent."""
    service: Tree = {
        "Protocol": "https",
        "Authorization": {
            "Default": "authenticated",
            "sendMessage": _SENDERS,
            "finaliseLogs": _SENDERS,
            "appendLog": _SENDERS,
            "getMetadata": _OPERATORS,
            "getStatistics": _OPERATORS,
            "getLogs": "authenticated",
            "readLog": "authenticated",
            "listLogs": "authenticated",
        },
    }
    if stack.plan.stock:
        service["HandlerPath"] = "DIRAC/WorkloadManagementSystem/Service/TornadoPilotLoggingHandler.py"
        service["LoggingPlugin"] = "FileCacheLoggingPlugin"
    system, name = SERVICE.split("/")
    return {
        "Systems": {
            system: {
                "Services": {name: service},
                "URLs": {name: stack.collector_urls},
                "Databases": {"PilotLogDB": _pilot_log_db(stack)},
                "Agents": {"PilotLoggingAgent": {"PollingTime": 10, "MaxCycles": 0}},
            }
        }
    }


def _pilot_log_db(stack: Stack) -> Tree:
    if stack.plan.database == "sqlite":
        return {"SQLiteFile": stack.layout.sqlite}
    return {
        "DBName": "PilotLogDB",
        "Host": "127.0.0.1",
        "Port": stack.ports["mariadb"],
        "User": "PilotLogDB",
        "Password": stack.passwords["PilotLogDB"],
    }


def overrides(stack: Stack) -> Iterable[tuple[str, str]]:
    """The ``--option`` arguments, as path and value.

    Raises:
        Failure: one is not of the form /Path/To/Option=value
    """
    for option in stack.plan.options:
        path, equals, value = option.partition("=")
        if not equals or not path.startswith("/") or path.count("/") < 2 or "" in path.split("/")[1:]:
            raise Failure(f"--option takes /Path/To/Option=value, not {option!r}")
        yield path, value


def put(tree: Tree, path: str, value: str) -> None:
    """Set one option, making its sections."""
    *sections, name = path.strip("/").split("/")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise Failure(f"--option {path}: {section} is an option, not a section")
    if isinstance(tree.get(name), dict):
        raise Failure(f"--option {path} is a section, not an option")
    tree[name] = value


def add(tree: Tree, more: Tree) -> None:
    """Add options and sections to a tree, section by section."""
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(tree.get(name), dict):
            add(tree[name], value)
        else:
            tree[name] = value


def write(tree: Tree, path: Path) -> None:
    """Write a .cfg that nobody else reads: it may hold a password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(str(CFG().loadFromDict(tree)))
