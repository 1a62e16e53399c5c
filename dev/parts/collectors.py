# SPDX-License-Identifier: GPL-3.0-only
"""The collectors: real ``tornado-start-all`` processes with WorkloadManagement/TornadoPilotLogging and no more."""

from . import environment, processes
from .grid_configuration import GRID_SERVICES, switched_off
from .ping import wait_for_service
from .state import SERVICE, Stack


def start(stack: Stack, collector: str) -> None:
    """Start one collector on its port; wait_for() tells when it serves."""
    layout = stack.layout
    options = [f"/Systems/Tornado/Port={stack.ports[collector]}"]
    if stack.plan.grid:  # their services stand in the same CS
        options += [switched_off(service) for service in GRID_SERVICES]
    command = [environment.BIN / "tornado-start-all", "--cfg", layout.configuration]
    for option in options:
        command += ["-o", option]
    own = environment.of_component(layout, collector, DIRAC_USE_TORNADO_IOLOOP="yes")
    stack.add(
        processes.start(collector, command, own, log=layout.log(collector), directory=layout.home(collector)),
    )


def wait_for(stack: Stack, collector: str) -> None:
    """Wait until a collector answers requests."""
    wait_for_service(stack, stack.processes[collector], stack.url(collector, SERVICE))
