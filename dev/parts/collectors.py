"""The collectors: real ``tornado-start-all`` processes with WorkloadManagement/TornadoPilotLogging and no more."""

import signal

from . import environment, processes
from .failure import StackFailure
from .grid_configuration import GRID_SERVICES, switched_off
from .ping import wait_for_service
from .state import SERVICE, Stack

ACTIONS = ("stop", "start", "kill", "pause", "resume")


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


def change(stack: Stack, number: int, action: str) -> None:
    """Stop, start, kill, pause or resume one collector, as a fault would.

    Args:
        action: ``stop`` asks it to end, ``kill`` is SIGKILL, ``pause`` and ``resume`` are SIGSTOP and SIGCONT

    Raises:
        StackFailure: there is no such collector, or it is not in a state for this action
    """
    if not 0 <= number < stack.plan.collectors:
        raise StackFailure(f"there is no collector {number}: this stack has 0 to {stack.plan.collectors - 1}")
    collector = stack.collectors[number]
    process = stack.processes.get(collector)
    running = process is not None and process.is_running()
    if action == "start":
        if running:
            raise StackFailure(f"{collector} is running already")
        start(stack, collector)
        wait_for(stack, collector)
        return
    if not running:
        raise StackFailure(f"{collector} is not running")
    if action == "pause":
        process.send(signal.SIGSTOP)
    elif action == "resume":
        process.send(signal.SIGCONT)
    else:
        end = processes.kill if action == "kill" else processes.end
        end([process], stack.mark)
        del stack.processes[collector]
        stack.save()
