# SPDX-License-Identifier: GPL-3.0-only
"""Up and down: the order in which a stack's parts start, and how all of them end."""

import secrets
import shutil
import string
import time
from pathlib import Path

from . import (
    activemq,
    agent,
    balancer,
    brokers,
    collectors,
    configuration,
    grid,
    mariadb,
    portal,
    processes,
    rabbitmq,
    state,
)
from .credentials import write_credentials
from .environment import write_env_sh
from .failure import Failure
from .layout import Layout
from .ports import FreePorts
from .state import Plan, Stack


def up(directory: Path, plan: Plan) -> None:
    """Start a stack; if anything fails or the user interrupts, what was started ends again.

    Raises:
        Failure: with the reason, and the end of the log that tells more
    """
    layout = Layout(directory.resolve())
    if set(str(layout.root)) & set(string.whitespace + ",'\""):
        raise Failure(f"DIRAC's configuration takes no blanks, commas or quotes in a path: {str(layout.root)!r}")
    with state.alone(layout.root):
        _refuse_if_running(layout)
        stack = Stack(layout, plan)
        list(configuration.overrides(stack))  # a wrong --option is told before anything starts
        try:
            with FreePorts() as ports:
                _start(stack, ports, _Progress())
        except BaseException:
            _end(stack)
            raise


def down(directory: Path) -> None:
    """End every process of a stack, and no other; a second call finds nothing to do."""
    state.load(directory)
    with state.alone(directory):
        _end(state.load(directory))


class _Progress:
    """One line a step, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"stack: {time.monotonic() - self._started:5.1f} s  {text}", flush=True)


def _start(stack: Stack, ports: FreePorts, progress: _Progress) -> None:
    layout, plan = stack.layout, stack.plan
    for component in _components_with_a_port(stack):
        stack.ports[component] = ports.take()
    for port in _hidden_ports(plan):
        stack.hidden_ports[port] = ports.take()
    for user in ("PilotLogDB", brokers.WRITER, brokers.READER):
        stack.passwords[user] = secrets.token_hex(12)
    stack.save()

    write_credentials(layout, ecdsa=plan.ecdsa)
    progress("certificates and proxies")
    layout.sqlite.parent.mkdir(parents=True, exist_ok=True)
    layout.archive.mkdir(parents=True, exist_ok=True)

    _start_brokers(stack)
    if plan.needs_mariadb:
        mariadb.start(stack)
        progress("MariaDB")
    if plan.portal:
        portal.prepare(stack)
    if plan.grid:
        grid.start(stack, progress)
    else:
        configuration.write_single(stack)

    for collector in stack.collectors:
        collectors.start(stack, collector)
    if plan.portal:
        portal.start(stack)
    if plan.grid:
        grid.fill(stack)
        progress("users' proxies, catalogue and storage status")
    _wait_for_brokers(stack, progress)
    for collector in stack.collectors:
        collectors.wait_for(stack, collector)
        progress(f"{collector} {stack.url(collector, state.SERVICE)}")

    if plan.balancer:
        balancer.start(stack)
        progress(f"HAProxy {stack.pilots_url}")

    if plan.portal:
        portal.wait_for(stack)
        progress(f"portal {portal.address(stack)} (certificate for a browser: {layout.users}/alpha_user.p12)")

    write_env_sh(stack)
    if plan.agent:
        agent.start(stack)
        progress("PilotLoggingAgent")
    progress(f"ready; . {layout.environment}")


def _start_brokers(stack: Stack) -> None:
    for broker in stack.plan.brokers:
        if broker == activemq.ACTIVEMQ:
            activemq.start(stack)
        else:
            rabbitmq.start_epmd(stack)
            rabbitmq.start(stack)


def _wait_for_brokers(stack: Stack, progress: _Progress) -> None:
    for broker in stack.plan.brokers:
        (activemq if broker == activemq.ACTIVEMQ else rabbitmq).wait_for(stack)
        progress(f"{broker}, STOMP on port {stack.ports[broker]}, with TLS on {brokers.tls_port(stack, broker)}")


def _hidden_ports(plan: Plan) -> list[str]:
    names = [f"{broker} tls" for broker in plan.brokers]
    return [*names, f"{rabbitmq.RABBITMQ} node"] if rabbitmq.RABBITMQ in plan.brokers else names


def _components_with_a_port(stack: Stack) -> list[str]:
    components = list(stack.collectors)
    if stack.plan.needs_mariadb:
        components.append("mariadb")
    if stack.plan.balancer:
        components.append(state.BALANCER)
    if stack.plan.portal:
        components += portal.COMPONENTS
    if stack.plan.grid:
        components += grid.COMPONENTS_WITH_A_PORT
    components += stack.plan.brokers
    if rabbitmq.RABBITMQ in stack.plan.brokers:
        components.append(rabbitmq.EPMD)
    return components


def _refuse_if_running(layout: Layout) -> None:
    if not layout.state.exists():
        return
    running = [name for name, process in state.load(layout.root).processes.items() if process.is_running()]
    if running:
        raise Failure(f"the stack in {layout.root} is up already ({', '.join(running)}); dev/stack down it first")


def _end(stack: Stack) -> None:
    """Agents end first, so that they can finish with what they use; the database and what RabbitMQ ends with, last."""
    for stage in (_AGENTS, _NEITHER, _LAST):
        leaving = [process for process in stack.processes.values() if _stage(process.name) == stage]
        processes.end(leaving, stack.mark)
    stack.processes.clear()
    if stack.sockets:
        shutil.rmtree(stack.sockets, ignore_errors=True)
        stack.sockets = None
    if stack.layout.state.exists():
        stack.save()


_AGENTS, _NEITHER, _LAST = range(3)


def _stage(component: str) -> int:
    return {"agent": _AGENTS, "mariadb": _LAST, rabbitmq.EPMD: _LAST}.get(component, _NEITHER)
