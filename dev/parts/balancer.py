# SPDX-License-Identifier: GPL-3.0-only
"""HAProxy in front of the collectors, with the project's example file and the stack's own ports and paths."""

import re
import tempfile
from pathlib import Path

from . import environment, processes
from .failure import Failure
from .layout import PROJECT
from .state import BALANCER, Stack
from .xrootd import takes_connections

EXAMPLE = PROJECT / "examples" / "deployment" / "haproxy.cfg"


def start(stack: Stack) -> None:
    """Start HAProxy and wait until it takes connections."""
    layout = stack.layout
    home = layout.home(BALANCER)
    stack.sockets = stack.sockets or tempfile.mkdtemp(prefix="pilotlogging-")
    stack.save()
    file = home / "haproxy.cfg"
    file.write_text(configuration(stack))
    own = environment.of_component(layout, BALANCER)
    command = ["haproxy", "-db", "-f", file]
    process = processes.start(BALANCER, command, own, log=layout.log(BALANCER), directory=home)
    stack.add(process)
    processes.wait_until(process, lambda: takes_connections(stack.ports[BALANCER]))


def control_socket(stack: Stack) -> Path:
    """Where HAProxy takes commands, such as ``show servers state``."""
    return Path(stack.sockets or "", "balancer.sock")


def configuration(stack: Stack) -> str:
    """The example file, with what a stack cannot have as a site has it replaced.

    Raises:
        Failure: the example has no such line any more
    """
    port = stack.ports[BALANCER]
    servers = [f"    server {number} 127.0.0.1:{stack.ports[name]}" for number, name in enumerate(stack.collectors)]
    text = EXAMPLE.read_text()
    for pattern, replacement in (
        (r"(?:    server .*\n)+", "\n".join(servers) + "\n"),
        (r"bind :8443$", f"bind 127.0.0.1:{port},[::1]:{port}"),
        (r"log /dev/log local0$", "log stdout format raw local0"),
        (r"stats socket \S+", f"stats socket {control_socket(stack)}"),
        (r"    maxconn 20000$", "    maxconn 1000"),  # a developer may not open so many files
        # The account and the folder are made by Debian's package
        (r"    user haproxy\n    group haproxy\n    chroot .*\n", ""),
    ):
        text, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        if found != 1:
            raise Failure(f"{EXAMPLE.name} has {found} places like {pattern}, not one")
    return text
