# SPDX-License-Identifier: GPL-3.0-only
"""What can happen to one component of a running stack: for tests of outages, and for people."""

import signal

from . import activemq, agent, balancer, collectors, grid, mariadb, portal, processes, rabbitmq, s3, xrootd
from .failure import Failure
from .state import BALANCER, Stack

ACTIONS = ("stop", "start", "kill", "pause", "resume")


def change(stack: Stack, component: str, action: str) -> None:
    """Stop, start, kill, pause or resume one component; its port and its data stay the same.

    Args:
        action: ``stop`` asks it to end, ``kill`` is SIGKILL, ``pause`` and ``resume`` are SIGSTOP and SIGCONT;
            ``start`` returns when it serves again

    Raises:
        Failure: there is no such component, or it is not in a state for this action
    """
    if component not in stack.components:
        raise Failure(f"there is no {component}: this stack has {', '.join(stack.components)}")
    process = stack.processes.get(component)
    running = process is not None and process.is_running()
    if action == "start":
        if running:
            raise Failure(f"{component} is running already")
        _start(stack, component)
        return
    if not running:
        raise Failure(f"{component} is not running")
    if action == "pause":
        process.send(signal.SIGSTOP)
    elif action == "resume":
        process.send(signal.SIGCONT)
    else:
        end = processes.kill if action == "kill" else processes.end
        end([process], stack.mark)
        del stack.processes[component]
        stack.save()


def _start(stack: Stack, component: str) -> None:
    if component in stack.collectors:
        collectors.start(stack, component)
        collectors.wait_for(stack, component)
    elif component == "mariadb":
        mariadb.start(stack)
    elif component == BALANCER:
        balancer.start(stack)
    elif component == "agent":
        agent.start(stack)
    elif component in portal.COMPONENTS:
        portal.start_component(stack, component)
        portal.wait_for_component(stack, component)
    elif component == "xrootd":
        xrootd.start(stack)
        xrootd.wait_for(stack)
    elif component == activemq.ACTIVEMQ:
        activemq.start(stack)
        activemq.wait_for(stack)
    elif component == rabbitmq.RABBITMQ:
        rabbitmq.start(stack)
        rabbitmq.wait_for(stack)
    elif component == rabbitmq.EPMD:
        rabbitmq.start_epmd(stack)
    elif component == "s3":
        s3.start(stack)
        s3.wait_for(stack)
    else:
        grid.start_dirac(stack, component)
        grid.wait_for_dirac(stack, component)
